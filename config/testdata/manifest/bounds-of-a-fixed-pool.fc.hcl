manifest {
  name = "orders"
}

dispatch_pool "steady" {
  concurrency     = 8
  max_concurrency = 64
}
