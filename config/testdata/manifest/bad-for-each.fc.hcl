manifest {
  name = "orders"
}

connection "a" {
  for_each = 3
  url      = "https://a.example.com"
}
connection "b" {
  for_each = ["eu", "eu"]
  url      = "https://${each.key}.example.com"
}
connection "c" {
  for_each = toset([secret("env://WAREHOUSE_SECRET")])
  url      = "https://c.example.com"
}
