package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/federation"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/mail"
	"github.com/flowcatalyst/fc/daemon/internal/oauth"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
	"github.com/flowcatalyst/fc/daemon/internal/router"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier"
	"github.com/flowcatalyst/fc/daemon/internal/secrets"
	"github.com/flowcatalyst/fc/daemon/internal/signin"
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
	adminPassword = "six unlikely words in a row"
)

// world is an API on a store of its own.
type world struct {
	t      testing.TB
	st     store.Store
	inner  store.Store
	seeded map[string]bool // ids of principals
	api    *server
	tokens *auth.Tokens
	reg    *prometheus.Registry
	log    *syncBuffer

	ahead    *atomic.Int64 // how far the clock of OAuth is ahead
	options  Options
	queue    *queuetest.Fake
	router   *router.Router // it does not run
	warnings *telemetry.Warnings
	closing  chan struct{}
	mails    *mailbox
	tried    func(*resource.Connection) router.Trial // what comes of tests; nil is a success
}

// offline is a router that opens no connection.
type offline struct {
	*router.Router
	w *world
}

func (o offline) Try(_ context.Context, c *resource.Connection, eventType string, data json.RawMessage) router.Trial {
	if o.w.tried != nil {
		return o.w.tried(c)
	}
	body := `{"id":"0HZXEQ5Y8JY5Z","type":"` + eventType + `","source":"flowcatalyst","data":` + string(data) + `}`
	return router.Trial{
		Attempt: flow.Attempt{Status: 200, Header: []byte(`{"Content-Type":"application/json"}`), Body: []byte(`{"ack":true}`), Duration: 61 * time.Millisecond,
			Timing: flow.Timing{DNS: 9 * time.Millisecond, Connect: 14 * time.Millisecond, TLS: 22 * time.Millisecond, FirstByte: 60 * time.Millisecond}},
		Address: "192.0.2.7:443", Target: "/hooks", Sent: []byte(body),
		Secured: &courier.Secured{Version: "TLS 1.3", Protocol: "http/1.1", Subject: "CN=warehouse.example.com", Issuer: "CN=Example CA", Names: []string{"warehouse.example.com"},
			NotBefore: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)},
		Request: []courier.Header{{Name: "Host", Value: "warehouse.example.com"}, {Name: "Authorization", Value: "[secret]"}, {Name: "X-FlowCatalyst-Test", Value: "true"}},
	}
}

// mailbox makes at once what is posted, and keeps it.
type mailbox struct {
	mu  sync.Mutex
	all []mail.Message
}

func (m *mailbox) Post(compose func(context.Context) (mail.Message, error)) bool {
	msg, err := compose(context.Background())
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.all = append(m.all, msg)
	}
	return err == nil || errors.Is(err, mail.ErrNothing)
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

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

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
	w := &world{t: t, ahead: new(atomic.Int64), st: st, inner: inner, seeded: map[string]bool{}, reg: prometheus.NewRegistry(), log: new(syncBuffer), mails: new(mailbox)}
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	key, err := secrets.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secrets.NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	storetest.SeedClients(t, inner, "acme", "globex", "clt_1", "clt_2")
	if w.tokens, err = auth.NewTokens(keys(), auth.TokenOptions{Issuer: "https://events.example.com"}); err != nil {
		t.Fatal(err)
	}
	resources := catalog.New(st, box)
	directory := iam.NewCache(resources)
	revoked, err := iam.OpenRevoked(context.Background(), st, logger, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	sessions := iam.NewSessions(iam.SessionOptions{Store: st, Directory: directory, Tokens: w.tokens, Revoked: revoked, Logger: logger})
	p, err := platform.New(platform.Options{Store: st, Sealer: box, Logger: logger, Catalog: resources, Directory: directory, Sessions: sessions})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.EnsureDefaults(context.Background()); err != nil {
		t.Fatal(err)
	}
	people, err := signin.New(signin.Options{Mail: w.mails, PublicURL: "https://events.example.com", Platform: p, Store: st, Directory: directory, Sessions: sessions, Logger: logger,
		Throttle: auth.NewThrottle(auth.ThrottleOptions{PerPair: auth.Rate{Burst: 3, Every: time.Minute}}), // hashes are slow under the race detector
	})
	if err != nil {
		t.Fatal(err)
	}
	providers, err := federation.New(federation.Options{Platform: p, Store: st, Directory: directory, Sessions: sessions, PublicURL: "https://events.example.com", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	server, err := oauth.New(oauth.Options{Store: st, Directory: directory, Sessions: sessions, Tokens: w.tokens, Revoked: revoked, Logger: logger, Now: w.now})
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
	m, err := monitor.New(monitor.Options{Router: offline{w.router, w}, Holds: st, Queue: w.queue, QueueName: "default", Warnings: w.warnings, Health: telemetry.NewHealth().Report})
	if err != nil {
		t.Fatal(err)
	}
	w.closing = make(chan struct{})
	w.options = Options{Platform: p, SignIn: people, OAuth: server, Federation: providers, Tokens: w.tokens, Revoked: revoked, PublicURL: "https://events.example.com", Keys: keys(), Logger: logger, Registerer: w.reg, Version: "1.2.3", Monitor: m, Closing: w.closing, Entries: st}
	w.api, err = newServer(w.options)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// token is one of a principal that is there, with exactly what it says.
func (w *world) token(p *auth.Principal) string {
	w.t.Helper()
	if p.ID == "" {
		p.ID = fmt.Sprintf("prn_TEST%d", len(w.seeded))
	}
	if p.Type == "" {
		p.Type = auth.TypeUser
	}
	w.seed(p)
	s, err := w.tokens.Issue(auth.ClaimsOf(p), time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// seed puts a principal into the store, past all rules, unless it is there.
func (w *world) seed(p *auth.Principal) {
	w.t.Helper()
	if w.seeded[p.ID] {
		return
	}
	w.seeded[p.ID] = true
	d, err := w.api.p.Directory(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	if d.Subject(p.ID) != nil {
		return
	}
	is := &resource.Principal{Meta: resource.Meta{ID: p.ID, Revision: 1}, Scope: string(p.Scope), Email: strings.ToLower(p.ID) + "@seed.example.com", Name: p.ID}
	for _, role := range p.Roles {
		is.Roles = append(is.Roles, resource.RoleAssignment{Role: role})
	}
	for _, client := range p.Clients {
		if client != auth.EveryClient {
			is.Grants = append(is.Grants, resource.ClientGrant{ClientID: client})
		}
	}
	is.Defaults()
	body, err := json.Marshal(is)
	if err != nil {
		w.t.Fatal(err)
	}
	for {
		_, version, err := w.inner.Documents(context.Background(), string(resource.KindPrincipal))
		if err != nil {
			w.t.Fatal(err)
		}
		_, err = w.inner.Write(context.Background(), store.WriteSet{IfVersion: version,
			Put: []store.Document{{Kind: string(resource.KindPrincipal), ID: is.ID, Code: is.Key(), Body: body, Revision: 1}}}, time.Now())
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrConflict) {
			w.t.Fatal(err)
		}
	}
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
