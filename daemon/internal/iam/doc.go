// Package iam is who may do what, as things stand now.
//
// A [Directory] is built once per version of the store's resources, as a
// catalog is: people and service accounts as [Subject]s with what they reach
// and may do, roles, clients, OAuth clients, domains. Asking for it costs next
// to nothing when nothing changed, so every request does:
//
//	token --auth.Tokens.Verify--> claims --Directory.Admit--> Actor
//	fc_…  --Directory.ByToken---> subject ------------------> Actor
//
// What a token says is only ever a bound: an [Actor] has the roles and clients
// that the token names and that the subject still has. Who is inactive,
// deleted or signed out has none of it at the next request.
//
// What proves who somebody is never stands in a resource: a [Credential] holds
// the hashes, in a document of its own that nothing shows.
package iam
