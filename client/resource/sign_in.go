package resource

import (
	"fmt"
	"strings"
)

// AnchorDomain is an email domain whose people have the scope ANCHOR.
type AnchorDomain struct {
	Meta
	Domain string `json:"domain"` // in lower case
}

// Kind implements Resource.
func (*AnchorDomain) Kind() Kind { return KindAnchorDomain }

// Key implements Resource.
func (d *AnchorDomain) Key() string { return d.Domain }

// Refs implements Resource.
func (*AnchorDomain) Refs() []Ref { return nil }

// Defaults implements Resource.
func (d *AnchorDomain) Defaults() { d.Domain = strings.ToLower(d.Domain) }

// Validate implements Resource.
func (d *AnchorDomain) Validate() []Problem { return checkDomain(nil, "domain", d.Domain) }

func checkDomain(ps []Problem, field, s string) []Problem {
	if !domainLike(s) || !strings.Contains(s, ".") {
		return append(ps, Problem{field, "must be a domain name", "example.com"})
	}
	return ps
}

// ClientAuthConfig says how the people of an email domain sign in, and what
// they reach.
type ClientAuthConfig struct {
	Meta
	EmailDomain         string   `json:"emailDomain"`                   // in lower case
	ConfigType          string   `json:"configType"`                    // the scope of its people: ANCHOR, PARTNER or CLIENT
	PrimaryClientID     string   `json:"primaryClientId,omitempty"`     // of scope CLIENT: the home client
	AdditionalClientIDs []string `json:"additionalClientIds,omitempty"` // of scope CLIENT: further clients
	GrantedClientIDs    []string `json:"grantedClientIds,omitempty"`    // of scope PARTNER
	AuthProvider        string   `json:"authProvider"`                  // INTERNAL or OIDC
	OIDCIssuerURL       string   `json:"oidcIssuerUrl,omitempty"`
	OIDCClientID        string   `json:"oidcClientId,omitempty"`
	OIDCClientSecret    Secret   `json:"oidcClientSecret,omitzero"` // absent: a public client
	OIDCScopes          []string `json:"oidcScopes,omitempty"`      // besides openid, email and profile
	OIDCRolesClaim      string   `json:"oidcRolesClaim,omitempty"`  // where the provider lists roles; default "roles"
	CreateUsers         *bool    `json:"createUsers,omitempty"`     // make a principal at the first sign-in; default true
}

// Kind implements Resource.
func (*ClientAuthConfig) Kind() Kind { return KindClientAuthConfig }

// Key implements Resource.
func (c *ClientAuthConfig) Key() string { return c.EmailDomain }

// Refs implements Resource.
func (c *ClientAuthConfig) Refs() []Ref {
	var refs []Ref
	add := func(field, id string) {
		if id != "" {
			refs = append(refs, Ref{Kind: KindClient, ID: id, Field: field})
		}
	}
	add("primaryClientId", c.PrimaryClientID)
	for i, id := range c.AdditionalClientIDs {
		add(fmt.Sprintf("additionalClientIds[%d]", i), id)
	}
	for i, id := range c.GrantedClientIDs {
		add(fmt.Sprintf("grantedClientIds[%d]", i), id)
	}
	return refs
}

// Defaults implements Resource.
func (c *ClientAuthConfig) Defaults() {
	c.EmailDomain = strings.ToLower(c.EmailDomain)
	if c.ConfigType == "" {
		c.ConfigType = ScopeClient
	}
	if c.AuthProvider == "" {
		c.AuthProvider = IdpInternal
	}
	if c.AuthProvider == IdpOIDC && c.OIDCRolesClaim == "" {
		c.OIDCRolesClaim = "roles"
	}
	if c.CreateUsers == nil {
		c.CreateUsers = yes()
	}
}

// Validate implements Resource.
func (c *ClientAuthConfig) Validate() []Problem {
	ps := checkDomain(nil, "emailDomain", c.EmailDomain)
	ps = checkEnum(ps, "configType", c.ConfigType, ScopeAnchor, ScopePartner, ScopeClient)
	ps = checkEnum(ps, "authProvider", c.AuthProvider, IdpInternal, IdpOIDC)
	switch {
	case c.ConfigType == ScopeClient && c.PrimaryClientID == "":
		ps = append(ps, Problem{"primaryClientId", "is required with the type CLIENT", ""})
	case c.ConfigType != ScopeClient && (c.PrimaryClientID != "" || len(c.AdditionalClientIDs) > 0):
		ps = append(ps, Problem{"primaryClientId", "and additionalClientIds are for the type CLIENT only", ""})
	}
	if c.ConfigType != ScopePartner && len(c.GrantedClientIDs) > 0 {
		ps = append(ps, Problem{"grantedClientIds", "are for the type PARTNER only", ""})
	}
	if c.AuthProvider == IdpOIDC {
		ps = checkIssuer(ps, c.OIDCIssuerURL)
		if c.OIDCClientID == "" || len(c.OIDCClientID) > 500 {
			ps = append(ps, Problem{"oidcClientId", "is required with OIDC, and at most 500 characters long", ""})
		}
	}
	return ps
}

// checkIssuer accepts issuers by OpenID Connect Discovery: https without
// query and fragment; plain http is for loopback only.
func checkIssuer(ps []Problem, s string) []Problem {
	before := len(ps)
	if ps = checkWebURL(ps, "oidcIssuerUrl", s); len(ps) > before {
		return ps
	}
	if s == "" || strings.ContainsAny(s, "?#") || !strings.HasPrefix(s, "https://") && redirectProblem(s) != "" {
		return append(ps, Problem{"oidcIssuerUrl", "must be an https URL without query and fragment (http on loopback only)", "https://login.example.com"})
	}
	return ps
}

// IdpRoleMapping gives a role of ours for a role that a provider says.
type IdpRoleMapping struct {
	Meta
	EmailDomain string `json:"emailDomain,omitempty"` // of the auth config it is for; empty is all
	IdpRoleName string `json:"idpRoleName"`
	RoleName    string `json:"roleName"`
}

// Kind implements Resource.
func (*IdpRoleMapping) Kind() Kind { return KindIdpRoleMapping }

// Key implements Resource.
func (m *IdpRoleMapping) Key() string { return m.EmailDomain + "/" + m.IdpRoleName + "/" + m.RoleName }

// Refs implements Resource.
func (m *IdpRoleMapping) Refs() []Ref {
	if m.RoleName == "" {
		return nil
	}
	return []Ref{{Kind: KindRole, Code: m.RoleName, Field: "roleName"}}
}

// Defaults implements Resource.
func (m *IdpRoleMapping) Defaults() { m.EmailDomain = strings.ToLower(m.EmailDomain) }

// Validate implements Resource.
func (m *IdpRoleMapping) Validate() []Problem {
	var ps []Problem
	if m.EmailDomain != "" {
		ps = checkDomain(ps, "emailDomain", m.EmailDomain)
	}
	if m.IdpRoleName == "" || len(m.IdpRoleName) > 200 || hasControl(m.IdpRoleName) {
		ps = append(ps, Problem{"idpRoleName", "is required, at most 200 characters, without control characters", "events-admin"})
	}
	if !rolePattern.MatchString(m.RoleName) {
		ps = append(ps, Problem{"roleName", "must be application:role in lower-case letters, digits, '-' and '_'", "platform:viewer"})
	}
	return ps
}
