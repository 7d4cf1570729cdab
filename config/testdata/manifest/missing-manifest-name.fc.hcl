manifest {
  client = "acme"
}
