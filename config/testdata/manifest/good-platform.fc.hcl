manifest {
  name = "shop"
}
service_account "billing" {
  application = application.shop
  clients     = [client.acme, "globex"]
  roles       = [role.clerk, "platform:viewer"]
  active      = false
}
role "clerk" {
  code           = "shop:clerk"
  name           = "Clerk"
  permissions    = ["shop:sales:order:view"]
  client_managed = true
}
application "shop" {
  type = "integration"
}
client "acme" {
  status = "SUSPENDED"
}
