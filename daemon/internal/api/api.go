package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/api/adapter"
	"github.com/flowcatalyst/fc/daemon/internal/api/cors"
	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/api/sse"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/federation"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/oauth"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/signin"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Options are what the API stands on. Platform, SignIn, Tokens and Keys are
// required.
type Options struct {
	Platform *platform.Platform
	SignIn   *signin.Service
	Tokens   *auth.Tokens
	Keys     *auth.Keys
	// OAuth is the authorization server; without it there are no /oauth
	// routes, and no page to sign in at.
	OAuth *oauth.Server
	// Federation signs people in through the providers of their domains;
	// absent, nobody does.
	Federation *federation.Service
	// Revoked is what was ended before its time; absent, nothing was.
	Revoked *iam.Revoked
	// TrustedProxies may say in X-Forwarded-For where a request comes from.
	TrustedProxies []netip.Prefix
	// PublicURL is how browsers reach the API. With https cookies are for
	// https only.
	PublicURL  string
	Logger     *slog.Logger
	Registerer prometheus.Registerer // absent: nothing is counted
	// MaxBatch and MaxEvent bound the bodies of batches and of single
	// events and jobs in bytes; 0 means DefaultMaxBatch, and
	// DefaultMaxEvent unless that is more than MaxBatch.
	MaxBatch, MaxEvent int64
	// Monitor watches the router of this process; nil where there is none.
	Monitor *monitor.Monitor
	// Closing is closed when the listener is about to: streams end then, so
	// that nobody has to wait for them. Nil never is.
	Closing <-chan struct{}
	// Entries keep the answers to requests with an Idempotency-Key; without
	// them the header means something to some calls only.
	Entries store.Entries
	// CORS lets pages of other origins call; nil lets none.
	CORS    *cors.Handler
	Version string // of the program, for the OpenAPI document
}

// The limits of request bodies, in bytes.
const (
	DefaultMaxBatch = 32 << 20
	DefaultMaxEvent = 2 << 20
	batchesAtOnce   = 4 // of the largest size; see budget
	maxOther        = 1 << 20
)

type server struct {
	o       Options
	p       *platform.Platform
	log     *slog.Logger
	router  *adapter.Adapter
	huma    huma.API
	metrics *metrics
	openapi func() ([]byte, error) // written when it is first asked for
	needs   map[string]string      // the permissions of routes, by pattern
	bodies  budget
	ids     flow.IDs
	streams streams
	trials  atomic.Int32 // tests of connections under way
	// followers are who follows events and jobs; beat is how often they hear
	// something at least.
	followers sse.Seats
	beat      time.Duration
	// pageBytes is where a page of payloads ends before it is full.
	pageBytes int
}

// New makes the handler of the whole API.
func New(o Options) (http.Handler, error) { return newServer(o) }

func newServer(o Options) (*server, error) {
	if o.Platform == nil || o.SignIn == nil || o.Tokens == nil || o.Keys == nil {
		return nil, errors.New("make API: platform, sign-in, tokens and keys are required")
	}
	return build(o, (*server).routes)
}

// build makes the handler of some routes.
func build(o Options, rows func(*server) []route) (*server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxBatch <= 0 {
		o.MaxBatch = DefaultMaxBatch
	}
	if o.MaxEvent <= 0 {
		o.MaxEvent = min(DefaultMaxEvent, o.MaxBatch)
	}
	if o.Version == "" {
		o.Version = "0.0.0"
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("make API: %w", err)
	}
	s := &server{o: o, p: o.Platform, log: o.Logger, metrics: m, needs: map[string]string{}, bodies: budget{limit: batchesAtOnce * o.MaxBatch}, pageBytes: defaultPageBytes,
		followers: sse.Seats{All: maxFollowers, Each: maxFollowing}, beat: heartbeat}
	s.router = adapter.New(adapter.Options{
		NotFound: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.fail(w, r, newProblem(http.StatusNotFound, "NOT_FOUND", nothingHere))
		}),
		MethodNotAllowed: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.fail(w, r, newProblem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", noSuchMethod))
		}),
	})
	s.huma = s.newHuma()
	for _, rt := range rows(s) {
		rt.add(rt)
		m.know(rt)
		s.needs[rt.method+" "+rt.path] = rt.needs
	}
	if err := s.router.Build(); err != nil {
		return nil, fmt.Errorf("make API: %w", err)
	}
	if err := s.completeDocument(); err != nil {
		return nil, fmt.Errorf("make OpenAPI document: %w", err)
	}
	s.openapi = sync.OnceValues(func() ([]byte, error) { return json.Marshal(s.huma.OpenAPI()) })
	return s, nil
}
