manifest {
  name = "orders"
}

subscription "ship" {
  target = "https://hooks.example.com"
}
