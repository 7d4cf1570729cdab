manifest {
  name = "orders"
}

connection "hooks" {
  for_each = ["eu", "us"]
  code     = "hooks"
  url      = "https://${each.key}.example.com"
}
