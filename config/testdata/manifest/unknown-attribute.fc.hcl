manifest {
  name = "orders"
}

subscription "ship" {
  event_typs = ["orders:*:*:*"]
  target     = "https://hooks.example.com"
  retry {
    schedul = ["1m"]
  }
}
