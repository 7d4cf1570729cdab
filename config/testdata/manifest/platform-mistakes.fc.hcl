manifest {
  name = "shop"
}
client "Acme" {
  status = "DELETED"
}
role "platform:viewer" {
}
role "clerk" {
}
service_account "billing" {
  roles   = role.clerk
  clients = [client.acme]
}
