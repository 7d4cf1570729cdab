manifest {
  name = "orders"
}

connection "warehouse" {
  url = "https://${each.key}.example.com"
}
