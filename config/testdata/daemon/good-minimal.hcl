service "platform" {}
service "stream" {}
service "scheduler" {}
service "router" {}
