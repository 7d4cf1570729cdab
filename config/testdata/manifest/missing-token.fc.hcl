manifest {
  name = "orders"
}

connection "warehouse" {
  url = "https://hooks.example.com"
  auth {
    type = "bearer"
  }
}
