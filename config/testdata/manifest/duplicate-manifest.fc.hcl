manifest {
  name = "orders"
}

manifest {
  name = "billing"
}
