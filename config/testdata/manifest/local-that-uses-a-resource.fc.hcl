manifest {
  name = "orders"
}

locals {
  code = connection.warehouse
}
connection "warehouse" {
  url = "https://hooks.example.com"
}
