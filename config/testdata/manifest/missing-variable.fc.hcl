manifest {
  name = "orders"
}

variable "hooks" {}
connection "warehouse" {
  url = var.hooks
}
