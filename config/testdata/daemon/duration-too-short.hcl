service "scheduler" {
  poll_interval = "1ns"
}
