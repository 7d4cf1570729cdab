data_dir = "/srv/fc"

service "router" {
  listn = ":8081"
}
