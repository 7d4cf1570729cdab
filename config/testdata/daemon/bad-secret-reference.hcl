store "postgres" {
  url = secret("valut://kv/flowcatalyst#database_url")
}
