admin {
  listen = "9090"
}
service "router" {
  listen = ":99999"
}
