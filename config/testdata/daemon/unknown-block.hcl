services "platform" {
}
