package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// IDClaims are what an ID token says: who signed in, to one OAuth client
// (OpenID Connect Core 1.0, 2). IssueID fills in Issuer and the times.
type IDClaims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"` // the client_id
	ExpiresAt int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	// AuthTime is when they signed in.
	AuthTime int64  `json:"auth_time,omitempty"`
	Nonce    string `json:"nonce,omitempty"`
	Session  string `json:"sid,omitempty"`
	Name     string `json:"name,omitempty"`
	Email    string `json:"email,omitempty"`
}

var _ jwt.Claims = IDClaims{}

// IssueID signs an ID token. It is no access token: its audience is the
// client, and an audience that this API accepts is refused.
func (t *Tokens) IssueID(c IDClaims, ttl time.Duration) (string, error) {
	if c.Subject == "" || c.Audience == "" || c.Audience == Audience {
		return "", errors.New("issue ID token: it needs a subject, and an audience that is not this API's")
	}
	now := t.opts.Now()
	c.Issuer, c.IssuedAt, c.ExpiresAt = t.opts.Issuer, now.Unix(), now.Add(ttl).Unix()
	key := t.keys.signing(now)
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
	token.Header["kid"] = key.id
	s, err := token.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("issue ID token: %w", err)
	}
	return s, nil
}

// Issuer is the iss of all tokens.
func (t *Tokens) Issuer() string { return t.opts.Issuer }

// GetExpirationTime implements jwt.Claims, as do the following.
func (c IDClaims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.ExpiresAt), nil }

// GetIssuedAt is the iat.
func (c IDClaims) GetIssuedAt() (*jwt.NumericDate, error) { return date(c.IssuedAt), nil }

// GetNotBefore is nothing.
func (IDClaims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }

// GetIssuer is the iss.
func (c IDClaims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject is the sub.
func (c IDClaims) GetSubject() (string, error) { return c.Subject, nil }

// GetAudience is the aud.
func (c IDClaims) GetAudience() (jwt.ClaimStrings, error) { return jwt.ClaimStrings{c.Audience}, nil }
