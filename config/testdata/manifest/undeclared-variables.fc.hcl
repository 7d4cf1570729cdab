manifest {
  name = "orders"
}

variable "hooks" {
  default = "https://hooks.example.com"
}
