service "platform" {
  max_body = "32 megabytes"
}
