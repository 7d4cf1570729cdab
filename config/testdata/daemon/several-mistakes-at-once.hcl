log {
	levle = "info"
}
service "stream" {
  batch_size = -1
}
