package api

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// What a route needs, besides a permission.
const (
	public   = "public"   // no token
	anyToken = "anyToken" // a valid token; the rules ask for permissions themselves
)

// caller is who sends a request, once the guard has let it in.
type caller struct {
	platform.Caller
	principal *auth.Principal
	expires   time.Time // of the token; zero without one
}

// admit checks the token of a request and the permission that its route
// needs.
func (s *server) admit(r *http.Request, requestID, needs string) (caller, error) {
	c := caller{Caller: platform.Caller{RequestID: requestID}}
	switch needs {
	case public:
		return c, nil
	case unguarded:
		return operatorCaller(requestID), nil
	}
	token, ok := bearer(r)
	if !ok {
		return c, newProblem(http.StatusUnauthorized, "UNAUTHENTICATED", "a bearer token is required; POST /auth/login gives one")
	}
	claims, err := s.o.Tokens.Verify(token)
	switch {
	case errors.Is(err, auth.ErrExpired):
		return c, newProblem(http.StatusUnauthorized, "UNAUTHENTICATED", "the token has expired; POST /auth/refresh gives a new one")
	case err != nil:
		return c, newProblem(http.StatusUnauthorized, "UNAUTHENTICATED", "the token is not valid")
	}
	p := claims.Principal()
	c.principal, c.expires = p, time.Unix(claims.ExpiresAt, 0)
	if needs != anyToken && !auth.Allows(s.o.Roles, p.Roles, needs) {
		return c, newProblem(http.StatusForbidden, "FORBIDDEN", "this needs the permission "+needs)
	}
	c.PrincipalID = p.ID
	if p.AllClients() {
		c.Scope = store.Everything
	} else {
		for _, id := range p.Clients {
			if id != "" && id != auth.EveryClient {
				c.Scope.Clients = p.Clients
				break
			}
		}
	}
	return c, nil
}

func (s *server) may(c *caller) func(string) bool {
	if c.principal == nil {
		return c.May // an unguarded listener's
	}
	return func(permission string) bool { return auth.Allows(s.o.Roles, c.principal.Roles, permission) }
}

func bearer(r *http.Request) (string, bool) {
	h := r.Header.Get("Authorization")
	if len(h) < 8 || !strings.EqualFold(h[:7], "Bearer ") {
		return "", false
	}
	return strings.TrimSpace(h[7:]), true
}
