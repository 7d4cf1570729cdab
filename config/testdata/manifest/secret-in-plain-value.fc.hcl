manifest {
  name = "orders"
}

connection "warehouse" {
  url = "https://hooks.example.com/${secret("env://WAREHOUSE_SECRET")}"
}
