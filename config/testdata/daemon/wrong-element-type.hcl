service "router" {
  egress {
    allow_cidrs = ["10.0.0.0/8", 7]
  }
}
