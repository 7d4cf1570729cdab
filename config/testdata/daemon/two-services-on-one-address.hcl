service "platform" {
  listen = ":8080"
}
service "router" {
  listen = "127.0.0.1:8080"
}
