service "router" {
  listen = "127.0.0.1:0"
  egress {
    deny_private = false
    allow_cidrs  = ["192.0.2.7", "10.1.2.3/8"]
    https_only   = true
  }
}
