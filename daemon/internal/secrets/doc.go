// Package secrets keeps secrets from being read by those who only read: the
// database, a backup, a configuration file in a repository.
//
// A [Box] seals with AES-256-GCM under one key, which lives in a file of the
// data directory or comes from outside:
//
//	encrypted:BASE64(12-byte nonce, ciphertext, 16-byte tag)
//
// A [Resolver] turns a reference in a configuration (env://NAME,
// file:///path, encrypted:…) into the value that it stands for.
//
// Losing the key is losing what was sealed with it: back up the key file, but
// not beside the database. Errors name the reference, never the value.
package secrets
