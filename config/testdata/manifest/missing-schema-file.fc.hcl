manifest {
  name = "orders"
}

event_type "orders:billing:invoice:sent" {
  schema "1" {
    body = file("files/schemas/absent.json")
  }
}
