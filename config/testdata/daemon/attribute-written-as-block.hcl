log {
  level {
  }
}
