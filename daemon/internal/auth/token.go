package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Audience is the aud of every token that this API accepts.
const Audience = "flowcatalyst"

// What is wrong with a token. Both are 401.
var (
	// ErrToken: the token is not one of ours, or not valid yet, or altered.
	ErrToken = errors.New("the token is not valid")
	// ErrExpired: the token was good until it expired.
	ErrExpired = errors.New("the token has expired")
)

// maxTokenBytes bounds what is hashed and decoded for a stranger.
const maxTokenBytes = 16 << 10

// Claims are what a token says, with the names of the wire contract. Issue
// fills in Issuer, Audience, the times and ID.
type Claims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	ExpiresAt int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	ID        string `json:"jti"`
	// Session is the sign-in that the token comes from, if it comes from one.
	Session string `json:"sid,omitempty"`
	// OAuthID is the client_id of the OAuth client that asked for the token
	// (RFC 9068, 2.2); empty: nobody stands between.
	OAuthID string `json:"client_id,omitempty"`

	Type    PrincipalType `json:"type"`
	Scope   Scope         `json:"scope"`
	Email   string        `json:"email,omitempty"`
	Name    string        `json:"name"`
	Clients []string      `json:"clients"`
	Roles   []string      `json:"roles"`
}

var _ jwt.Claims = Claims{}

// ClaimsOf are the claims of a principal, ready to be issued.
func ClaimsOf(p *Principal) Claims {
	return Claims{
		Subject: p.ID, Type: p.Type, Scope: p.Scope, Email: p.Email, Name: p.Name,
		Clients: p.Clients, Roles: p.Roles,
	}
}

// Principal is who the claims speak of.
func (c Claims) Principal() *Principal {
	return &Principal{
		ID: c.Subject, Type: c.Type, Scope: c.Scope, Email: c.Email, Name: c.Name,
		Clients: c.Clients, Roles: c.Roles,
	}
}

// Validate checks what makes sense for one of our tokens. The JWT library
// calls it too, after its own checks.
func (c Claims) Validate() error {
	switch {
	case c.Subject == "":
		return errors.New("a token needs a subject")
	case c.Type != TypeUser && c.Type != TypeService:
		return fmt.Errorf("%q is not a type of principal", c.Type)
	case c.Scope != ScopeAnchor && c.Scope != ScopePartner && c.Scope != ScopeClient:
		return fmt.Errorf("%q is not a scope", c.Scope)
	case c.Scope != ScopeAnchor && slices.Contains(c.Clients, EveryClient):
		return fmt.Errorf("the scope %s does not reach every client", c.Scope)
	}
	return nil
}

// GetExpirationTime implements jwt.Claims, as do the following.
func (c Claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.ExpiresAt), nil }

// GetIssuedAt is the iat.
func (c Claims) GetIssuedAt() (*jwt.NumericDate, error) { return date(c.IssuedAt), nil }

// GetNotBefore is the nbf.
func (c Claims) GetNotBefore() (*jwt.NumericDate, error) { return date(c.NotBefore), nil }

