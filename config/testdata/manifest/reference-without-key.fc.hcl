manifest {
  name = "orders"
}

connection "hooks" {
  for_each = ["eu", "us"]
  url      = "https://${each.key}.example.com"
}
subscription "ship" {
  event_types = ["orders:*:*:*"]
  connection  = connection.hooks
}
