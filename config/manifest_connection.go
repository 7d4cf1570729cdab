package config

import (
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

func readConnection(s *section, it *item, c *resource.Connection) {
	it.set(s, "rateLimit", "rate_limit", func(n string) { c.RateLimit = read(s, n, rate, opts[resource.Rate]{}) })
	it.set(s, "status", "status", func(n string) { c.Status = read(s, n, text, opts[string]{}) })
	if sub, present := s.child("signing"); present {
		it.fields["signing"] = field{"signing", *sub.header}
		it.tagged(sub, "signing.", &c.Signing)
		it.set(sub, "signing.secret", "secret", func(n string) { c.Signing.Secret = read(sub, n, secretText, opts[Secret]{}) })
		for _, b := range sub.children("previous", nil, true) {
			p := sub.inside(b)
			it.fields[fmt.Sprintf("signing.previous[%d]", len(c.Signing.Previous))] = field{"previous", b.DefRange()}
			c.Signing.Previous = append(c.Signing.Previous, resource.PreviousSecret{
				Secret: read(p, "secret", secretText, opts[Secret]{required: true, example: `env("OLD_SECRET")`}),
				Until:  read(p, "until", moment, opts[time.Time]{required: true, example: `"2030-01-31T00:00:00Z"`}),
			})
			p.close()
		}
		sub.close()
	}
	it.auth(s, c)
	if sub, present := s.child("tls"); present {
		it.fields["tls"] = field{"tls", *sub.header}
		it.tagged(sub, "tls.", &c.TLS)
		it.set(sub, "tls.key", "key", func(n string) { c.TLS.Key = read(sub, n, secretText, opts[Secret]{}) })
		if c.TLS.Certificate == "" && !c.TLS.Key.IsZero() {
			sub.fail(sub.at("key"), "A key without its certificate", "The key belongs to a client certificate, and there is none.", `certificate = file("client.pem")`)
		}
		sub.close()
	}
	for attr, to := range map[string]struct {
		json string
		into *int
	}{
		"connect_timeout":    {"connectTimeoutSeconds", &c.ConnectTimeoutSeconds},
		"first_byte_timeout": {"firstByteTimeoutSeconds", &c.FirstByteTimeoutSeconds},
		"timeout":            {"timeoutSeconds", &c.TimeoutSeconds},
	} {
		it.set(s, to.json, attr, func(n string) { *to.into = read(s, n, seconds(time.Second), opts[int]{}) })
	}
}

// auth reads the auth block. It knows the attributes of its type alone, so
// that a password in a bearer's block does not go unnoticed.
func (it *item) auth(s *section, c *resource.Connection) {
	sub, present := s.child("auth")
	if !present {
		return
	}
	it.fields["auth"] = field{"auth", *sub.header}
	a := &c.Auth
	secret := func(json, name string, into *Secret) {
		it.set(sub, "auth."+json, name, func(n string) { *into = read(sub, n, secretText, opts[Secret]{}) })
	}
	plain := func(json, name string, into *string) {
		it.set(sub, "auth."+json, name, func(n string) { *into = read(sub, n, text, opts[string]{}) })
	}
	it.set(sub, "auth.type", "type", func(string) {})
	kind := read(sub, "type", choice("auth type", "bearer", "basic", "api_key", "oauth2", "none"), opts[string]{required: true, example: `"bearer"`})
	if a.Type = resource.ParseAuthType(kind); kind == "" {
		return // which attributes there may be is not known
	}
	switch a.Type {
	case resource.AuthBearer:
		secret("token", "token", &a.Token)
	case resource.AuthBasic:
		plain("username", "username", &a.Username)
		secret("password", "password", &a.Password)
	case resource.AuthAPIKey:
		plain("header", "header", &a.Header)
		secret("key", "key", &a.Key)
	case resource.AuthOAuth2:
		plain("tokenUrl", "token_url", &a.TokenURL)
		plain("clientId", "client_id", &a.ClientID)
		secret("clientSecret", "client_secret", &a.ClientSecret)
		plain("audience", "audience", &a.Audience)
		it.set(sub, "auth.scopes", "scopes", func(n string) { a.Scopes = read(sub, n, words, opts[[]string]{}) })
		it.set(sub, "auth.clientAuth", "client_auth", func(n string) { a.ClientAuth = read(sub, n, choice("place", "basic", "body"), opts[string]{}) })
	}
	sub.close()
}
