package iam

import (
	"errors"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
)

// Subject is somebody who can act: a person or a service account, with what
// they reach and may do by the directory that it is of. It does not change.
type Subject struct {
	ID         string // prn_…
	Type       auth.PrincipalType
	Scope      auth.Scope
	Email      string // of people
	Name       string
	HomeClient string // of people with the scope CLIENT
	Active     bool
	// Roles are the names of the roles that they have and that exist.
	Roles []string
	// Person or Account is the resource that it was made of.
	Person  *resource.Principal
	Account *resource.ServiceAccount

	everything bool
	clients    []string // reached without an end, sorted
	ending     []ending
	whole      *auth.Principal // with everything that it has, if nothing ends
	grants     grants
}

// ending is a client that is reached until a time.
type ending struct {
	client string
	until  time.Time
}

// CredentialID is the id of the subject's Credential.
func (s *Subject) CredentialID() string {
	if s.Account != nil {
		return s.Account.ID
	}
	return s.ID
}

// Everything says whether the subject reaches every client, and what belongs
// to none.
func (s *Subject) Everything() bool { return s.everything }

// Clients are the ids of the clients that the subject reaches at a time, or
// auth.EveryClient. Do not change them.
func (s *Subject) Clients(now time.Time) []string {
	if s.everything {
		return everyClient
	}
	if len(s.ending) == 0 {
		return s.clients
	}
	clients := slices.Clone(s.clients)
	for _, e := range s.ending {
		if now.Before(e.until) && !slices.Contains(clients, e.client) {
			clients = append(clients, e.client)
		}
	}
	slices.Sort(clients)
	return clients
}

var everyClient = []string{auth.EveryClient}

// Principal is the subject with everything that it has.
func (s *Subject) Principal(now time.Time) *auth.Principal {
	if s.whole != nil {
		return s.whole
	}
	return s.principal(s.Clients(now), s.Roles)
}

func (s *Subject) principal(clients, roles []string) *auth.Principal {
	return &auth.Principal{ID: s.ID, Type: s.Type, Scope: s.Scope, Email: s.Email, Name: s.Name, Clients: clients, Roles: roles}
}

// Actor is a subject as one request has it: with no more than its token
// names, and no more than the subject has.
type Actor struct {
	*Subject
	// Principal has the roles and clients that count for the request.
	Principal *auth.Principal
	// Session is the id of the sign-in that the token comes from; empty for
	// tokens that come from none.
	Session string
	// OAuthID is the client_id of the OAuth client that has the token; empty:
	// it is of the platform's own sign-in.
	OAuthID string
	// Expires is when the token ends; zero: never.
	Expires time.Time

	dir    *Directory
	grants *grants // nil: those of the principal's roles, which are fewer than the subject's
}

// May says whether the actor has a permission. One with stars must be granted
// by one that is as wide.
func (a *Actor) May(permission string) bool {
	if a.grants != nil {
		return a.grants.allow(permission)
	}
	return auth.Allows(a.dir, a.Principal.Roles, permission)
}

// ErrGone says that a token's subject is not there any more, or not active.
var ErrGone = errors.New("who the token speaks for is not there, or not active")

// Admit says what the bearer of a verified token may do at a time: what the
// token names of what its subject has.
func (d *Directory) Admit(c *auth.Claims, now time.Time) (Actor, error) {
	s := d.subjects[c.Subject]
	if s == nil || !s.Active || s.Type != c.Type {
		return Actor{}, ErrGone
	}
	if c.OAuthID != "" && !d.mayHold(c.OAuthID, time.Unix(c.IssuedAt, 0)) {
		return Actor{}, ErrGone
	}
	a := Actor{Subject: s, Session: c.Session, OAuthID: c.OAuthID, Expires: time.Unix(c.ExpiresAt, 0), dir: d}
	roles, same := common(s.Roles, c.Roles)
	if same {
		a.grants = &s.grants
	}
	var clients []string
	whole := false
	switch {
	case s.everything && slices.Contains(c.Clients, auth.EveryClient):
		clients, whole = everyClient, true
	case s.everything:
		clients = c.Clients
	default:
		clients = s.Clients(now)
		if c.Scope != auth.ScopeAnchor || !slices.Contains(c.Clients, auth.EveryClient) {
			clients, whole = common(clients, c.Clients)
		} else {
			whole = true
		}
	}
	if a.Principal = s.whole; !same || !whole || a.Principal == nil {
		a.Principal = s.principal(clients, roles)
	}
	return a, nil
}

// Act is a subject with everything that it has, without a token that bounds
// it.
func (d *Directory) Act(s *Subject, now time.Time) (Actor, error) {
	if s == nil || !s.Active {
		return Actor{}, ErrGone
	}
	return Actor{Subject: s, Principal: s.Principal(now), dir: d, grants: &s.grants}, nil
}

// common is what of have is named too, and whether that is all of it.
func common(have, named []string) (both []string, all bool) {
	if slices.Equal(have, named) {
		return have, true
	}
	both = make([]string, 0, len(have))
	for _, h := range have {
		if slices.Contains(named, h) {
			both = append(both, h)
		}
	}
	return both, len(both) == len(have)
}
