manifest {
  name = "orders"
}

subscription "ship" {
  event_types = ["orders:*:*:*"]
  target      = "https://hooks.example.com"
  mode        = "BLOCK"
  max_retries = 2000
}
