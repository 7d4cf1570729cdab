service "router" {
  listen = "127.0.0.1:8081"
  auth   = true
}
