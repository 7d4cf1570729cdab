service "router" {
  egress {
    allow_cidrs = ["10.20.0.0/33"]
  }
}
