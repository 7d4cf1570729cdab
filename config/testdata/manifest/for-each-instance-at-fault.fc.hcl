manifest {
  name = "orders"
}

connection "hooks" {
  for_each = { eu = "https://eu.example.com", us = "us.example.com" }
  url      = each.value
}
