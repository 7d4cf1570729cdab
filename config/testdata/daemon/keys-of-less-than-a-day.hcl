service "platform" {
  signing_keys { rotate_after = "1h" }
}
