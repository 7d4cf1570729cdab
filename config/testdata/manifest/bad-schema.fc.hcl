manifest {
  name = "orders"
}

event_type "orders:billing:invoice:sent" {
  schema "1" {
    body = "{\"type\": "
  }
  schema "1" {
    body = "{}"
  }
  schema "2" {
  }
}
