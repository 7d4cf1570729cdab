store "postgres" {
  url = secret("env://DATABASE_URL")
}
