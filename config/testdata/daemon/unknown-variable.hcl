store "sqlite" {
  path = "${data_dri}/fc.db"
}
