store "postgres" {
  url = "fc:hunter2@db.example.com/fc"
}
