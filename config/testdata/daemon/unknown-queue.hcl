queue "kafka" "default" {}
