// Package client is the Go SDK of FlowCatalyst: it publishes events, asks
// what became of them, and manages what an operator declares. It needs
// nothing but the standard library.
//
//	c, err := client.New(client.Options{URL: "https://events.example.com", Token: token})
//	if err != nil {
//		return err
//	}
//	published, err := c.Events.Publish(ctx, client.NewEvent{
//		Type:         "shop:sales:order:placed",
//		Source:       "/shop",
//		MessageGroup: order.ID,
//		Data:         order,
//	})
//
// # Repeating is safe
//
// A 2xx answer to a publish means that the event is on disk. When the answer
// is lost, the event may or may not be: so every event without a
// deduplication id gets a generated one, and the same request is sent again.
// The server answers the second one with the stored event and says that it is
// a duplicate. Jobs carry an idempotency key to the same end.
//
// Requests are repeated after 429, 502, 503 and 504 and after a broken
// connection, [Options].Retries times, with a growing random pause that is
// never shorter than the server's Retry-After. What cannot be repeated without
// harm (an apply, a change under If-Match) is repeated only where the server
// said that it did not act: after 429 and 503.
//
// # Errors
//
// What the server refuses comes back as an [*Error]: its status, a stable
// code, a sentence for people, and the fields that were wrong.
//
//	var refused *client.Error
//	if errors.As(err, &refused) && refused.Code == "ALREADY_EXISTS" { … }
//
// # Neighbours
//
// Package resource has the nouns (subscriptions, connections, …), package
// webhook verifies deliveries on the receiving side.
package client
