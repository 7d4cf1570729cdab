store "mongodb" {
  url      = secret("env://DB_URL")
  database = "events"
}
service "stream" {}
