service "stream" {
  batch_size = 0
}
service "scheduler" {
  batch_size = 2.5
}
