// Package webhook is for those who receive what FlowCatalyst delivers: it
// verifies that a request comes from the holder of the secret, and gives back
// the event in it. It needs nothing but the standard library.
//
// The shortest receiver is a [Handler]:
//
//	v := webhook.Verifier{Secrets: []string{os.Getenv("WAREHOUSE_SECRET")}}
//	http.Handle("/shipments", webhook.Handler(v, func(ctx context.Context, d *webhook.Delivery) error {
//		return ship(ctx, d.EventID, d.Data)
//	}))
//
// FlowCatalyst delivers at least once: the same delivery may come again, with
// the same [Delivery.DispatchJobID]. Remember the ids that you have acted on.
//
// # Two schemes
//
// A connection signs in one of two ways, and a [Verifier] knows both by the
// headers of the request.
//
//   - "flowcatalyst": X-FLOWCATALYST-SIGNATURE is the lower-case hex of
//     HMAC-SHA256(secret, timestamp + body), where timestamp is the text of
//     X-FLOWCATALYST-TIMESTAMP: ISO 8601 with milliseconds, or Unix seconds.
//     There is room for one signature, so the first of several secrets signs:
//     give the receiver the new secret before the sender changes to it.
//   - "standard-webhooks" (https://www.standardwebhooks.com): webhook-id,
//     webhook-timestamp in Unix seconds, and webhook-signature with one
//     "v1,<base64>" per valid secret, separated by spaces, over
//     id + "." + timestamp + "." + body. With an Ed25519 key pair the
//     signature is "v1a,<base64>" over the same text; both kinds may stand
//     in one header while a sender changes from one to the other.
//
// # Secrets
//
// Under "standard-webhooks" a secret that begins with "whsec_" is base64 after
// the prefix. "whsk_" is the private half of a key pair, which signs, and
// "whpk_" the public half, which is no secret and verifies. Any other secret, and every secret under "flowcatalyst", is
// taken as it is: its bytes are the key.
//
// # What is signed
//
// The body and the timestamp are, and webhook-id is under "standard-webhooks".
// The other headers are not: [Parse] prefers what the signed body says, and
// falls back to headers only for deliveries that carry bare data.
//
// The same package signs: a [Signer] is what the router uses for each attempt,
// and what a test of your own receiver can use.
package webhook
