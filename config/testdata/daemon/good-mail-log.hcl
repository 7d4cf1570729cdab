service "platform" {}

mail "log" {}
