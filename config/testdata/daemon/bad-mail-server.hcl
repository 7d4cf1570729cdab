service "platform" {}

mail "smtp" {
  host = "https://smtp.example.com"
  from = "nobody"
}
