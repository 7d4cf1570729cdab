service "router" {
  egress {
    allow_cidr = ["10.0.0.0/8"]
  }
}
