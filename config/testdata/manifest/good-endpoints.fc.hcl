manifest {
  name = "orders"
}

connection "bearer" {
  url                = "https://bearer.example.com"
  connect_timeout    = "5s"
  first_byte_timeout = "10s"
  timeout            = "1m"
  auth {
    type  = "bearer"
    token = env("TOKEN", "hunter2")
  }
  tls {
    ca          = file("files/ca.pem")
    server_name = "internal.example.com"
  }
}

connection "basic" {
  url = "https://basic.example.com"
  auth {
    type     = "basic"
    username = "flowcatalyst"
    password = secret("env://WAREHOUSE_SECRET")
  }
}

connection "key" {
  url = "https://key.example.com"
  auth {
    type = "api_key"
    key  = env("KEY", "hunter2")
  }
}

connection "oauth2" {
  url = "https://oauth2.example.com"
  auth {
    type          = "oauth2"
    token_url     = "https://login.example.com/oauth/token"
    client_id     = "flowcatalyst"
    client_secret = env("CLIENT_SECRET", "hunter2")
    scopes        = ["orders:write", "orders:read"]
    audience      = "https://oauth2.example.com"
    client_auth   = "body"
  }
}

dispatch_pool "adaptive" {
  concurrency      = 8
  concurrency_mode = "adaptive"
  min_concurrency  = 2
  max_concurrency  = 64
  http2            = false
  keep_alive       = false
}
