service "platform" {}
retention {
  payloads = "30d"
  events   = "90d"
  jobs     = "90d"
  client "acme" {
    payloads = "7d"
    events   = "forever"
  }
}
