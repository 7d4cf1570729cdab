store "postgres" {
}
queue "nats" "default" {}
leader {
  ttl = "10s"
}
service "outbox" "orders" {}
