service "platform" {
  public_url = "events.example.com"
}
