# For eyes.
#

manifest {
  name   = "orders"
  client = "acme"
}

event_type "orders:fulfillment:shipment:shipped" {
  name = "Shipment shipped"
  schema "1" {
    body = <<-JSON
      {
        "type": "object"
      }
    JSON
  }
}

dispatch_pool "priority" {
  concurrency = 20
  rate_limit  = "500/s"
}

connection "warehouse" {
  url = "http://localhost:3000/shipments"
  headers = {
    X-Team = "fulfillment"
  }
  max_concurrency = 8
  signing {
    scheme = "standard-webhooks"
    # sha256:96ad2ccd8146
    secret = env("WAREHOUSE_SECRET")
  }
}

subscription "ship-notifications" {
  event_types = ["orders:fulfillment:shipment:*"]
  filter      = "data.total > 100.0 && source.startsWith('/shop')"
  mode        = "BLOCK_ON_ERROR"
  connection  = connection.warehouse
  pool        = dispatch_pool.priority
  retry {
    jitter = 0.2
  }
}
