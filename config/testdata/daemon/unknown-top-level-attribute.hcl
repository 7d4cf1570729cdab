datadir = "/srv/fc"
