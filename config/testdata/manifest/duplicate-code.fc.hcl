manifest {
  name = "orders"
}

dispatch_pool "fast" {}
dispatch_pool "quick" {
  code = "fast"
}
