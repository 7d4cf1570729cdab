package auth

import (
	"context"
	"slices"
)

// PrincipalType says what kind of caller a principal is.
type PrincipalType string

// The kinds of principals.
const (
	TypeUser    PrincipalType = "USER"
	TypeService PrincipalType = "SERVICE"
)

// Scope says how far a principal's reach goes before any role is looked at.
type Scope string

// The scopes: all clients, several, one.
const (
	ScopeAnchor  Scope = "ANCHOR"
	ScopePartner Scope = "PARTNER"
	ScopeClient  Scope = "CLIENT"
)

// EveryClient in a principal's Clients stands for all of them. It counts for
// the scope ANCHOR only.
const EveryClient = "*"

// A Principal is who sends a request. The slices belong to the token cache: do
// not change them.
type Principal struct {
	ID      string
	Type    PrincipalType
	Scope   Scope
	Email   string // empty for services
	Name    string
	Clients []string // ids, or EveryClient
	Roles   []string
}

// AllClients is true if p may reach every client and what belongs to none.
func (p *Principal) AllClients() bool {
	return p.Scope == ScopeAnchor && slices.Contains(p.Clients, EveryClient)
}

// Reaches is true if p may touch what belongs to this client. An empty id is
// the anchor level, which only principals with AllClients reach.
func (p *Principal) Reaches(clientID string) bool {
	if p.AllClients() {
		return true
	}
	return clientID != "" && clientID != EveryClient && slices.Contains(p.Clients, clientID)
}

// OnlyClient is the client that p acts for unless it says otherwise: the only
// one that it has.
func (p *Principal) OnlyClient() (id string, ok bool) {
	if len(p.Clients) != 1 || p.Clients[0] == EveryClient || p.Clients[0] == "" {
		return "", false
	}
	return p.Clients[0], true
}

type principalKey struct{}

// WithPrincipal puts who is asking into a context.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From gives the principal that WithPrincipal put there.
func From(ctx context.Context) (*Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(*Principal)
	return p, ok && p != nil
}
