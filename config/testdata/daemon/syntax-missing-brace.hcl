service "platform" {
  listen = ":8080"

service "router" {
}
