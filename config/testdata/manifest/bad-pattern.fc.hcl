manifest {
  name = "orders"
}

subscription "ship" {
  event_types = [
    "orders:*:*:*",
    "orders:ship*:*:*",
  ]
  target = "https://hooks.example.com"
}
