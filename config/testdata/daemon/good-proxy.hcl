service "router" {
  egress {
    proxy = "http://user:hunter2@proxy.example.com:3128"
  }
}
