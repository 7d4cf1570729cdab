// Package auth answers two questions about a request: who are you, and may
// you.
//
// Who: [Keys] holds the RSA keys on disk, [Tokens] issues and verifies the
// JWTs that they sign, and a [Principal] is what a verified token says. A
// token that was verified once is remembered until it expires, so that the hot
// path costs one SHA-256 and no RSA. [Passwords], [Throttle] and [Refresher]
// are the parts of a login:
//
//	password --Throttle.Attempt, Passwords.Verify--> Tokens.Issue + Refresher.Start
//	refresh token --Refresher.Rotate--> Tokens.Issue + the next refresh token
//
// May: a permission is application:context:aggregate:action. A token names
// roles, never permissions; [Allows] resolves them at each request from a
// [RoleSource], so that a changed role counts at once.
//
// Nothing here asks the clock of its own accord except through a Now that it
// was given, and no error repeats a token or a password.
package auth
