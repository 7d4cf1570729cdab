log {
  level = getenv("LEVEL")
}
