package oauth

import (
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// The scopes that everybody can ask for (OpenID Connect Core, 5.4 and 11).
const (
	ScopeOpenID  = "openid"
	ScopeProfile = "profile"
	ScopeEmail   = "email"
	// ScopeOffline is accepted and changes nothing: whether a client gets a
	// refresh token is said by its grantTypes.
	ScopeOffline = "offline_access"
)

// Scope is what a client asks for. Besides the words of OpenID Connect,
// "role:shop:clerk" and "client:acme" (by id or identifier) bound the token:
// with roles it has those only, with clients it reaches those only. Without
// them it has what its subject has.
type Scope struct {
	OpenID, Profile, Email bool
	Roles, Clients         []string
	words                  []string // as they were asked for, each once
}

// String is the scope as RFC 6749 writes it.
func (s Scope) String() string { return strings.Join(s.words, " ") }

// parseScope reads a scope. Words that mean nothing here are refused: one that
// was meant to bound a token must not be overlooked.
func parseScope(text string) (Scope, error) {
	var s Scope
	if len(text) > 4000 {
		return s, refuse(InvalidScope, "the scope is longer than 4000 characters")
	}
	for word := range strings.FieldsSeq(text) {
		if slices.Contains(s.words, word) {
			continue
		}
		switch kind, name := resource.OAuthScope(word); kind {
		case ScopeOpenID:
			s.OpenID = true
		case ScopeProfile:
			s.Profile = true
		case ScopeEmail:
			s.Email = true
		case ScopeOffline:
		case "role":
			s.Roles = append(s.Roles, name)
		case "client":
			s.Clients = append(s.Clients, name)
		default:
			return s, refuse(InvalidScope, "the scope has a word that means nothing here; there are openid, profile, email, offline_access, role:<name> and client:<id or identifier>")
		}
		s.words = append(s.words, word)
	}
	return s, nil
}

// scopeOf is what a request asks for: what it says, or what its client asks
// for by default.
func scopeOf(c *resource.OAuthClient, text string) (Scope, error) {
	if strings.TrimSpace(text) == "" {
		text = strings.Join(c.DefaultScopes, " ")
	}
	return parseScope(text)
}

// bound is what a grant leaves of what a subject has: nil is everything. Apps
// are the codes of the applications whose roles count; none is all.
func (s Scope) bound(d *iam.Directory, sub *iam.Subject, apps []string, now time.Time) (*iam.Bounds, error) {
	if len(s.Roles) == 0 && len(s.Clients) == 0 && len(apps) == 0 {
		return nil, nil
	}
	b := &iam.Bounds{Roles: slices.Clone(sub.Roles), Clients: slices.Clone(sub.Clients(now))}
	if len(apps) > 0 {
		b.Roles = slices.DeleteFunc(b.Roles, func(role string) bool {
			app, _, _ := strings.Cut(role, ":")
			return !slices.Contains(apps, app)
		})
	}
	if len(s.Roles) > 0 {
		for _, role := range s.Roles {
			if !slices.Contains(b.Roles, role) {
				return nil, refuse(InvalidScope, "the scope names a role that is not there to be given")
			}
		}
		b.Roles = slices.Clone(s.Roles)
	}
	if len(s.Clients) > 0 {
		b.Clients = nil
		for _, name := range s.Clients {
			c := d.Client(name)
			if c == nil || c.Status == resource.ClientDeleted || !sub.Everything() && !slices.Contains(sub.Clients(now), c.ID) {
				return nil, refuse(InvalidScope, "the scope names a client that is not there to be reached")
			}
			b.Clients = append(b.Clients, c.ID)
		}
	}
	return b, nil
}

// apps are the codes of the applications that an OAuth client is for.
func apps(d *iam.Directory, c *resource.OAuthClient) []string {
	var codes []string
	for _, id := range c.ApplicationIDs {
		if a := d.Application(id); a != nil {
			codes = append(codes, a.Code)
		} else {
			codes = append(codes, id) // it is gone, and must not widen what is left
		}
	}
	return codes
}

// into puts bounds into the session to be.
func into(in *iam.Session, b *iam.Bounds) {
	if b != nil {
		in.Bounded, in.Roles, in.Clients = true, b.Roles, b.Clients
	}
}
