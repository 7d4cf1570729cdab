manifest {
  name = "orders"
}

connection "warehouse" {
  url             = 7
  max_concurrency = "eight"
  headers         = ["X-Team"]
}
subscription "ship" {
  event_types   = "orders:*:*:*"
  target        = "https://hooks.example.com"
  data_only     = "perhaps"
  filter        = 3
  custom_config = { a = [] }
  retry {
    jitter = "some"
    on     = ["404"]
  }
}
subscription "bind" {
  event_types = ["orders:*:*:*", { pattern = "orders:*:*:*" }]
  target      = "https://hooks.example.com"
}
