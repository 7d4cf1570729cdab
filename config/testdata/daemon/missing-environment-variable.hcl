store "postgres" {
  url = env("DATABASE_URL")
}
