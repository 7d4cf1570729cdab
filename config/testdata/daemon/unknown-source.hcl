service "outbox" "orders" {
  source "oracle" {
    url = "oracle://db.example.com/orders"
  }
}
