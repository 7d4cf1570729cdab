// Package federation lets people in through the OpenID Connect provider of
// their email domain; here FlowCatalyst is the relying party.
//
//	browser ──Begin──▶ provider ──code──▶ Finish ──▶ platform.AdmitFederated ──▶ session
//	           │                            │
//	           └─ an attempt in the store ──┘ (10 minutes, used once, of one browser)
//
// [Service.Begin] sends the browser away with a state, a nonce and a PKCE
// challenge (RFC 7636, S256). What belongs to them stays in the store, and a
// cookie of the attempt's own ties it to the browser, so that nobody can finish
// in another's browser what they began in theirs. [Service.Finish] exchanges
// the code, verifies the ID token and leaves to the platform who that is and
// what they may do.
//
// A provider speaks for the one email domain whose auth config names it, and
// for nobody else. What it says is believed only as far as its signature, its
// issuer, the audience and the nonce go.
package federation
