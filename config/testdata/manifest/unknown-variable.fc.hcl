manifest {
  name = "orders"
}

variable "hooks" {
  default = "https://hooks.example.com"
}
connection "warehouse" {
  url = "${var.hook}/shipments"
}
