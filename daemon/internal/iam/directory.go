package iam

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
)

// Directory is everybody and what they may do, at one version of the
// resources. It does not change.
type Directory struct {
	Version int64

	cat          *catalog.Catalog
	subjects     map[string]*Subject // by id
	emails       map[string]*Subject // by email in lower case
	identities   map[identity]*Subject
	roles        map[string]*resource.Role
	identifiers  map[string]*resource.Client
	applications map[string]*resource.Application // by id and by code
	oauth        map[string]*resource.OAuthClient // by client_id
	anchors      map[string]bool
	configs      map[string]*resource.ClientAuthConfig // by email domain
	mappings     []*resource.IdpRoleMapping            // by key
	tokens       map[[sha256.Size]byte]tokenOf
}

// identity is who somebody is at a provider.
type identity struct{ issuer, subject string }

type tokenOf struct {
	subject *Subject
	kept    HashedSecret
}

var _ auth.RoleSource = (*Directory)(nil)

// New makes the directory of a catalog.
func New(cat *catalog.Catalog) *Directory {
	d := &Directory{
		Version: cat.Version, cat: cat,
		subjects:     make(map[string]*Subject, len(cat.Others[resource.KindPrincipal])+len(cat.ServiceAccounts)),
		emails:       make(map[string]*Subject, len(cat.Others[resource.KindPrincipal])),
		identities:   map[identity]*Subject{},
		roles:        map[string]*resource.Role{},
		identifiers:  make(map[string]*resource.Client, len(cat.Clients)),
		applications: map[string]*resource.Application{},
		oauth:        map[string]*resource.OAuthClient{},
		anchors:      map[string]bool{},
		configs:      map[string]*resource.ClientAuthConfig{},
		tokens:       map[[sha256.Size]byte]tokenOf{},
	}
	of(cat, resource.KindRole, func(r *resource.Role) { d.roles[r.Name] = r })
	for name, r := range builtinRoles {
		d.roles[name] = r // nobody redefines a built-in role
	}
	for _, c := range cat.Clients {
		d.identifiers[c.Identifier] = c
	}
	of(cat, resource.KindApplication, func(a *resource.Application) { d.applications[a.ID], d.applications[a.Code] = a, a })
	of(cat, resource.KindOAuthClient, func(c *resource.OAuthClient) { d.oauth[c.OAuthID] = c })
	d.oauth[CLI.OAuthID] = CLI // nobody redefines it
	of(cat, resource.KindAnchorDomain, func(a *resource.AnchorDomain) { d.anchors[strings.ToLower(a.Domain)] = true })
	of(cat, resource.KindClientAuthConfig, func(c *resource.ClientAuthConfig) { d.configs[strings.ToLower(c.EmailDomain)] = c })
	of(cat, resource.KindIdpRoleMapping, func(m *resource.IdpRoleMapping) { d.mappings = append(d.mappings, m) })
	slices.SortFunc(d.mappings, func(a, b *resource.IdpRoleMapping) int { return cmp.Compare(a.Key(), b.Key()) })
	of(cat, resource.KindPrincipal, d.addPerson)
	for _, a := range cat.ServiceAccounts {
		d.addAccount(a)
	}
	return d
}

// of visits the resources of a kind.
func of[R resource.Resource](cat *catalog.Catalog, kind resource.Kind, visit func(R)) {
	for _, r := range cat.Others[kind] {
		if v, ok := r.(R); ok {
			visit(v)
		}
	}
}

