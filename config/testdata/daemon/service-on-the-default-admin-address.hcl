service "platform" {
  listen = ":9090"
}
