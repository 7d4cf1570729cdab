manifest {
  name   = "shop"
  client = "acme"
}
application "shop" {
}
