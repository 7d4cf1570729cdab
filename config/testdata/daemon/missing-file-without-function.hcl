store "postgres" {
  url = file("secrets/database_url")
}
