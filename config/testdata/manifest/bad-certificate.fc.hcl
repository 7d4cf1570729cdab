manifest {
  name = "orders"
}

connection "warehouse" {
  url = "https://hooks.example.com"
  tls {
    ca = "files/ca.pem"
  }
}
