data_dir = "/srv/fc"
log { level = "debug" }
