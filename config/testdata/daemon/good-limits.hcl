store "sqlite" {}
service "platform" {
  cors {
    allowed_origins = ["https://app.example.com", "http://localhost:5173"]
    credentials     = true
    max_age         = "1h"
  }
  publish_limit {
    rate = "1000/s"
    client "acme" {
      rate  = "90/m"
      burst = 200
    }
    client "globex" {
      rate = 0
    }
  }
}
