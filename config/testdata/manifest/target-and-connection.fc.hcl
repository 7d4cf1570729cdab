manifest {
  name = "orders"
}

connection "warehouse" {
  url = "https://hooks.example.com"
}
subscription "ship" {
  event_types = ["orders:*:*:*"]
  connection  = connection.warehouse
  target      = "https://hooks.example.com"
}
