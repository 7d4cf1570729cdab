# Everything that a small shop needs to hear of its own events. Try it with
#
#   fcctl plan  -f examples/quickstart
#   fcctl apply -f examples/quickstart

manifest {
  name = "quickstart"
}

variable "hooks" {
  description = "Where the receiver listens. `fcctl receive` does so here."
  default     = "http://127.0.0.1:3000/hooks"
}

variable "secret" {
  description = "What deliveries are signed with. This one is public: for your own machine only."
  default     = "whsec_Zm9yLXlvdXItb3duLW1hY2hpbmUtb25seQ=="
}

# The kinds of events. A schema says what is in them.
event_type "shop:sales:order:placed" {
  name = "Order placed"
  schema "1" {
    body = file("schemas/order.json")
  }
}

event_type "shop:sales:order:paid" {
  name = "Order paid"
}

event_type "shop:warehouse:parcel:moved" {
  name        = "Parcel moved"
  description = "Packed, shipped, delivered: in this order, or a customer wonders."
}

# At most five deliveries at once, for all subscriptions that name it.
dispatch_pool "quickstart" {
  concurrency = 5
}

# Where they go, and how they prove where they come from.
connection "shop-hooks" {
  url = var.hooks
  signing {
    scheme = "standard-webhooks"
    secret = var.secret
  }
}

# Every order event, as soon as it is there.
subscription "orders" {
  event_types = ["shop:sales:order:*"]
  connection  = connection.shop-hooks
  pool        = dispatch_pool.quickstart
}

# Only the big ones.
subscription "big-orders" {
  event_types = ["shop:sales:order:placed"]
  connection  = connection.shop-hooks
  pool        = dispatch_pool.quickstart
  filter      = "data.total > 100.0"
}

# Parcels in the order in which they moved: within a message group the next
# event waits until the one before it has arrived.
subscription "parcels" {
  event_types = ["shop:warehouse:parcel:*"]
  connection  = connection.shop-hooks
  pool        = dispatch_pool.quickstart
  mode        = "BLOCK_ON_ERROR"
  timeout     = "10s"
  max_retries = 6
  retry {
    schedule = ["250ms", "500ms", "2s", "10s"]
  }
}
