service "platform" {}

mail "smtp" {
  host     = "smtp.example.com:25"
  from     = "events@example.com"
  username = "events"
  password = "not to be shown"
  tls      = "none"
}
