manifest {
  name = "orders"
}

conection "warehouse" {
  url = "https://hooks.example.com"
}
