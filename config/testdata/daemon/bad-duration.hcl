shutdown_timeout = "30"

service "scheduler" {
  poll_interval = "1 second"
  stale_after   = "-5m"
}
