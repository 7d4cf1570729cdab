manifest {
  name = "orders"
}

dispatch_pool "fast" {
  rate_limit = "500/fortnight"
}
dispatch_pool "slow" {
  rate_limit = true
}
