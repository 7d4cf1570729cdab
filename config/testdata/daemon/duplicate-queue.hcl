queue "sqlite" "default" {}
queue "nats" "default" {
  url = "nats://localhost:4222"
}
