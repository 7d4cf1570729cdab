service "platform" {
  cors {
    allowed_origins = ["https://app.example.com/"]
  }
  publish_limit {
    rate = "ten"
  }
}
