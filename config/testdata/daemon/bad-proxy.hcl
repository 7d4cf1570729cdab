service "router" {
  egress {
    proxy = "https://user:hunter2@proxy.example.com"
  }
}
