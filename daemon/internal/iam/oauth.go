package iam

import (
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
)

// CLI is the OAuth client of fcctl. It comes with the program, as the built-in
// roles do, and is no document. On loopback the port of its redirect URI is
// whatever was free (RFC 8252, 7.3).
var CLI = func() *resource.OAuthClient {
	c := &resource.OAuthClient{
		Meta:    resource.Meta{ID: "oac_fcctl", Source: SourceCode, Revision: 1},
		OAuthID: "fcctl", Name: "fcctl", Type: resource.OAuthPublic,
		RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"},
		GrantTypes:   []string{resource.GrantAuthorizationCode, resource.GrantRefreshToken, resource.GrantDeviceCode},
	}
	c.Defaults()
	return c
}()

// ReservedOAuthID says whether no OAuth client may be made with this
// client_id: it is built in, or the audience of our own access tokens, which
// an ID token for it would be taken for.
func ReservedOAuthID(clientID string) bool {
	return clientID == CLI.OAuthID || clientID == auth.Audience
}

// Bounds are what a token may have of what its subject has; nil: everything.
type Bounds struct {
	Roles   []string
	Clients []string
}

// MachineToken is an access token for a service account, by way of an OAuth
// client that has its credentials. It comes from no session.
func (s *Sessions) MachineToken(sub *Subject, oauthID string, b *Bounds) (string, error) {
	if sub == nil || !sub.Active || sub.Account == nil {
		return "", ErrGone
	}
	in := Session{}
	if b != nil {
		in.Bounded, in.Roles, in.Clients = true, b.Roles, b.Clients
	}
	claims := auth.ClaimsOf(in.bound(sub, s.o.Now()))
	claims.OAuthID = oauthID
	return s.o.Tokens.Issue(claims, TokenLife)
}

// IDToken says to the OAuth client of a session who signed in, and when.
func (s *Sessions) IDToken(t Tokens, nonce string, authTime time.Time, profile, email bool) (string, error) {
	c := auth.IDClaims{Subject: t.Subject.ID, Audience: t.Session.OAuthID, Nonce: nonce, Session: t.Session.ID}
	if !authTime.IsZero() {
		c.AuthTime = authTime.Unix()
	}
	if profile {
		c.Name = t.Subject.Name
	}
	if email {
		c.Email = t.Subject.Email
	}
	return s.o.Tokens.IssueID(c, t.ExpiresIn)
}
