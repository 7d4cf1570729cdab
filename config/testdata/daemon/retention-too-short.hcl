service "platform" {}
retention {
  events = "30s"
  jobs   = "a month"
}