// GetIssuer is the iss.
func (c Claims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject is the sub.
func (c Claims) GetSubject() (string, error) { return c.Subject, nil }

// GetAudience is the aud.
func (c Claims) GetAudience() (jwt.ClaimStrings, error) { return jwt.ClaimStrings{c.Audience}, nil }

func date(seconds int64) *jwt.NumericDate {
	if seconds == 0 {
		return nil // absent
	}
	return jwt.NewNumericDate(time.Unix(seconds, 0))
}

// TokenOptions shape a Tokens.
type TokenOptions struct {
	// Issuer is the iss of our tokens: the platform's public URL. It must be
	// given.
	Issuer string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Leeway is how far the clocks of two platform processes may differ; 0
	// means none.
	Leeway time.Duration
	// CacheSize is how many verified tokens are remembered; 0 means 10,000.
	CacheSize int
}

// Tokens issues and verifies access tokens. It may be used by many goroutines
// at once.
type Tokens struct {
	keys   *Keys
	opts   TokenOptions
	parser *jwt.Parser
	cache  *tokenCache
}

// NewTokens returns tokens signed with these keys.
func NewTokens(keys *Keys, o TokenOptions) (*Tokens, error) {
	if o.Issuer == "" {
		return nil, errors.New("tokens need an issuer")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CacheSize <= 0 {
		o.CacheSize = 10_000
	}
	return &Tokens{
		keys: keys,
		opts: o,
		// Only RS256: neither "none" nor an HMAC with the public key.
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
			jwt.WithIssuer(o.Issuer), jwt.WithAudience(Audience),
			jwt.WithExpirationRequired(), jwt.WithNotBeforeRequired(), jwt.WithIssuedAt(),
			jwt.WithLeeway(o.Leeway), jwt.WithTimeFunc(o.Now), jwt.WithStrictDecoding()),
		cache: newTokenCache(o.CacheSize),
	}, nil
}

// Issue signs the claims for this long.
func (t *Tokens) Issue(c Claims, ttl time.Duration) (string, error) {
	now := t.opts.Now()
	c.Issuer, c.Audience = t.opts.Issuer, Audience
	c.IssuedAt, c.NotBefore, c.ExpiresAt = now.Unix(), now.Unix(), now.Add(ttl).Unix()
	c.ID = rand.Text()
	if c.Clients == nil {
		c.Clients = []string{}
	}
	if c.Roles == nil {
		c.Roles = []string{}
	}
	if err := c.Validate(); err != nil {
		return "", fmt.Errorf("issue token: %w", err)
	}
	key := t.keys.signing(now)
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
	token.Header["kid"] = key.id
	s, err := token.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("issue token: %w", err)
	}
	if len(s) > maxTokenBytes {
		return "", fmt.Errorf("issue token: %d bytes are more than the %d that we accept", len(s), maxTokenBytes)
	}
	return s, nil
}

// Verify gives the claims of a token that we issued and that is valid now. The
// error is ErrExpired or ErrToken. Do not change the claims' slices: they
// belong to the cache.
func (t *Tokens) Verify(token string) (Claims, error) {
	if len(token) > maxTokenBytes {
		return Claims{}, ErrToken
	}
	var buf [1 << 10]byte // most tokens fit, which spares an allocation
	id := sha256.Sum256(append(buf[:0], token...))
	if v, ok := t.cache.get(id); ok {
		// The key may have been taken away, and time goes on.
		if _, ok := t.keys.public(v.keyID); !ok {
			return Claims{}, ErrToken
		}
		return v.claims, t.inTime(v.claims)
	}
	if !compact(token) {
		return Claims{}, ErrToken
	}
	var v verified
	parsed, err := t.parser.ParseWithClaims(token, &v.claims, func(tok *jwt.Token) (any, error) {
		v.keyID, _ = tok.Header["kid"].(string)
		public, ok := t.keys.public(v.keyID)
		if !ok {
			return nil, ErrToken
		}
		return public, nil
	})
	switch {
	// Expired is said only of tokens with nothing else wrong, so that the
	// answer tells a forger nothing.
	case err != nil && errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenNotValidYet) &&
		!errors.Is(err, jwt.ErrTokenInvalidIssuer) && !errors.Is(err, jwt.ErrTokenInvalidAudience):
		return Claims{}, ErrExpired
	case err != nil || !parsed.Valid:
		return Claims{}, ErrToken
	}
	t.cache.put(id, v)
	return v.claims, nil
}

// compact is true if a token has only the characters that one can have. The
// decoder would overlook line breaks, and so let one token be written in many
// ways.
func compact(token string) bool {
	for i := range len(token) {
		switch c := token[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

func (t *Tokens) inTime(c Claims) error {
	now := t.opts.Now()
	if !now.Before(time.Unix(c.ExpiresAt, 0).Add(t.opts.Leeway)) {
		return ErrExpired
	}
	if now.Before(time.Unix(c.NotBefore, 0).Add(-t.opts.Leeway)) {
		return ErrToken
	}
	return nil
}
