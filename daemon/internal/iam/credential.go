package iam

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Credential is what proves that somebody is a principal, a service account
// or an OAuth client. It is the body of the document of kind "credential"
// whose id is theirs (of a service account the one that begins with "sac"). It
// has hashes only.
type Credential struct {
	// PasswordHash is a PHC string of Argon2id; empty: no password.
	PasswordHash string `json:"passwordHash,omitempty"`
	// PasswordSetAt tells the password from the ones before it.
	PasswordSetAt time.Time `json:"passwordSetAt,omitzero"`
	// Secrets are those of an OAuth client. During a rotation there are two.
	Secrets []HashedSecret `json:"secrets,omitempty"`
	// Tokens are those of a service account.
	Tokens []HashedSecret `json:"tokens,omitempty"`
}

// HashedSecret is what is kept of a secret that was random: its SHA-256. With
// 160 bits of chance or more, a slow hash would protect nothing.
type HashedSecret struct {
	ID        string    `json:"id"` // to name it by
	Name      string    `json:"name,omitempty"`
	Prefix    string    `json:"prefix,omitempty"` // the first characters, for people to know it by
	Hash      string    `json:"hash"`             // lower-case hex
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"` // zero: never
}

// Good says whether it has not ended.
func (h HashedSecret) Good(now time.Time) bool {
	return h.ExpiresAt.IsZero() || now.Before(h.ExpiresAt)
}

// DecodeCredential reads the body of a document; nothing is no credential.
func DecodeCredential(body []byte) (Credential, error) {
	var c Credential
	if len(body) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return Credential{}, fmt.Errorf("read credential: %w", err)
	}
	return c, nil
}

// Encode is the body of the document.
func (c Credential) Encode() ([]byte, error) { return json.Marshal(c) }

// Verify says whether a secret is one of the OAuth client's.
func (c Credential) Verify(secret string, now time.Time) bool {
	hash := HashSecret(secret)
	found := 0
	for _, s := range c.Secrets {
		if s.Good(now) {
			found |= subtle.ConstantTimeCompare([]byte(s.Hash), []byte(hash))
		}
	}
	return found == 1
}

// HashSecret is what is kept of a random secret: hex of its SHA-256.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// The beginnings of secrets, by which people and scanners know them.
const (
	TokenPrefix  = "fc_"  // of service accounts' tokens
	SecretPrefix = "fcs_" // of OAuth clients' secrets
	prefixShown  = len(TokenPrefix) + 4
)

// NewToken makes a token of a service account: fc_ and 32 of [0-9a-z], which
// are 165 bits.
func NewToken(id, name string, now, expires time.Time) (token string, kept HashedSecret) {
	token = TokenPrefix + randomText(32)
	return token, HashedSecret{ID: id, Name: name, Prefix: token[:prefixShown], Hash: HashSecret(token), CreatedAt: now, ExpiresAt: expires}
}

// NewSecret makes a secret of an OAuth client.
func NewSecret(id string, now time.Time) (secret string, kept HashedSecret) {
	secret = SecretPrefix + randomText(40)
	return secret, HashedSecret{ID: id, Prefix: secret[:prefixShown+1], Hash: HashSecret(secret), CreatedAt: now}
}

// randomText is n characters of [0-9a-z], each as likely as the others.
func randomText(n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	const fair = 256 / len(alphabet) * len(alphabet)
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		_, _ = rand.Read(buf[:]) // it never fails
		for _, b := range buf {
			if int(b) < fair && len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}
