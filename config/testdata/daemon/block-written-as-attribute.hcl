service "router" {
  egress = { deny_private = false }
}
