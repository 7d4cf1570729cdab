service {
  listen = ":8080"
}
queue "sqlite" {}
