manifest {
  name   = "orders"
  client = "acme"
}

variable "hooks" {
  default = "http://localhost:3000"
}

event_type "orders:fulfillment:shipment:shipped" {
  name = "Shipment shipped"
  schema "1" {
    body = file("files/schemas/shipped.json")
  }
}

dispatch_pool "priority" {
  concurrency = 20
  rate_limit  = "500/s"
}

connection "warehouse" {
  url             = "${var.hooks}/shipments"
  max_concurrency = 8
  headers = {
    X-Team = "fulfillment"
  }
  signing {
    scheme = "standard-webhooks"
    secret = env("WAREHOUSE_SECRET")
  }
}


subscription "ship-notifications" {
  event_types = ["orders:fulfillment:shipment:*"]
  connection  = connection.warehouse
  pool        = dispatch_pool.priority
  mode        = "BLOCK_ON_ERROR"
  filter      = "data.total > 100.0 && source.startsWith('/shop')"
  timeout     = "30s"
  max_age     = "24h"
  retry {
    schedule = ["1m", "5m", "15m", "1h"]
    jitter   = 0.2
  }
}
