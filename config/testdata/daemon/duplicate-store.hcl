store "sqlite" {}
store "mongodb" {
  url = "mongodb://localhost"
}
