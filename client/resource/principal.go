package resource

import (
	"fmt"
	"strings"
	"time"
)

// Principal is a person who may sign in. Its Meta.ClientID is its home client,
// which one of scope CLIENT has. Passwords are not part of it: only their
// hashes are kept, apart. Service accounts are principals too, see
// ServiceAccount.PrincipalID.
type Principal struct {
	Meta
	Type         string           `json:"type"`  // USER
	Scope        string           `json:"scope"` // ANCHOR, PARTNER or CLIENT
	Email        string           `json:"email"`
	Name         string           `json:"name"`
	Active       *bool            `json:"active"`
	Roles        []RoleAssignment `json:"roleAssignments,omitempty"`
	Grants       []ClientGrant    `json:"clientGrants,omitempty"`   // clients beyond the home client
	Applications []string         `json:"applicationIds,omitempty"` // applications it may open; they bound nothing in this API
	IdpType      string           `json:"idpType,omitempty"`        // INTERNAL (a password) or OIDC
	IdpIssuer    string           `json:"idpIssuer,omitempty"`
	IdpSubject   string           `json:"idpSubject,omitempty"`
}

// RoleAssignment is a role of a principal and where it comes from.
type RoleAssignment struct {
	Role       string    `json:"roleName"`
	Source     string    `json:"assignmentSource"` // MANUAL, IDP or SYNC
	AssignedAt time.Time `json:"assignedAt,omitzero"`
}

// ClientGrant lets a principal reach a client.
type ClientGrant struct {
	ClientID  string    `json:"clientId"`
	Source    string    `json:"grantSource,omitempty"` // MANUAL or IDP
	GrantedBy string    `json:"grantedBy,omitempty"`
	GrantedAt time.Time `json:"grantedAt,omitzero"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"` // zero: never
}

// How far a principal reaches before any role is looked at.
const (
	ScopeAnchor  = "ANCHOR"  // every client, and what belongs to none
	ScopePartner = "PARTNER" // the clients that it was granted
	ScopeClient  = "CLIENT"  // its home client, and those that it was granted
)

// Where an assignment or a grant comes from.
const (
	AssignedManually = "MANUAL"
	AssignedByIdp    = "IDP"
	AssignedBySync   = "SYNC"
)

// How a principal signs in.
const (
	IdpInternal = "INTERNAL"
	IdpOIDC     = "OIDC"
)

// Kind implements Resource.
func (*Principal) Kind() Kind { return KindPrincipal }

// Key implements Resource: the email in lower case.
func (p *Principal) Key() string { return strings.ToLower(p.Email) }

// Refs implements Resource.
func (p *Principal) Refs() []Ref {
	var refs []Ref
	if p.Meta.ClientID != "" {
		refs = append(refs, Ref{Kind: KindClient, ID: p.Meta.ClientID, Field: "clientId"})
	}
	for i, r := range p.Roles {
		refs = append(refs, Ref{Kind: KindRole, Code: r.Role, Field: fmt.Sprintf("roleAssignments[%d].roleName", i)})
	}
	for i, g := range p.Grants {
		refs = append(refs, Ref{Kind: KindClient, ID: g.ClientID, Field: fmt.Sprintf("clientGrants[%d].clientId", i)})
	}
	return refs
}

// IsActive says whether the principal may sign in; absent is yes.
func (p *Principal) IsActive() bool { return p.Active == nil || *p.Active }

// RoleNames are the names of the roles.
func (p *Principal) RoleNames() []string {
	names := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		names[i] = r.Role
	}
	return names
}

// Defaults implements Resource.
func (p *Principal) Defaults() {
	if p.Type == "" {
		p.Type = "USER"
	}
	if p.Name == "" {
		p.Name, _, _ = strings.Cut(p.Email, "@")
	}
	if p.Active == nil {
		p.Active = yes()
	}
	if p.Scope == "" {
		p.Scope = ScopeClient
		if p.Meta.ClientID == "" {
			p.Scope = ScopePartner
		}
	}
	if p.IdpType == "" {
		p.IdpType = IdpInternal
	}
	for i := range p.Roles {
		if p.Roles[i].Source == "" {
			p.Roles[i].Source = AssignedManually
		}
	}
}

// Validate implements Resource.
func (p *Principal) Validate() []Problem {
	var ps []Problem
	if !emailLike(p.Email) {
		ps = append(ps, Problem{"email", "must be an email address of at most 254 characters", "ada@example.com"})
	}
	if strings.TrimSpace(p.Name) == "" || hasControl(p.Name) {
		ps = append(ps, Problem{"name", "must be a name without control characters", ""})
	}
	ps = checkName(ps, p.Name, "")
	ps = checkEnum(ps, "type", p.Type, "USER")
	ps = checkEnum(ps, "scope", p.Scope, ScopeAnchor, ScopePartner, ScopeClient)
	ps = checkEnum(ps, "idpType", p.IdpType, IdpInternal, IdpOIDC)
	if p.Scope == ScopeClient && p.Meta.ClientID == "" {
		ps = append(ps, Problem{"clientId", "is required with the scope CLIENT", ""})
	}
	seen := map[string]bool{}
	for i, r := range p.Roles {
		field := fmt.Sprintf("roleAssignments[%d].", i)
		if r.Role == "" || seen[r.Role] {
			ps = append(ps, Problem{field + "roleName", "is missing, or there twice", ""})
		}
		seen[r.Role] = true
		ps = checkEnum(ps, field+"assignmentSource", r.Source, AssignedManually, AssignedByIdp, AssignedBySync)
	}
	if len(p.Roles) > 100 {
		ps = append(ps, Problem{"roles", "has more than 100 roles", ""})
	}
	if len(p.Grants) > 1000 {
		ps = append(ps, Problem{"clientGrants", "has more than 1000 clients", ScopeAnchor})
	}
	return ps
}

// emailLike accepts what can be an address: a part, an @ and a domain, in
// printable ASCII without spaces. Whether mail arrives only mail can tell.
func emailLike(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && len(s) <= 254 && domainLike(domain) && !strings.ContainsAny(s, " <>(),;:\"\\\r\n\t")
}

// domainLike accepts DNS names of at least one label.
func domainLike(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 })
}
