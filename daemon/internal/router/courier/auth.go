package courier

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// authorise prepares what shows an endpoint who we are: a header that is
// always the same, or the source of tokens for one that changes. The answer is
// what is missing, or "".
func (p *prepared) authorise(c *resource.Connection, stock *tokenStock, now time.Time) (problem string) {
	a := &c.Auth
	show := func(name, value string) {
		p.own = http.CanonicalHeaderKey(name)
		p.headers = append(p.headers, header{p.own, value})
	}
	switch a.Type {
	case "", resource.AuthNone:
		return ""
	case resource.AuthBearer:
		if !a.Token.Known() {
			return "its token is missing"
		}
		show("Authorization", "Bearer "+a.Token.Reveal())
	case resource.AuthBasic:
		if !a.Password.Known() {
			return "its password is missing"
		}
		show("Authorization", basic(a.Username, a.Password.Reveal()))
	case resource.AuthAPIKey:
		if !a.Key.Known() {
			return "its key is missing"
		}
		name := a.Header
		if name == "" {
			name = resource.DefaultAPIKeyHeader
		}
		show(name, a.Key.Reveal())
	case resource.AuthOAuth2:
		if !a.ClientSecret.Known() {
			return "its client secret is missing"
		}
		p.own = "Authorization"
		p.tokens = stock.of(c, now)
	default:
		return "its type is not one that this version knows"
	}
	return ""
}

// basic is the value of Authorization by RFC 7617.
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
