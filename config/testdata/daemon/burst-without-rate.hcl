service "platform" {
  publish_limit {
    burst = 100
  }
}
