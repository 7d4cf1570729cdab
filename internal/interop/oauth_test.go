package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// person is somebody at a browser, who stops before it leaves for a client.
type person struct {
	t      *testing.T
	http   *http.Client
	origin string
}

func newPerson(t *testing.T, origin string) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, origin: origin, http: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), origin) {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// page is what the browser shows, and where.
type page struct {
	status   int
	at, body string
	leaves   *url.URL // where it goes on to, elsewhere
}

func (p *person) open(address string) page { return p.send(http.MethodGet, address, nil) }

func (p *person) send(method, address string, form url.Values) page {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	got := page{status: res.StatusCode, at: res.Request.URL.String(), body: string(body)}
	if to := res.Header.Get("Location"); to != "" {
		if got.leaves, err = url.Parse(to); err != nil {
			p.t.Fatal(err)
		}
	}
	return got
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	formHidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// fill sends the form of a page.
func (p *person) fill(on page, pairs ...string) page {
	p.t.Helper()
	action := formAction.FindStringSubmatch(on.body)
	if action == nil {
		p.t.Fatalf("no form at %s (%d): %s", on.at, on.status, on.body)
	}
	form := url.Values{}
	for _, m := range formHidden.FindAllStringSubmatch(on.body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return p.send(http.MethodPost, p.origin+html.UnescapeString(action[1]), form)
}

// signIn fills the page that signs in as the administrator.
func (p *person) signIn(on page, d *daemontest.Daemon) page {
	p.t.Helper()
	c := d.Credentials()
	return p.fill(on, "email", c.Email, "password", c.Password)
}

// create makes something over the API and returns the answer.
func create(t *testing.T, d *daemontest.Daemon, path string, body any) map[string]any {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL("platform")+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Transport: bearer(d.Token())}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("POST %s: %d %v %v", path, res.StatusCode, answer, err)
	}
	return answer
}

// works says whether a token lets its bearer in.
func works(t *testing.T, c *http.Client, d *daemontest.Daemon) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL("platform")+"/api/subscriptions", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// The whole way of a web application: go-oidc finds the server, x/oauth2 gets
// the tokens, go-oidc verifies the ID token and asks who it is.
func TestAuthorizationCodeWithGoOIDC(t *testing.T) {
	d := daemontest.Start(t, "")
	const back = "https://shop.example.com/callback"
	made := create(t, d, "/api/oauth-clients", map[string]any{"clientId": "shop", "clientName": "Shop", "clientType": "CONFIDENTIAL", "redirectUris": []string{back}})
	provider, err := oidc.NewProvider(t.Context(), d.URL("platform"))
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{ClientID: "shop", ClientSecret: made["clientSecret"].(string), Endpoint: provider.Endpoint(), RedirectURL: back, Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}
	verifier := oauth2.GenerateVerifier()
	p := newPerson(t, d.URL("platform"))
	consent := p.signIn(p.open(config.AuthCodeURL("the state", oidc.Nonce("the nonce"), oauth2.S256ChallengeOption(verifier))), d)
	end := p.fill(consent, "decision", "allow")
	if end.leaves == nil || !strings.HasPrefix(end.leaves.String(), back+"?") || end.leaves.Query().Get("state") != "the state" {
		t.Fatalf("ended at %s (%d), leaving for %v: %s", end.at, end.status, end.leaves, end.body)
	}
	token, err := config.Exchange(t.Context(), end.leaves.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: "shop"}).Verify(t.Context(), raw)
	if err != nil || id.Nonce != "the nonce" {
		t.Fatalf("ID token: %v %+v", err, id)
	}
	info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != id.Subject || info.Email != d.Credentials().Email {
		t.Fatalf("userinfo: %v %+v", err, info)
	}
	if !works(t, config.Client(t.Context(), token), d) {
		t.Error("the token does not let in")
	}
	// The library refreshes by itself once the token has expired.
	old := *token
	old.Expiry = old.Expiry.AddDate(-1, 0, 0)
	next, err := config.TokenSource(t.Context(), &old).Token()
	if err != nil || next.AccessToken == token.AccessToken || next.RefreshToken == token.RefreshToken {
		t.Errorf("refresh: %v", err)
	}
}

func TestDeviceCodeWithXOAuth2(t *testing.T) {
	d := daemontest.Start(t, "")
	provider, err := oidc.NewProvider(t.Context(), d.URL("platform"))
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{ClientID: "fcctl", Endpoint: provider.Endpoint()}
	asked, err := config.DeviceAuth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := newPerson(t, d.URL("platform"))
	page := p.signIn(p.open(asked.VerificationURIComplete), d)
	if !strings.Contains(page.body, asked.UserCode) {
		t.Fatalf("the page at %s does not show the code: %s", page.at, page.body)
	}
	p.fill(page, "decision", "allow")
	asked.Interval = 1 // it was allowed before the first question
	token, err := config.DeviceAccessToken(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	if !works(t, config.Client(t.Context(), token), d) {
		t.Error("the token does not let in")
	}
}

func TestClientCredentialsWithXOAuth2(t *testing.T) {
	d := daemontest.Start(t, "")
	account := create(t, d, "/api/service-accounts", map[string]any{"code": "loader", "clientIds": []string{"*"}, "roles": []string{"platform:viewer"}})
	made := create(t, d, "/api/oauth-clients", map[string]any{"clientId": "loader", "clientType": "CONFIDENTIAL", "grantTypes": []string{"client_credentials"}, "serviceAccountId": account["id"]})
	for name, style := range map[string]oauth2.AuthStyle{"HTTP Basic": oauth2.AuthStyleInHeader, "the form": oauth2.AuthStyleInParams} {
		config := clientcredentials.Config{ClientID: "loader", ClientSecret: made["clientSecret"].(string), TokenURL: d.URL("platform") + "/oauth/token", AuthStyle: style, Scopes: []string{"role:platform:viewer"}}
		if !works(t, config.Client(context.Background()), d) {
			t.Errorf("%s: the token does not let in", name)
		}
		config.ClientSecret = "wrong"
		var refused *oauth2.RetrieveError
		if _, err := config.Token(t.Context()); !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: a wrong secret: %v", name, err)
		}
	}
}
