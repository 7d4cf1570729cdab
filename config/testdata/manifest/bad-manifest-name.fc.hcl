manifest {
  name = "the orders"
}
