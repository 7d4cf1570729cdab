// Package oauth is the authorization server: OAuth 2.0 (RFC 6749, as RFC 9700
// has it today) and OpenID Connect Core 1.0 on top of the platform's sessions.
//
//	/oauth/authorize ──sign in──▶ consent ──▶ code ──▶ /oauth/token ─╮
//	/oauth/device_authorization ──▶ user code ──▶ allowed ──▶ /oauth/token ─┤──▶ a session of its own
//	client credentials ──────────────────────────────────▶ /oauth/token ──▶ an access token, no session
//
// A grant never gives more than who gave it has, nor more than was asked for:
// see [Scope]. What a token is good for is looked up at each request, so a
// client that is deactivated or deleted, a person who lost a role, and a
// session that was ended count at once.
//
// Codes, device codes and consents are kept as entries of the store, under
// their hashes. A code that comes twice ends what it gave the first time.
package oauth
