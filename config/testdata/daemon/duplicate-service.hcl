service "router" {}
service "stream" {}
service "router" {
  listen = ":8082"
}
