package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A TokenSource gives bearer tokens. It is called for every request, from
// many goroutines at once, and should remember what it got.
type TokenSource interface {
	// Token returns a token to use now.
	Token(ctx context.Context) (string, error)
	// Reject says that the server refused this token: the next call to Token
	// gets another one, if that is possible.
	Reject(token string)
}

// StaticToken is a TokenSource that has one token.
type StaticToken string

// Token implements TokenSource.
func (t StaticToken) Token(context.Context) (string, error) { return string(t), nil }

// Reject implements TokenSource; there is no other token.
func (StaticToken) Reject(string) {}

// Session is what a login gives.
type Session struct {
	AccessToken  string   `json:"accessToken"`
	RefreshToken string   `json:"refreshToken"`
	ExpiresIn    int      `json:"expiresIn"` // seconds
	PrincipalID  string   `json:"principalId"`
	Name         string   `json:"name"`
	Email        string   `json:"email"`
	Roles        []string `json:"roles"`
	ClientID     string   `json:"clientId,omitempty"`
}

// Me is who the token speaks for.
type Me struct {
	PrincipalID string   `json:"principalId"`
	Type        string   `json:"type"`  // USER or SERVICE
	Scope       string   `json:"scope"` // ANCHOR, PARTNER or CLIENT
	Name        string   `json:"name"`
	Email       string   `json:"email,omitempty"`
	Roles       []string `json:"roles"`
	Clients     []string `json:"clients"`            // ids, or "*" alone
	ClientID    string   `json:"clientId,omitempty"` // the only one, where there is one
}

// Login exchanges an email address and a password for a session. The client
// does not keep it: make one with a Sessions as its TokenSource.
func (c *Client) Login(ctx context.Context, email, password string) (*Session, error) {
	s := new(Session)
	body := map[string]string{"email": email, "password": password}
	if _, err := c.do(ctx, call{method: http.MethodPost, path: "/auth/login", body: body, open: true}, s); err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	return s, nil
}

// Refresh exchanges a refresh token for a new session. A refresh token is
// good for once: keep the new one.
func (c *Client) Refresh(ctx context.Context, refreshToken string) (*Session, error) {
	s := new(Session)
	body := map[string]string{"refreshToken": refreshToken}
	if _, err := c.do(ctx, call{method: http.MethodPost, path: "/auth/refresh", body: body, open: true}, s); err != nil {
		return nil, fmt.Errorf("refresh the session: %w", err)
	}
	return s, nil
}

// Me says who the token speaks for.
func (c *Client) Me(ctx context.Context) (*Me, error) {
	m := new(Me)
	if _, err := c.do(ctx, call{method: http.MethodGet, path: "/auth/me"}, m); err != nil {
		return nil, err
	}
	return m, nil
}

// ErrSessionOver says that a session has no refresh token left.
var ErrSessionOver = errors.New("the session is over; log in again")

// early is how long before its end a token is replaced: requests in flight
// and clocks that differ need some of its life.
const early = 30 * time.Second

// Sessions is a TokenSource over a session: it refreshes the access token
// shortly before it runs out, or when the server rejects it.
type Sessions struct {
	// Client refreshes. It needs no token of its own.
	Client *Client
	// Changed, if set, is called with each new session before it is used, for
	// example to write it to a file. Calls do not overlap.
	Changed func(Session) error

	mu      sync.Mutex
	session Session
	expires time.Time
}

// NewSessions starts from a session whose access token runs out at the given
// time; the zero time means that only the server knows.
func NewSessions(c *Client, s Session, expires time.Time) *Sessions {
	return &Sessions{Client: c, session: s, expires: expires}
}

// Token implements TokenSource.
func (s *Sessions) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session.AccessToken != "" && (s.expires.IsZero() || time.Until(s.expires) > early) {
		return s.session.AccessToken, nil
	}
	if s.session.RefreshToken == "" {
		return "", ErrSessionOver
	}
	fresh, err := s.Client.Refresh(ctx, s.session.RefreshToken)
	if StatusOf(err) == http.StatusUnauthorized {
		return "", fmt.Errorf("%w: %w", ErrSessionOver, err)
	}
	if err != nil {
		return "", err
	}
	s.session = *fresh
	s.expires = time.Now().Add(time.Duration(fresh.ExpiresIn) * time.Second)
	if s.Changed != nil {
		if err := s.Changed(*fresh); err != nil {
			return "", fmt.Errorf("keep the new session: %w", err)
		}
	}
	return s.session.AccessToken, nil
}

// Reject implements TokenSource.
func (s *Sessions) Reject(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Another goroutine may have refreshed since; its token is not the one
	// that was refused.
	if s.session.AccessToken == token {
		s.session.AccessToken = ""
	}
}
