package interop

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// people are the users of the provider.
type people map[string]*storage.User

func (p people) GetUserByID(id string) *storage.User { return p[id] }
func (p people) ExampleClientID() string             { return storage.ServiceUserID }
func (p people) GetUserByUsername(name string) *storage.User {
	for _, u := range p {
		if u.Username == name {
			return u
		}
	}
	return nil
}

// directory is the provider's store, with roles that its userinfo endpoint
// says. Its ID tokens say neither roles nor email.
type directory struct {
	*storage.Storage
	roles atomic.Pointer[[]string]
}

func (d *directory) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	if err := d.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin); err != nil {
		return err
	}
	info.AppendClaims("groups", *d.roles.Load())
	return nil
}

const (
	relyingParty = "flowcatalyst"
	partySecret  = "a secret of the relying party's"
)

// provider runs the provider, for a relying party at an address.
func provider(t *testing.T, redirect string) (issuer string, store *directory) {
	t.Helper()
	storage.RegisterClients(storage.WebClient(relyingParty, partySecret, redirect))
	store = &directory{Storage: storage.NewStorage(people{
		"id-ada": {ID: "id-ada", Username: "ada", Password: "engine", FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.com", EmailVerified: true},
		"id-eve": {ID: "id-eve", Username: "eve", Password: "listens", FirstName: "Eve", LastName: "Dropper", Email: "eve@example.org", EmailVerified: true},
	})}
	store.roles.Store(&[]string{})
	var handler http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	handler = exampleop.SetupServer(s.URL, store, slog.New(slog.DiscardHandler), false)
	return s.URL, store
}

// browser is somebody's browser.
type browser struct {
	t *testing.T
	*http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: jar}}
}

func (b *browser) read(answer *http.Response, err error) (*http.Response, string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer, string(body)
}

func (b *browser) open(address string) (*http.Response, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	return b.read(b.Do(r))
}

// signIn goes to the platform's door, is led to the provider, fills in its
// form there, and is where that leads in the end.
func (b *browser) signIn(door, user, password string) (*http.Response, string) {
	b.t.Helper()
	form, page := b.open(door)
	if form.StatusCode != http.StatusOK || !strings.HasPrefix(form.Request.URL.Path, "/login/username") {
		b.t.Fatalf("the door leads to %s, which answers %s: %s", form.Request.URL, form.Status, page)
	}
	filled := url.Values{"id": {form.Request.URL.Query().Get("authRequestID")}, "username": {user}, "password": {password}}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, form.Request.URL.String(), strings.NewReader(filled.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	return b.read(b.Do(r))
}

type me struct {
	Email, Name, ClientID string
	Roles                 []string
}

func (b *browser) me(platform string) (who me, status int) {
	b.t.Helper()
	answer, body := b.open(platform + "/auth/me")
	if answer.StatusCode == http.StatusOK {
		if err := json.Unmarshal([]byte(body), &who); err != nil {
			b.t.Fatal(err)
		}
	}
	return who, answer.StatusCode
}

// makeIt asks the platform, as its administrator, to make something.
func makeIt(t *testing.T, d *daemontest.Daemon, path string, body map[string]any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: bearer(d.Token())}).Post(d.URL("platform")+path, "application/json", strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusCreated {
		said, _ := io.ReadAll(answer.Body)
		t.Fatalf("POST %s: %s: %s", path, answer.Status, said)
	}
}

func TestPeopleSignInAtAProviderThatOthersWrote(t *testing.T) {
	d := daemontest.Start(t, "")
	platform := d.URL("platform")
	issuer, store := provider(t, platform+"/auth/oidc/callback")
	makeIt(t, d, "/api/clients", map[string]any{"identifier": "acme", "name": "Acme"})
	makeIt(t, d, "/api/client-auth-configs", map[string]any{"emailDomain": "example.com", "primaryClientId": "acme", "authProvider": "OIDC",
		"oidcIssuerUrl": issuer, "oidcClientId": relyingParty, "oidcClientSecret": partySecret, "oidcRolesClaim": "groups"})
	makeIt(t, d, "/api/idp-role-mappings", map[string]any{"emailDomain": "example.com", "idpRoleName": "operators", "roleName": "platform:messaging-admin"})
	door := platform + "/auth/oidc/login?domain=example.com&return_url=%2Fauth%2Fme"

	store.roles.Store(&[]string{"operators", "staff"})
	ada := newBrowser(t)
	end, body := ada.signIn(door, "ada", "engine")
	if end.StatusCode != http.StatusOK || end.Request.URL.String() != platform+"/auth/me" {
		t.Fatalf("signing in ends at %s with %s: %s", end.Request.URL, end.Status, body)
	}
	if who, _ := ada.me(platform); who.Email != "ada@example.com" || who.Name != "Ada Lovelace" || who.ClientID == "" || strings.Join(who.Roles, " ") != "platform:messaging-admin" {
		t.Errorf("signed in as %+v", who)
	}

	// What the provider says no more is gone, in the sessions from before too.
	store.roles.Store(&[]string{"staff"})
	again := newBrowser(t)
	if end, body = again.signIn(door, "ada", "engine"); end.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", end.Status, body)
	}
	for _, b := range []*browser{ada, again} {
		if who, status := b.me(platform); status != http.StatusOK || len(who.Roles) != 0 {
			t.Errorf("%d, %+v", status, who)
		}
	}

	eve := newBrowser(t)
	end, body = eve.signIn(door, "eve", "listens")
	if end.StatusCode != http.StatusForbidden || !strings.Contains(body, "your email is of another domain") || !strings.Contains(end.Header.Get("Content-Type"), "text/html") {
		t.Errorf("eve: %s: %s", end.Status, body)
	}
	if _, status := eve.me(platform); status != http.StatusUnauthorized {
		t.Errorf("eve is signed in nevertheless: %d", status)
	}

	// The session outlives a restart. Its port does not, so the cookie is
	// taken along.
	at, err := url.Parse(platform)
	if err != nil {
		t.Fatal(err)
	}
	cookies := ada.Jar.Cookies(at)
	d.Restart()
	if at, err = url.Parse(d.URL("platform")); err != nil {
		t.Fatal(err)
	}
	ada.Jar.SetCookies(at, cookies)
	if who, status := ada.me(d.URL("platform")); status != http.StatusOK || who.Email != "ada@example.com" {
		t.Errorf("after a restart: %d, %+v", status, who)
	}
}
