data_dir = "/srv/b"
