service "platform" {
  cors {
    allowed_origins = ["*"]
    credentials     = true
  }
}
