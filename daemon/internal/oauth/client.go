package oauth

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// Call is a request of an OAuth client to an endpoint that is not for
// browsers: its form, and its Authorization header.
type Call struct {
	Form          url.Values
	Authorization string
	From          From
}

// credentials are what a call shows of who sends it.
type credentials struct {
	id, secret string
	has        bool // a secret was sent
	basic      bool
}

// credentials reads them in the one way that a call has chosen (RFC 6749,
// 2.3.1).
func (c Call) credentials() (credentials, error) {
	got := credentials{id: c.Form.Get("client_id"), secret: c.Form.Get("client_secret"), has: c.Form.Get("client_secret") != ""}
	scheme, encoded, _ := strings.Cut(c.Authorization, " ")
	if c.Authorization == "" || !strings.EqualFold(scheme, "Basic") {
		return got, nil
	}
	if got.has {
		return got, refuse(InvalidRequest, "the client shows its secret in two ways; use HTTP Basic or client_secret")
	}
	bad := &Error{Code: InvalidClient, Description: "the Authorization header is not HTTP Basic with a client_id and a secret", Basic: true}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return got, bad
	}
	id, secret, ok := strings.Cut(string(raw), ":")
	if !ok {
		return got, bad
	}
	// Both are form-encoded within. Who forgot that has none of the
	// characters for which it matters: our ids and secrets have none.
	if id, err = url.QueryUnescape(id); err != nil {
		return got, bad
	}
	if secret, err = url.QueryUnescape(secret); err != nil {
		return got, bad
	}
	if got.id != "" && got.id != id {
		return got, refuse(InvalidRequest, "client_id is another than that of the Authorization header")
	}
	return credentials{id: id, secret: secret, has: true, basic: true}, nil
}

// client is who sends a call. A confidential client has to show a secret, and
// a public one must have none.
func (s *Server) client(d *iam.Directory, c Call) (*resource.OAuthClient, error) {
	got, err := c.credentials()
	if err != nil {
		return nil, err
	}
	if got.id == "" {
		return nil, &Error{Code: InvalidClient, Description: "client_id is missing", Basic: got.basic}
	}
	// Of a client that is unknown, inactive or wrong the same is said.
	bad := &Error{Code: InvalidClient, Description: "the client is not known, or its secret is wrong", Basic: got.basic}
	known := d.OAuthClient(got.id)
	if known == nil {
		return nil, bad
	}
	if known.Type == resource.OAuthPublic {
		if got.secret != "" || !known.IsActive() {
			return nil, bad
		}
		return known, nil
	}
	kept, err := d.Credential(known.ID)
	if err != nil {
		return nil, err
	}
	if !kept.Verify(got.secret, s.o.Now()) || !known.IsActive() {
		return nil, bad
	}
	return known, nil
}

// allows says whether a client may use a grant.
func allows(c *resource.OAuthClient, grant string) error {
	if c.Allows(grant) {
		return nil
	}
	return refuse(UnauthorizedClient, "the client may not use the grant %s; its grantTypes say which it may", grant)
}

// redirects says whether a redirect URI is one of the client's: the same, byte
// by byte (RFC 9700, 2.1). Only of a public client on a loopback address the
// port may be any, since it takes what is free (RFC 8252, 7.3).
func redirects(c *resource.OAuthClient, uri string) bool {
	if slices.Contains(c.RedirectURIs, uri) {
		return true
	}
	if c.Type != resource.OAuthPublic {
		return false
	}
	bare, ok := withoutPort(uri)
	return ok && slices.ContainsFunc(c.RedirectURIs, func(own string) bool {
		own, ok := withoutPort(own)
		return ok && own == bare
	})
}

// withoutPort is a plain loopback URI without its port; "localhost" is a name
// that can be anybody.
func withoutPort(uri string) (string, bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(uri, host)
		if !ok {
			continue
		}
		if port, is := strings.CutPrefix(rest, ":"); is {
			digits := len(port) - len(strings.TrimLeft(port, "0123456789"))
			if digits == 0 || digits > 5 {
				return "", false
			}
			rest = port[digits:]
		}
		if rest != "" && rest[0] != '/' && rest[0] != '?' {
			return "", false
		}
		return host + rest, true
	}
	return "", false
}
