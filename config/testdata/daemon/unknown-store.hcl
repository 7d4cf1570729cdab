store "sqlite3" {}
