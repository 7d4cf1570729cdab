manifest {
  name = "orders"
}

variable "regions" {
  type = list(string)
}

variable "cap" {
  default = 4
}

variable "secret" {
  description = "signs deliveries"
}

connection "hooks" {
  for_each        = var.regions
  url             = "https://${each.key}.example.com"
  max_concurrency = var.cap
  signing {
    scheme = "flowcatalyst"
    secret = var.secret
  }
}
