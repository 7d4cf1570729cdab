manifest {
  name = "orders"
}

connection "warehouse" {
  url = "https://hooks.example.com"
  tls {
    key = "hunter2"
  }
}
