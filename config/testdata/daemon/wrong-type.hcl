service "platform" {
  listen = 8080
}
service "stream" {
  batch_size = "many"
}
service "router" {
  egress {
    deny_private = "perhaps"
    allow_cidrs  = "10.0.0.0/8"
  }
}
