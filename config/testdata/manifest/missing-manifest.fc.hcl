dispatch_pool "fast" {}
