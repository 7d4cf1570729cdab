service "platform" {
  signing_keys {
    rotate_after = "never"
  }
}

mail "smtp" {
  host     = "smtp.example.com"
  from     = "FlowCatalyst <events@example.com>"
  username = "events@example.com"
  password = "not to be shown"
}
