package oauth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Options are what the server stands on. Store, Directory, Sessions, Tokens
// and Revoked are required.
type Options struct {
	Store     store.Entries
	Directory *iam.Cache
	Sessions  *iam.Sessions
	Tokens    *auth.Tokens
	Revoked   *iam.Revoked
	Logger    *slog.Logger
	Now       func() time.Time
}

// Server is the authorization server. Its issuer is that of the tokens.
type Server struct {
	o        Options
	throttle *auth.Throttle
}

// New makes a Server.
func New(o Options) (*Server, error) {
	if o.Store == nil || o.Directory == nil || o.Sessions == nil || o.Tokens == nil || o.Revoked == nil {
		return nil, errors.New("make the OAuth server: a store, a directory, sessions, tokens and what was revoked are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{o: o, throttle: auth.NewThrottle(auth.ThrottleOptions{PerEmail: auth.Rate{Burst: 30, Every: 10 * time.Second}})}, nil
}

// now has the precision that stores keep.
func (s *Server) now() time.Time { return s.o.Now().UTC().Truncate(time.Millisecond) }

// The error codes that we answer with.
const (
	InvalidRequest          = "invalid_request" // RFC 6749, 5.2
	InvalidClient           = "invalid_client"
	InvalidGrant            = "invalid_grant"
	UnauthorizedClient      = "unauthorized_client"
	UnsupportedGrantType    = "unsupported_grant_type"
	InvalidScope            = "invalid_scope"
	AccessDenied            = "access_denied" // RFC 6749, 4.1.2.1
	UnsupportedResponseType = "unsupported_response_type"
	LoginRequired           = "login_required" // OpenID Connect Core, 3.1.2.6
	ConsentRequired         = "consent_required"
	RequestNotSupported     = "request_not_supported"
	RequestURINotSupported  = "request_uri_not_supported"
	AuthorizationPending    = "authorization_pending" // RFC 8628, 3.5
	SlowDown                = "slow_down"
	ExpiredToken            = "expired_token"
	TemporarilyUnavailable  = "temporarily_unavailable"
)

// Error is a refusal in the words of RFC 6749.
type Error struct {
	Code        string
	Description string // for the people who write the client; it repeats nothing of the request
	// Basic says that the client tried HTTP Basic, which is answered with a
	// challenge.
	Basic bool
	// RetryAfter is set where waiting helps.
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// Status is the HTTP status of the answer: a client that is not who it says is
// 401, all else is 400.
func (e *Error) Status() int {
	switch {
	case e.RetryAfter > 0:
		return http.StatusTooManyRequests
	case e.Code == InvalidClient:
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Description: fmt.Sprintf(format, args...)}
}

// once refuses a parameter that comes twice (RFC 6749, 3.1 and 3.2): two
// readers could take different ones. Resource may (RFC 8707); we have one.
func once(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 && name != "resource" {
			return refuse(InvalidRequest, "a parameter comes more than once")
		}
	}
	return nil
}

// From is where a request comes from.
type From struct{ Address, UserAgent string }

// wait bounds what strangers can make us keep, or guess: 30 at once, then one
// in ten seconds.
func (s *Server) wait(who string, from From) error {
	if wait, ok := s.throttle.Attempt(who, from.Address, s.o.Now()); !ok {
		return &Error{Code: SlowDown, Description: "too many of these from here; try again later", RetryAfter: wait}
	}
	return nil
}
