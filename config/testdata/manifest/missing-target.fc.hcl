manifest {
  name = "orders"
}

subscription "ship" {
  event_types = ["orders:*:*:*"]
}
