manifest {
  name = "orders"
}

event_type "orders:shipped" {}
