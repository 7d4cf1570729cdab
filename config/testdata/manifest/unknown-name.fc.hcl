manifest {
  name = "orders"
}

connection "warehouse" {
  url    = vars.hooks
  status = PAUSED
}
