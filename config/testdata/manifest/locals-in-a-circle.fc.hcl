manifest {
  name = "orders"
}

locals {
  a = local.b
  b = "${local.c}!"
  c = local.a
}
