package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// What is wrong with a refresh token. All are 401, and the user logs in again.
var (
	// ErrRefreshUnknown: there is no such token, or it was revoked.
	ErrRefreshUnknown = errors.New("the refresh token is not known")
	// ErrRefreshExpired: it was not used in time.
	ErrRefreshExpired = errors.New("the refresh token has expired")
	// ErrRefreshReused: it was used before, so that two parties have it. All
	// tokens that came from the same login are revoked.
	ErrRefreshReused = errors.New("the refresh token was used before")
)

// RefreshToken is what a store keeps of a refresh token: never the token.
type RefreshToken struct {
	Hash        string // lower-case hex of its SHA-256
	Family      string // all that descend from one login
	PrincipalID string
	// Started is the time of the login, and Ends when its last token does.
	Started, Ends time.Time
	ExpiresAt     time.Time
	// UsedAt is when it was exchanged for its successor, or zero.
	UsedAt time.Time
}

// Check is the rule of an exchange: it is nil if t may be exchanged at this
// time. Within the grace after its first use a token may be used again, for
// clients that repeat a request whose answer was lost.
func (t RefreshToken) Check(now time.Time, grace time.Duration) error {
	switch {
	case !t.UsedAt.IsZero() && now.Sub(t.UsedAt) > grace:
		return ErrRefreshReused
	case !now.Before(t.ExpiresAt):
		return ErrRefreshExpired
	}
	return nil
}

// Successor is t's heir: another hash, the same login.
func (t RefreshToken) Successor(hash string, expiresAt time.Time) RefreshToken {
	return RefreshToken{
		Hash: hash, Family: t.Family, PrincipalID: t.PrincipalID, Started: t.Started, Ends: t.Ends, ExpiresAt: expiresAt,
	}
}

// An Exchange asks a store to replace one refresh token by the next.
type Exchange struct {
	Hash     string // of the token that was presented
	NextHash string
	Now      time.Time
	Grace    time.Duration
	TTL      time.Duration // of the next token, within the end of its family
}

// Next decides an exchange for the token that was found. Stores call it within
// the step that writes the outcome.
func (x Exchange) Next(t RefreshToken) (used, next RefreshToken, err error) {
	if err := t.Check(x.Now, x.Grace); err != nil {
		return t, RefreshToken{}, err
	}
	end := t.Ends
	if !x.Now.Before(end) {
		return t, RefreshToken{}, ErrRefreshExpired
	}
	if expires := x.Now.Add(x.TTL); expires.Before(end) {
		end = expires
	}
	if t.UsedAt.IsZero() {
		t.UsedAt = x.Now
	}
	return t, t.Successor(x.NextHash, end), nil
}

// RefreshStore keeps refresh tokens.
type RefreshStore interface {
	// Find returns a token by its hash, used or not, or ErrRefreshUnknown.
	Find(ctx context.Context, hash string, now time.Time) (RefreshToken, error)
	// Insert keeps the first token of a family.
	Insert(context.Context, RefreshToken) error
	// Exchange finds the token, asks Exchange.Next and writes both tokens
	// that it gives, in one step: of two exchanges at once, the second sees
	// what the first wrote. It returns the successor, or ErrRefreshUnknown,
	// or the error of Next; after ErrRefreshReused the whole family is gone.
	Exchange(context.Context, Exchange) (RefreshToken, error)
	// Forget drops a family. One that is not there is not an error.
	Forget(ctx context.Context, family string) error
}

// RefreshOptions shape a Refresher. A zero field means its default.
type RefreshOptions struct {
	TTL    time.Duration // 7 days: how long a token may lie unused
	MaxAge time.Duration // 30 days: how long after a login
	Grace  time.Duration // 10 s: see RefreshToken.Check; negative for none
	Now    func() time.Time
}

// Refresher gives out refresh tokens and exchanges each for the next. Tokens
// are random; only their hashes are stored.
type Refresher struct {
	store RefreshStore
	opts  RefreshOptions
}

// NewRefresher returns a refresher over a store.
func NewRefresher(s RefreshStore, o RefreshOptions) *Refresher {
	const day = 24 * time.Hour
	if o.TTL <= 0 {
		o.TTL = 7 * day
	}
	if o.MaxAge <= 0 {
		o.MaxAge = 30 * day
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Refresher{store: s, opts: o}
}

// Start gives the first token after a login, whose id is the family's.
func (r *Refresher) Start(ctx context.Context, family, principalID string) (token string, kept RefreshToken, err error) {
	now := r.opts.Now()
	token, hash := newRefreshToken()
	kept = RefreshToken{
		Hash: hash, Family: family, PrincipalID: principalID,
		Started: now, Ends: now.Add(r.opts.MaxAge), ExpiresAt: now.Add(min(r.opts.TTL, r.opts.MaxAge)),
	}
	if err := r.store.Insert(ctx, kept); err != nil {
		return "", RefreshToken{}, fmt.Errorf("start refresh: %w", err)
	}
	return token, kept, nil
}

// Find says what is kept of a token, used or not.
func (r *Refresher) Find(ctx context.Context, token string) (RefreshToken, error) {
	return r.store.Find(ctx, refreshHash(token), r.opts.Now())
}

// Rotate exchanges a token for the next one and says what is kept of that.
func (r *Refresher) Rotate(ctx context.Context, token string) (next string, kept RefreshToken, err error) {
	next, nextHash := newRefreshToken()
	t, err := r.store.Exchange(ctx, Exchange{
		Hash: refreshHash(token), NextHash: nextHash, Now: r.opts.Now(),
		Grace: r.opts.Grace, TTL: r.opts.TTL,
	})
	if err != nil {
		return "", RefreshToken{}, fmt.Errorf("refresh: %w", err)
	}
	return next, t, nil
}

// Until is when a login that is used now ends, unless it is used again.
func (r *Refresher) Until(started, now time.Time) time.Time {
	idle, end := now.Add(r.opts.TTL), started.Add(r.opts.MaxAge)
	if idle.Before(end) {
		return idle
	}
	return end
}

// Forget drops the tokens of a login.
func (r *Refresher) Forget(ctx context.Context, family string) error {
	return r.store.Forget(ctx, family)
}

func newRefreshToken() (token, hash string) {
	token = "fcr_" + rand.Text() + rand.Text() // twice 130 bits
	return token, refreshHash(token)
}

func refreshHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
