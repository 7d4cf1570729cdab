log {
  level  = "wran"
  format = "xml"
}
