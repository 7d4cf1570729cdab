// Package courier makes the HTTP exchange of a delivery, ours down to the
// bytes, since delivering webhooks is what the product is for:
//
//	Courier ── content, appendHead ──▶ carrier: wire ── HTTP/1.1 ──▶ endpoint
//	                                     └──▶ foreign ── HTTP/2 ──▶ endpoint
//
// A route's part of the head is prepared once. The worker appends what is the
// delivery's own, signs, and writes head and body with one system call on a
// connection from the stable; then it reads the answer with a parser that
// takes and refuses what net/http does (a fuzz test holds them together). No
// other goroutine has a part in it, but for bodies above 64 KiB, so that their
// early answers are seen. One deadline on the connection bounds the exchange,
// and a drain cuts all connections with a deadline that is over. A kept
// connection that the receiver closed is found by a look at the socket before
// it is written to; nothing is ever written twice. Hosts that choose HTTP/2 in
// the handshake are remembered and left to net/http, which gets the very
// connection on which that was found.
//
// How connections are made, and whom they show, is a way: TLS settings,
// certificate, credentials. Kept connections belong to a way and an address, so
// nothing is sent on a connection that was opened with another's identity.
// OAuth2 tokens are fetched for a connection, shared by its deliveries and
// renewed ahead of their end; a token endpoint in trouble costs its own
// connection's deliveries an attempt, and no one else anything.
//
// No byte of a request's head is anything but a name that was checked, or a
// value in which appendLine leaves no control character.
//
// A courier knows nothing of queues and stores: it gets an Order, which is a
// job that was started and where it goes, and returns the attempt with its
// verdict.
package courier
