manifest {
  name = "orders"
}

variable "limit" {
  type    = number
  default = "many"
}
variable "regions" {
  type = list(string)
}
variable "cap" {
  default = 4
}
dispatch_pool "fast" {
  concurrency = var.limit
}
