package resource

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// OAuthClient is a program that gets tokens by OAuth 2.0: for its users (the
// authorization code grant) or for itself (client credentials). Its secrets
// are not part of it: only their hashes are kept, apart. Its own clientId is
// no tenant; an OAuth client belongs to anchor level.
type OAuthClient struct {
	Meta
	OAuthID          string   `json:"clientId"` // the client_id of RFC 6749
	Name             string   `json:"clientName"`
	Type             string   `json:"clientType"`   // PUBLIC or CONFIDENTIAL
	RedirectURIs     []string `json:"redirectUris"` // compared exactly (RFC 9700, 2.1)
	AllowedOrigins   []string `json:"allowedOrigins,omitempty"`
	GrantTypes       []string `json:"grantTypes"`
	DefaultScopes    []string `json:"defaultScopes"`
	PKCERequired     *bool    `json:"pkceRequired"` // a public client always needs PKCE
	ApplicationIDs   []string `json:"applicationIds"`
	ServiceAccountID string   `json:"serviceAccountId,omitempty"` // whom client credentials speak for
	Active           *bool    `json:"active"`
}

// The types of OAuth clients (RFC 6749, 2.1).
const (
	OAuthPublic       = "PUBLIC"
	OAuthConfidential = "CONFIDENTIAL"
)

// The grants that an OAuth client may use.
const (
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// Kind implements Resource.
func (*OAuthClient) Kind() Kind { return KindOAuthClient }

// Key implements Resource.
func (c *OAuthClient) Key() string { return c.OAuthID }

// Refs implements Resource.
func (c *OAuthClient) Refs() []Ref {
	var refs []Ref
	for i, id := range c.ApplicationIDs {
		refs = append(refs, Ref{Kind: KindApplication, ID: id, Field: fmt.Sprintf("applicationIds[%d]", i)})
	}
	if c.ServiceAccountID != "" {
		refs = append(refs, Ref{Kind: KindServiceAccount, ID: c.ServiceAccountID, Field: "serviceAccountId"})
	}
	return refs
}

// IsActive says whether the client may be used; absent is yes.
func (c *OAuthClient) IsActive() bool { return c.Active == nil || *c.Active }

// NeedsPKCE says whether an authorization request must have a code challenge.
func (c *OAuthClient) NeedsPKCE() bool {
	return c.Type == OAuthPublic || c.PKCERequired == nil || *c.PKCERequired
}

// Allows says whether the client may use a grant.
func (c *OAuthClient) Allows(grant string) bool { return slices.Contains(c.GrantTypes, grant) }

// Defaults implements Resource.
func (c *OAuthClient) Defaults() {
	if c.Name == "" {
		c.Name = c.OAuthID
	}
	if c.Type == "" {
		c.Type = OAuthPublic
	}
	if c.GrantTypes == nil {
		c.GrantTypes = []string{GrantAuthorizationCode, GrantRefreshToken}
	}
	if c.RedirectURIs == nil {
		c.RedirectURIs = []string{}
	}
	if c.DefaultScopes == nil {
		c.DefaultScopes = []string{}
	}
	if c.ApplicationIDs == nil {
		c.ApplicationIDs = []string{}
	}
	if c.PKCERequired == nil {
		c.PKCERequired = yes()
	}
	if c.Active == nil {
		c.Active = yes()
	}
}

// Validate implements Resource.
func (c *OAuthClient) Validate() []Problem {
	var ps []Problem
	if !codePattern.MatchString(c.OAuthID) {
		ps = append(ps, Problem{"clientId", "may have letters, digits, '.', '_' and '-', begins with a letter or digit and has at most 100 characters", "shop-web"})
	}
	if hasControl(c.Name) {
		ps = append(ps, Problem{"clientName", "must be a name without control characters", ""})
	}
	ps = checkName(ps, c.Name, "")
	ps = checkEnum(ps, "clientType", c.Type, OAuthPublic, OAuthConfidential)
	for i, g := range c.GrantTypes {
		ps = checkEnum(ps, fmt.Sprintf("grantTypes[%d]", i), g, GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials, GrantDeviceCode)
		if g == GrantClientCredentials && c.Type == OAuthPublic {
			ps = append(ps, Problem{fmt.Sprintf("grantTypes[%d]", i), "is for confidential clients only (RFC 6749, 4.4)", OAuthConfidential})
		}
	}
	for i, s := range c.RedirectURIs {
		if detail := redirectProblem(s); detail != "" {
			ps = append(ps, Problem{fmt.Sprintf("redirectUris[%d]", i), detail, "https://shop.example.com/callback"})
		}
	}
	for i, s := range c.AllowedOrigins {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			ps = append(ps, Problem{fmt.Sprintf("allowedOrigins[%d]", i), "must be a scheme and a host, with a port if needed, and nothing else", "https://shop.example.com"})
		}
	}
	for i, word := range c.DefaultScopes {
		if kind, _ := OAuthScope(word); kind == "" {
			ps = append(ps, Problem{fmt.Sprintf("defaultScopes[%d]", i), "must be openid, profile, email, offline_access, role:<name> or client:<id or identifier>", "openid"})
		}
	}
	if len(c.RedirectURIs) > 50 || len(c.AllowedOrigins) > 50 || len(c.DefaultScopes) > 50 || len(c.ApplicationIDs) > 200 {
		ps = append(ps, Problem{"redirectUris", "is one of several lists of which one is too long: at most 50 URIs, origins and scopes, and 200 applications", ""})
	}
	return ps
}

// redirectProblem says what is wrong with a redirect URI: it is absolute and
// has no fragment (RFC 6749, 3.1.2); plain http is for loopback only (RFC
// 8252, 7.3), and a scheme of one's own has a dot in it (RFC 8252, 7.1).
func redirectProblem(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || !u.IsAbs() || len(s) > 2000 || strings.ContainsAny(s, " *") || hasControl(s):
		return "must be an absolute URI of at most 2000 characters, without wildcards"
	case u.Fragment != "" || strings.Contains(s, "#"):
		return "must not have a fragment"
	case u.User != nil:
		return "must not have a user"
	case u.Scheme == "https" && u.Host != "":
		return ""
	case u.Scheme == "http":
		if h := u.Hostname(); h == "127.0.0.1" || h == "::1" || h == "localhost" {
			return ""
		}
		return "must be https, except on loopback"
	case strings.Contains(u.Scheme, "."):
		return ""
	}
	return "must be https, http on loopback, or have a scheme with a dot"
}
