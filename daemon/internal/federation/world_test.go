package federation_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/federation"
	"github.com/flowcatalyst/fc/daemon/internal/federation/federationtest"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/secrets"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
)

var keys = sync.OnceValue(func() *auth.Keys {
	dir, err := os.MkdirTemp("", "fc-federation-keys")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	k, err := auth.OpenKeys(dir, time.Now())
	if err != nil {
		panic(err)
	}
	return k
})

const publicURL = "https://events.example.com"

// world is a store with a tenant acme, whose people are those of example.com,
// and their provider.
type world struct {
	t        *testing.T
	st       store.Store
	p        *platform.Platform
	sessions *iam.Sessions
	dir      *iam.Cache
	service  *federation.Service
	provider *federationtest.Provider
	log      *strings.Builder
	now      time.Time // of the service
}

type clock struct{ w *world }

func (c clock) Now() time.Time { return c.w.now }

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Now(), log: new(strings.Builder), provider: federationtest.Start(t)}
	w.provider.Claims = federationtest.Claims{"sub": "ada-1", "email": "ada@example.com", "email_verified": true, "name": "Ada"}
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "fc.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	w.st = st
	key, err := secrets.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secrets.NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	w.open(box)
	w.create(resource.KindClient, `{"identifier":"acme","name":"Acme"}`)
	w.configure("example.com", `"primaryClientId":"acme"`)
	return w
}

// open opens everything over the store, as a start of the daemon does.
func (w *world) open(box catalog.Sealer) {
	w.t.Helper()
	t := w.t
	tokens, err := auth.NewTokens(keys(), auth.TokenOptions{Issuer: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	resources := catalog.New(w.st, box)
	w.dir = iam.NewCache(resources)
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	revoked, err := iam.OpenRevoked(t.Context(), w.st, logger, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w.sessions = iam.NewSessions(iam.SessionOptions{Store: w.st, Directory: w.dir, Tokens: tokens, Revoked: revoked})
	if w.p, err = platform.New(platform.Options{Store: w.st, Sealer: box, Catalog: resources, Directory: w.dir, Sessions: w.sessions}); err != nil {
		t.Fatal(err)
	}
	if w.service, err = federation.New(federation.Options{Platform: w.p, Store: w.st, Directory: w.dir, Sessions: w.sessions, PublicURL: publicURL,
		Logger: logger, Now: clock{w}.Now}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) create(kind resource.Kind, body string) resource.Resource {
	w.t.Helper()
	info, _ := resource.InfoOf(kind)
	made, err := w.p.Create(w.t.Context(), platform.System(), info, []byte(body))
	if err != nil {
		w.t.Fatal(err)
	}
	return made.Resource
}

// configure lets a domain's people in through the provider.
func (w *world) configure(domain, more string) {
	w.t.Helper()
	secret, _ := json.Marshal(federationtest.Secret)
	w.create(resource.KindClientAuthConfig, `{"emailDomain":"`+domain+`","authProvider":"OIDC","oidcIssuerUrl":"`+w.provider.URL+
		`","oidcClientId":"`+federationtest.ClientID+`","oidcClientSecret":`+string(secret)+`,`+more+`}`)
}

func (w *world) update(kind resource.Kind, name, body string) {
	w.t.Helper()
	info, _ := resource.InfoOf(kind)
	if _, err := w.p.Update(w.t.Context(), platform.System(), info, name, "", []byte(body), 0); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) person(email string) *resource.Principal {
	w.t.Helper()
	d, err := w.dir.Get(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if s := d.ByEmail(email); s != nil {
		return s.Person
	}
	return nil
}

// begin begins to sign in.
func (w *world) begin(in federation.Start) federation.Begun {
	w.t.Helper()
	begun, err := w.service.Begin(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return begun
}

// visit is the browser at the provider, and what it brings back.
func (w *world) visit(begun federation.Begun) federation.Callback {
	w.t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.Get(begun.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = answer.Body.Close()
	back, err := answer.Location()
	if err != nil || !strings.HasPrefix(back.String(), publicURL+"/auth/oidc/callback?") {
		w.t.Fatalf("the provider answers %s, and sends to %v (%v)", answer.Status, back, err)
	}
	q := back.Query()
	return federation.Callback{State: q.Get("state"), Code: q.Get("code"), Browser: begun.CookieValue, RequestID: "req-1", Address: "192.0.2.7"}
}

// signIn does the whole.
func (w *world) signIn() (iam.Tokens, error) {
	w.t.Helper()
	t, _, err := w.service.Finish(w.t.Context(), w.visit(w.begin(federation.Start{Domain: "example.com"})))
	return t, err
}

func (w *world) in() iam.Tokens {
	w.t.Helper()
	t, err := w.signIn()
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.log)
	}
	return t
}

// refused fails the test unless an error is a refusal of a code that says a
// text.
func refused(t *testing.T, err error, code platform.Code, says string) {
	t.Helper()
	var e *platform.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Error(), says) {
		t.Errorf("got %v, want %s with %q", err, code, says)
	}
}

func query(t *testing.T, of string) url.Values {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func (w *world) sessionsOf(id string) int {
	w.t.Helper()
	all, err := w.sessions.List(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(all)
}
