service "rooter" {}
