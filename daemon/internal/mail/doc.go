// Package mail sends the few messages that the platform has for people, such
// as the link of a password reset.
//
// [Outbox.Post] takes a message and returns at once, so that nobody can tell
// from an answer's time whether one was sent. What is posted waits in memory:
//
//	posted ──▶ composed ──▶ sent
//	              │  ▲
//	              │  ╰──refused for now: 10 s, 1 min, 5 min──╮
//	              ╰──refused for good, or too often──▶ lost, and the log says so
//
// A restart forgets what waits: whoever expected a message asks again.
package mail
