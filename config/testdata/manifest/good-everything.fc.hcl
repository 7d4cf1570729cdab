manifest {
  name = "orders"
}

variable "regions" {
  type        = map(string)
  description = "hosts by region"
  default     = { eu = "eu.example.com", us = "us.example.com" }
}

locals {
  all  = concat(local.some, ["orders:billing:*:*"])
  some = ["orders:fulfillment:*:*"]
}

locals {
  team = upper(trimspace(" core "))
}

connection "hooks" {
  for_each = var.regions
  url      = "https://${each.value}/hooks"
  status   = "PAUSED"
  headers  = { X-Team = local.team }
  signing {
    scheme    = "flowcatalyst"
    secret    = secret("env://WAREHOUSE_SECRET")
    timestamp = "unix"
    previous {
      secret = env("OLD", "hunter2")
      until  = "2030-01-31T00:00:00Z"
    }
  }
}

connection "coded" {
  code       = "Billing.Hooks"
  url        = "https://billing.example.com"
  rate_limit = 120
  adopt      = true
}

dispatch_pool "steady" {
  rate_limit = "100/m"
  status     = "SUSPENDED"
  protected  = true
}

event_type "orders:billing:invoice:sent" {
  description = "An invoice went out"
  schema "1" {
    body   = { type = "object", required = ["id"] }
    status = "FINALISED"
  }
  schema "2" {
    body = jsonencode({ type = "object" })
  }
}

subscription "regional" {
  for_each      = ["eu", "us"]
  code          = "regional-${each.key}"
  name          = format("Regional %s", upper(each.value))
  event_types   = concat(local.all, [{ type = "orders:*:*:paid", filter = { path = "$.region", operator = "EQUALS", value = each.key } }])
  filter        = "data.region == '${each.key}'"
  connection    = connection.hooks[each.key]
  pool          = "SHARED-POOL"
  delay         = "1m"
  timeout       = "1m30s"
  max_retries   = 7
  max_age       = "7d"
  data_only     = true
  status        = "PAUSED"
  custom_config = { region = each.key, tier = "gold" }
  retry {
    strategy = "EXPONENTIAL_BACKOFF"
    on       = [404, 409]
  }
}

subscription "direct" {
  event_types = ["orders:billing:invoice:sent"]
  target      = "https://audit.example.com/in"
}

subscription "billing" {
  event_types = [event_type["orders:billing:invoice:sent"]]
  connection  = connection.coded
  pool        = dispatch_pool.steady
}
