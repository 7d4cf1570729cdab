manifest {
  name = "orders"
}

connection "warehouse" {
  url = "https://hooks.example.com"
  signing {
    secrett = "hunter2"
    secret = "hunter2" + 1
  }
}
