manifest {
  name = "orders"
}

connection "warehouse" {
  url = "https://hooks.example.com"
  signing {
    scheme = "standard-webhooks"
    secret = env("ABSENT_SECRET")
  }
}
