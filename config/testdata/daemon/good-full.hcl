data_dir = "/var/lib/flowcatalyst"

log {
  level  = env("FC_LOG_LEVEL", "info")
  format = "json"
}
admin {
  listen = ":9090" # /metrics /health /q/live /q/ready
}

store "sqlite" {
  path = "${data_dir}/flowcatalyst.db"
}
# store "mongodb" {
#   url      = env("FC_MONGO_URL", "mongodb://localhost:27017")
#   database = env("FC_MONGO_DB", "flowcatalyst")
# }
# store "postgres" { url = secret("vault://kv/flowcatalyst#database_url") }

queue "sqlite" "default" {
  path = "${data_dir}/queue.db"
}
# queue "sqs"  "default" { url = "https://sqs.eu-west-1.amazonaws.com/1/fc.fifo" }
# queue "nats" "default" { url = "nats://localhost:4222" }
# queue "amqp" "default" { url = "amqp://localhost:5672" }

service "platform" {
  listen     = ":8080"
  public_url = "https://events.example.com"
}
service "stream" {
  batch_size = 500
}
service "scheduler" {
  poll_interval = "1s"
  batch_size    = 500
  stale_after   = "5m"
}
service "router" {
  listen = ":8081"
  egress {
    deny_private = true
    allow_cidrs  = ["10.20.0.0/16"]
  }
}
service "outbox" "orders" {
  source "postgres" {
    url   = env("ORDERS_DATABASE_URL", "postgres://localhost/orders")
    table = "outbox_messages"
  }
}

leader { # absent: a lease in the store
  redis_url = env("FC_REDIS_URL", "redis://localhost:6379")
  key       = "fc:leader"
  ttl       = "30s"
}
