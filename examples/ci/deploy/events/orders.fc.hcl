manifest {
  name = "orders"
}

connection "hooks" {
  url             = "https://hooks.example.com/orders"
  max_concurrency = 8
  signing {
    scheme = "standard-webhooks"
    secret = env("HOOKS_SECRET")
  }
}

subscription "orders" {
  event_types = ["shop:sales:order:*"]
  connection  = connection.hooks
}
