manifest {
  name = "orders"
}

subscription "ship" {
  event_types = ["orders:*:*:*"]
  target      = "https://hooks.example.com"
  timeout     = 30
  max_age     = "90"
  delay       = "1500ms"
  retry {
    schedule = ["1m", "soon"]
  }
}
