package api

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
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
	actor     iam.Actor
	cookie    string    // the session's cookie, if that was what let it in
	expires   time.Time // of the token; zero without one
}

// admit finds out who sends a request, as things stand now, and checks the
// permission that its route needs.
func (s *server) admit(r *http.Request, requestID, needs string) (caller, error) {
	c := caller{Caller: platform.Caller{RequestID: requestID}}
	switch needs {
	case public:
		return c, nil
	case unguarded:
		return operatorCaller(requestID), nil
	}
	if err := s.identify(r, &c); err != nil {
		return c, err
	}
	p := c.actor.Principal
	c.principal, c.expires, c.PrincipalID = p, c.actor.Expires, p.ID
	if needs != anyToken && !c.actor.May(needs) {
		return c, newProblem(http.StatusForbidden, "FORBIDDEN", "this needs the permission "+needs)
	}
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

func unauthenticated(detail string) error {
	return newProblem(http.StatusUnauthorized, "UNAUTHENTICATED", detail)
}

// identify says who sends a request: the subject of its token or of its
// cookie, with no more than that subject has at this moment.
func (s *server) identify(r *http.Request, c *caller) error {
	token, ok := bearer(r)
	switch {
	case ok && strings.HasPrefix(token, iam.TokenPrefix):
		return s.byAPIToken(r, c, token)
	case ok:
		return s.byJWT(r, c, token)
	case r.Header["Authorization"] == nil && s.o.SignIn != nil:
		if cookie, err := r.Cookie(sessionCookie); err == nil {
			return s.byCookie(r, c, cookie.Value)
		}
	}
	return unauthenticated("a bearer token is required; POST /auth/login gives one")
}

func (s *server) byJWT(r *http.Request, c *caller, token string) error {
	claims, err := s.o.Tokens.Verify(token)
	switch {
	case errors.Is(err, auth.ErrExpired):
		return unauthenticated("the token has expired; POST /auth/refresh gives a new one")
	case err != nil:
		return unauthenticated("the token is not valid")
	case s.o.Revoked.Is(claims.Session, claims.ID):
		return unauthenticated("the token was revoked; sign in again")
	}
	d, err := s.p.Directory(r.Context())
	if err != nil {
		return err
	}
	if c.actor, err = d.Admit(&claims, time.Now()); err != nil {
		return unauthenticated("the token is not valid") // it tells nothing of its subject
	}
	return nil
}

// byAPIToken takes the tokens of service accounts, which are looked up by
// their hash.
func (s *server) byAPIToken(r *http.Request, c *caller, token string) error {
	d, err := s.p.Directory(r.Context())
	if err != nil {
		return err
	}
	now := time.Now()
	sub, kept := d.ByToken(token, now)
	if c.actor, err = d.Act(sub, now); err != nil {
		return unauthenticated("the token is not valid")
	}
	c.actor.Expires = kept.ExpiresAt
	return nil
}

func (s *server) byCookie(r *http.Request, c *caller, cookie string) error {
	sessions := s.o.SignIn.Sessions()
	in, _, err := sessions.ByCookie(r.Context(), cookie)
	if err == nil {
		c.actor, err = sessions.Actor(r.Context(), in)
	}
	if errors.Is(err, iam.ErrSession) || errors.Is(err, iam.ErrGone) {
		return unauthenticated("the session has ended; sign in again")
	}
	if err != nil {
		return err
	}
	if !s.own(r) && !rightCSRF(r, cookie) {
		return newProblem(http.StatusForbidden, "FORBIDDEN", "a change that a cookie lets in must come from a page of this origin, or carry the X-CSRF-Token of its session")
	}
	c.cookie = cookie
	return nil
}

func (s *server) may(c *caller) func(string) bool {
	if c.principal == nil {
		return c.May // an unguarded listener's
	}
	actor := c.actor
	return actor.May
}

func bearer(r *http.Request) (string, bool) {
	h := r.Header.Get("Authorization")
	if len(h) < 8 || !strings.EqualFold(h[:7], "Bearer ") {
		return "", false
	}
	return strings.TrimSpace(h[7:]), true
}
