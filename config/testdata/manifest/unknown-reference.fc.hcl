manifest {
  name = "orders"
}

connection "warehouse" {
  url = "https://hooks.example.com"
}
subscription "ship" {
  event_types = ["orders:*:*:*"]
  connection  = connection.warehose
  pool        = dispatch_pool.fast
}
