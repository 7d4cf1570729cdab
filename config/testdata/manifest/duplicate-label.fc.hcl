manifest {
  name = "orders"
}

dispatch_pool "fast" {}
dispatch_pool "fast" {
  concurrency = 3
}