func (d *Directory) addPerson(p *resource.Principal) {
	s := &Subject{ID: p.ID, Type: auth.TypeUser, Scope: auth.Scope(p.Scope), Email: p.Email, Name: p.Name,
		HomeClient: p.Meta.ClientID, Active: p.IsActive(), Person: p}
	domain := EmailDomain(p.Email)
	if d.anchors[domain] {
		s.Scope = auth.ScopeAnchor
	}
	config := d.configs[domain]
	if config != nil && config.ConfigType != string(s.Scope) {
		config = nil // it speaks of people of another scope
	}
	switch s.Scope {
	case auth.ScopeAnchor:
		s.everything = true
	case auth.ScopeClient:
		d.reach(s, p.Meta.ClientID)
		if config != nil {
			d.reach(s, config.AdditionalClientIDs...)
		}
	case auth.ScopePartner:
		if config != nil {
			d.reach(s, config.GrantedClientIDs...)
		}
	}
	for _, g := range p.Grants {
		switch {
		case s.everything:
		case g.ExpiresAt.IsZero():
			d.reach(s, g.ClientID)
		case d.active(g.ClientID):
			s.ending = append(s.ending, ending{g.ClientID, g.ExpiresAt})
		}
	}
	d.finish(s, p.RoleNames())
	if other := d.emails[p.Key()]; other == nil || s.ID < other.ID {
		d.emails[p.Key()] = s
	}
	if p.IdpIssuer != "" && p.IdpSubject != "" {
		is := identity{p.IdpIssuer, p.IdpSubject}
		if other := d.identities[is]; other == nil || s.ID < other.ID {
			d.identities[is] = s
		}
	}
}

func (d *Directory) addAccount(a *resource.ServiceAccount) {
	s := &Subject{ID: a.PrincipalID(), Type: auth.TypeService, Scope: auth.ScopePartner, Name: a.Name, Active: a.IsActive(), Account: a}
	switch {
	case slices.Equal(a.ClientIDs, everyClient):
		s.Scope, s.everything = auth.ScopeAnchor, true
	case len(a.ClientIDs) == 1:
		s.Scope = auth.ScopeClient
		fallthrough
	default:
		d.reach(s, a.ClientIDs...)
	}
	d.finish(s, a.Roles)
	c, err := d.Credential(a.ID)
	if err != nil {
		return // its tokens are good for nothing until it can be read
	}
	for _, t := range c.Tokens {
		var hash [sha256.Size]byte
		if n, err := hex.Decode(hash[:], []byte(t.Hash)); err == nil && n == len(hash) {
			d.tokens[hash] = tokenOf{s, t}
		}
	}
}

// reach adds clients that exist and are active.
func (d *Directory) reach(s *Subject, ids ...string) {
	for _, id := range ids {
		if d.active(id) && !slices.Contains(s.clients, id) {
			s.clients = append(s.clients, id)
		}
	}
}

// active is the switch of a client: of one that is suspended, pending or
// deleted nothing is reached but by who reaches every client.
func (d *Directory) active(clientID string) bool {
	c := d.cat.Clients[clientID]
	return c != nil && c.Status == resource.ClientActive
}

func (d *Directory) finish(s *Subject, roles []string) {
	slices.Sort(s.clients)
	s.Roles = make([]string, 0, len(roles))
	for _, name := range roles {
		if r := d.roles[name]; r != nil && !slices.Contains(s.Roles, name) {
			s.Roles = append(s.Roles, name)
			s.grants.add(r.Permissions)
		}
	}
	if len(s.ending) == 0 {
		s.whole = s.principal(s.Clients(time.Time{}), s.Roles)
	}
	d.subjects[s.ID] = s
}

// EmailDomain is the domain of an email in lower case; empty if there is none.
func EmailDomain(email string) string {
	at := strings.LastIndexByte(email, '@')
	if at < 0 {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(email[at+1:]))
}

// Subject is who has this id (prn_…), or nil.
func (d *Directory) Subject(id string) *Subject { return d.subjects[id] }

// ByEmail is the person with this email, or nil.
func (d *Directory) ByEmail(email string) *Subject {
	return d.emails[strings.ToLower(strings.TrimSpace(email))]
}

// ByIdentity is the person whom a provider calls by this subject, or nil.
func (d *Directory) ByIdentity(issuer, subject string) *Subject {
	return d.identities[identity{issuer, subject}]
}

// ByToken is the service account with this token, or nil. It takes as long
// whatever the token, since it looks for a hash.
func (d *Directory) ByToken(token string, now time.Time) (*Subject, HashedSecret) {
	t, ok := d.tokens[sha256.Sum256([]byte(token))]
	if !ok || !t.kept.Good(now) {
		return nil, HashedSecret{}
	}
	return t.subject, t.kept
}

