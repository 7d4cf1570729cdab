package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
	"github.com/flowcatalyst/fc/daemon/internal/router"
	"github.com/flowcatalyst/fc/daemon/internal/secrets"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
	"github.com/flowcatalyst/fc/daemon/internal/store/storetest"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// keys are made once: RSA takes its time.
var keys = sync.OnceValue(func() *auth.Keys {
	dir, err := os.MkdirTemp("", "fc-api-keys")
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

const (
	adminEmail    = "admin@example.com"
	adminPassword = "correct horse battery staple"
)

// world is an API on a store of its own.
type world struct {
	t      testing.TB
	st     store.Store
	api    *server
	tokens *auth.Tokens
	reg    *prometheus.Registry
	log    *syncBuffer

	options  Options
	queue    *queuetest.Fake
	router   *router.Router // it does not run
	warnings *telemetry.Warnings
	closing  chan struct{}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func setup(t testing.TB) *world { return setupWith(t, nil) }

// setupWith lets a test stand between the API and its store.
func setupWith(t testing.TB, between func(store.Store) store.Store) *world {
	t.Helper()
	inner, err := sqlite.Open(filepath.Join(t.TempDir(), "fc.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := inner.Close(); err != nil {
			t.Error(err)
		}
	})
	var st store.Store = inner
	if between != nil {
		st = between(inner)
	}
	w := &world{t: t, st: st, reg: prometheus.NewRegistry(), log: new(syncBuffer)}
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	key, err := secrets.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secrets.NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := platform.New(platform.Options{Store: st, Sealer: box, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.EnsureDefaults(context.Background()); err != nil {
		t.Fatal(err)
	}
	storetest.SeedClients(t, inner, "acme", "globex", "clt_1", "clt_2")
	if w.tokens, err = auth.NewTokens(keys(), auth.TokenOptions{Issuer: "https://events.example.com"}); err != nil {
		t.Fatal(err)
	}
	accounts, err := platform.NewAccounts(platform.AccountOptions{
		Store: st, Tokens: w.tokens, Logger: logger,
		Throttle: auth.NewThrottle(auth.ThrottleOptions{PerEmail: auth.Rate{Burst: 3, Every: time.Minute}}), // hashes are slow under the race detector
	})
	if err != nil {
		t.Fatal(err)
	}
	cat := catalog.New(st, box)
	w.queue = queuetest.NewFake(queuetest.FakeOptions{})
	w.router, err = router.New(router.Options{Store: st, Queue: w.queue, Catalog: cat, Instance: "router-1"})
	if err != nil {
		t.Fatal(err)
	}
	w.warnings = telemetry.NewWarnings(nil)
	m, err := monitor.New(monitor.Options{Router: w.router, Holds: st, Queue: w.queue, QueueName: "default", Warnings: w.warnings, Health: telemetry.NewHealth().Report})
	if err != nil {
		t.Fatal(err)
	}
	w.closing = make(chan struct{})
	w.options = Options{Platform: p, Accounts: accounts, Tokens: w.tokens, Keys: keys(), Logger: logger, Registerer: w.reg, Version: "1.2.3", Monitor: m, Closing: w.closing}
	w.api, err = newServer(w.options)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) token(p *auth.Principal) string {
	w.t.Helper()
	if p.ID == "" {
		p.ID = "prn_TEST"
	}
	if p.Type == "" {
		p.Type = auth.TypeUser
	}
	s, err := w.tokens.Issue(auth.ClaimsOf(p), time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// admin may do everything everywhere.
func (w *world) admin() string {
	return w.token(&auth.Principal{ID: "prn_ADMIN", Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleSuperAdmin}})
}

// of may do everything within clients.
func (w *world) of(clients ...string) string {
	return w.token(&auth.Principal{ID: "prn_" + strings.Join(clients, "_"), Scope: auth.ScopePartner, Clients: clients, Roles: []string{auth.RoleSuperAdmin}})
}

// answer is what came back.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

func (w *world) do(method, path, token, body string, headers ...string) *answer {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return w.send(r)
}

func (w *world) send(r *http.Request) *answer {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	b, err := io.ReadAll(rec.Result().Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return &answer{w.t, rec.Code, rec.Header(), b}
}

// is fails the test unless the status is as wanted.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d; body: %s", a.status, status, a.body)
	}
	return a
}

// problem fails the test unless the answer is a problem of that status and
// code which says each of the texts.
func (a *answer) problem(status int, code string, says ...string) *Problem {
	a.t.Helper()
	a.is(status)
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		a.t.Fatalf("content type %q; body: %s", ct, a.body)
	}
	p := new(Problem)
	a.into(p)
	if p.Code != code || p.ErrorCode != code || p.Status != status || p.Message == "" || !strings.HasPrefix(p.Type, problemTypes) || p.RequestID == "" || p.RequestID != a.header.Get("X-Request-Id") {
		a.t.Fatalf("not a whole problem of code %s: %s", code, a.body)
	}
	for _, text := range says {
		if !bytes.Contains(a.body, []byte(text)) {
			a.t.Errorf("the problem does not say %q: %s", text, a.body)
		}
	}
	return p
}

func (a *answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
}

// get is a member of a JSON object.
func (a *answer) get(name string) any {
	a.t.Helper()
	var m map[string]any
	a.into(&m)
	return m[name]
}

func (a *answer) id() string {
	a.t.Helper()
	id, _ := a.get("id").(string)
	if id == "" {
		a.t.Fatalf("no id: %s", a.body)
	}
	return id
}

// UnmarshalJSON lets tests read what answers show.
func (t *stamp) UnmarshalJSON(b []byte) error {
	return (*time.Time)(t).UnmarshalJSON(b)
}
