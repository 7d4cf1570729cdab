manifest {
  name = "orders"
}