// Credential is what is kept to know somebody by: an empty one where there is
// none.
func (d *Directory) Credential(id string) (Credential, error) {
	c, err := DecodeCredential(d.cat.Credentials[id])
	if err != nil {
		return c, fmt.Errorf("credential of %s: %w", id, err)
	}
	return c, nil
}

// Role is the role of a name, built in or not, or nil.
func (d *Directory) Role(name string) *resource.Role { return d.roles[name] }

// Roles are all roles, by name.
func (d *Directory) Roles() []*resource.Role {
	roles := make([]*resource.Role, 0, len(d.roles))
	for _, r := range d.roles {
		roles = append(roles, r)
	}
	slices.SortFunc(roles, func(a, b *resource.Role) int { return cmp.Compare(a.Name, b.Name) })
	return roles
}

// Permissions implements auth.RoleSource.
func (d *Directory) Permissions(role string) []string {
	if r := d.roles[role]; r != nil {
		return r.Permissions
	}
	return nil
}

// Client is the client of an id or an identifier, or nil. One that is deleted
// is there too; see its Status.
func (d *Directory) Client(name string) *resource.Client {
	if c := d.cat.Clients[name]; c != nil {
		return c
	}
	return d.identifiers[name]
}

// Application is the application of an id or a code, or nil.
func (d *Directory) Application(name string) *resource.Application { return d.applications[name] }

// OAuthClient is the OAuth client with this client_id, or nil.
func (d *Directory) OAuthClient(clientID string) *resource.OAuthClient { return d.oauth[clientID] }

// AllowedOrigin says whether pages of an origin may ask for tokens: it is that
// of an active OAuth client.
func (d *Directory) AllowedOrigin(origin string) bool {
	for _, c := range d.oauth {
		if c.IsActive() && slices.Contains(c.AllowedOrigins, origin) {
			return true
		}
	}
	return false
}

// mayHold says whether what an OAuth client was given at a time is still good:
// the client is there, active, and no later one of the same client_id.
func (d *Directory) mayHold(clientID string, given time.Time) bool {
	c := d.oauth[clientID]
	return c != nil && c.IsActive() && !given.Before(c.CreatedAt.Truncate(time.Second))
}

// ServiceAccount is the service account of an id (sac_…), or nil.
func (d *Directory) ServiceAccount(id string) *resource.ServiceAccount {
	return d.cat.ServiceAccounts[id]
}

// Anchor says whether people of an email domain have the scope ANCHOR.
func (d *Directory) Anchor(domain string) bool { return d.anchors[strings.ToLower(domain)] }

// AuthConfig says how people of an email domain sign in, or is nil.
func (d *Directory) AuthConfig(domain string) *resource.ClientAuthConfig {
	return d.configs[strings.ToLower(domain)]
}

// Provider says how a person signs in: with a password (INTERNAL) or through a
// provider (OIDC). The auth config of their email domain says which; where
// there is none, they go on as they did.
func (d *Directory) Provider(p *resource.Principal) string {
	if c := d.AuthConfig(EmailDomain(p.Email)); c != nil && c.AuthProvider != "" {
		return c.AuthProvider
	}
	if p.IdpType == resource.IdpOIDC {
		return resource.IdpOIDC
	}
	return resource.IdpInternal
}

// RoleMappings are the mappings that count for an email domain.
func (d *Directory) RoleMappings(domain string) []*resource.IdpRoleMapping {
	var out []*resource.IdpRoleMapping
	for _, m := range d.mappings {
		if m.EmailDomain == "" || strings.EqualFold(m.EmailDomain, domain) {
			out = append(out, m)
		}
	}
	return out
}

// HasAdministrator says whether somebody can sign in who may do everything.
func (d *Directory) HasAdministrator() bool {
	for _, s := range d.emails {
		if s.Active && s.everything && s.grants.allow("*:*:*:*") {
			return true
		}
	}
	return false
}
