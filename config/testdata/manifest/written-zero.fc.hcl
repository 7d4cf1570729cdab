manifest {
  name = "orders"
}

dispatch_pool "none" {
  concurrency = 0
}
subscription "ship" {
  event_types = ["orders:*:*:*"]
  target      = "https://hooks.example.com"
  max_retries = 0
}
