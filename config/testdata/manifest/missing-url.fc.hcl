manifest {
  name = "orders"
}

connection "warehouse" {
  max_concurrency = 8
}
