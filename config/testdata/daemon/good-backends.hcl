store "postgres" {
  url = secret("vault://kv/flowcatalyst#database_url")
}
queue "sqs" "default" {
  url = "https://sqs.eu-west-1.amazonaws.com/1/fc.fifo"
}
queue "nats" "fast" {
  url = "nats://nats.example.com:4222"
}
queue "amqp" "slow" {
  url = env("DB_URL")
}
service "stream" {
  batch_size = env("BATCH")
}
service "platform" {
  public_url = "https://events.example.com/"
  max_body   = "512KiB"
}
