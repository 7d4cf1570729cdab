package federation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/flowcatalyst/fc/client/resource"
)

// How long what a provider says of itself is good, how long it is not asked
// again after it failed, and how many are remembered.
const (
	goodFor      = time.Hour
	failedFor    = 5 * time.Second
	maxProviders = 1000
)

// providers are the providers that were asked who they are (OpenID Connect
// Discovery 1.0), each at most once at a time and once an hour.
type providers struct {
	client *http.Client
	now    func() time.Time

	mu    sync.Mutex
	known map[string]*place // by issuer
}

// place is what is known of one provider.
type place struct {
	turn chan struct{} // held by whoever reads or writes the following

	provider *provider
	at       time.Time // when it was found
	err      error     // of the last time that it was asked
	failedAt time.Time

	used time.Time // under providers.mu
}

// provider is an issuer with its endpoints and keys.
type provider struct {
	*oidc.Provider
	endpoint  oauth2.Endpoint
	secretIn  oauth2.AuthStyle // where a client's secret goes
	namesSelf bool             // it puts iss into its answers (RFC 9207)
}

func newProviders(now func() time.Time) *providers {
	return &providers{client: newClient(), now: now, known: map[string]*place{}}
}

// get is the provider of an issuer. Where it fails to say anew who it is, what
// it said before goes on being good: its keys are asked for in their own time.
func (ps *providers) get(ctx context.Context, issuer string) (*provider, error) {
	p := ps.place(issuer)
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := ps.now()
	if p.provider != nil && now.Sub(p.at) < goodFor {
		return p.provider, nil
	}
	if p.err == nil || now.Sub(p.failedAt) >= failedFor {
		// A browser that goes away must not make it look as if the provider
		// had failed.
		found, err := ps.discover(context.WithoutCancel(ctx), issuer)
		if p.err = err; err == nil {
			p.provider, p.at = found, now
		} else {
			p.failedAt = ps.now()
		}
	}
	if p.provider != nil {
		return p.provider, nil
	}
	return nil, p.err
}

// place makes room for an issuer. The one that was not asked for longest goes
// where there are too many.
func (ps *providers) place(issuer string) *place {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.known[issuer]
	if p == nil {
		if len(ps.known) >= maxProviders {
			oldest := ""
			for name, k := range ps.known {
				if oldest == "" || k.used.Before(ps.known[oldest].used) {
					oldest = name
				}
			}
			delete(ps.known, oldest)
		}
		p = &place{turn: make(chan struct{}, 1)}
		ps.known[issuer] = p
	}
	p.used = ps.now()
	return p
}

func (ps *providers) discover(ctx context.Context, issuer string) (*provider, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, ps.client), requestTime)
	defer cancel()
	found, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("discover provider: %w", err)
	}
	var says struct {
		Authorization string   `json:"authorization_endpoint"`
		Token         string   `json:"token_endpoint"`
		Keys          string   `json:"jwks_uri"`
		UserInfo      string   `json:"userinfo_endpoint"`
		AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
		NamesSelf     bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&says); err != nil {
		return nil, fmt.Errorf("discover provider: %w", err)
	}
	for name, at := range map[string]string{"authorization_endpoint": says.Authorization, "token_endpoint": says.Token, "jwks_uri": says.Keys, "userinfo_endpoint": says.UserInfo} {
		if at == "" && name == "userinfo_endpoint" {
			continue
		}
		if err := fitting(issuer, at); err != nil {
			return nil, fmt.Errorf("discover provider: its %s %w", name, err)
		}
	}
	p := &provider{Provider: found, endpoint: found.Endpoint(), secretIn: oauth2.AuthStyleInHeader, namesSelf: says.NamesSelf}
	// Without a word Basic is what providers take (RFC 8414, section 2).
	if len(says.AuthMethods) > 0 && !slices.Contains(says.AuthMethods, "client_secret_basic") && slices.Contains(says.AuthMethods, "client_secret_post") {
		p.secretIn = oauth2.AuthStyleInParams
	}
	return p, nil
}

// fitting refuses endpoints that codes, secrets and browsers must not be sent
// to: with an https issuer all are https.
func fitting(issuer, endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("is missing, or is no URL that can be used")
	case u.Scheme == "https", u.Scheme == "http" && strings.HasPrefix(issuer, "http://"):
		return nil
	}
	return errors.New("is not https")
}

// client is the auth config's client at the provider.
func (p *provider) client(config *resource.ClientAuthConfig, redirect string) *oauth2.Config {
	c := &oauth2.Config{ClientID: config.OIDCClientID, ClientSecret: config.OIDCClientSecret.Reveal(), Endpoint: p.endpoint, RedirectURL: redirect,
		Scopes: []string{oidc.ScopeOpenID, "email", "profile"}}
	if c.Endpoint.AuthStyle = p.secretIn; c.ClientSecret == "" {
		c.Endpoint.AuthStyle = oauth2.AuthStyleInParams // a public client only says who it is
	}
	for _, s := range config.OIDCScopes {
		if !slices.Contains(c.Scopes, s) {
			c.Scopes = append(c.Scopes, s)
		}
	}
	return c
}
