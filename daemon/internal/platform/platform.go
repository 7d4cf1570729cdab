package platform

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/platform/allowance"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// Options are what a Platform stands on. Store and Sealer are required.
type Options struct {
	Store  store.Store
	Sealer catalog.Sealer
	// Catalog may be shared with other services; absent, one is made.
	Catalog *catalog.Cache
	// Directory may be shared with the guard; absent, one is made.
	Directory *iam.Cache
	// Passwords hashes them; absent, one is made.
	Passwords *auth.Passwords
	// Sessions are ended when a password changes; absent, there are none.
	Sessions *iam.Sessions
	Logger   *slog.Logger
	// Warnings takes what a person should look at; absent, only the log does.
	Warnings   *telemetry.Warnings
	Registerer prometheus.Registerer // absent: nothing is counted
	// UnknownTypes says what happens to events of types that nobody declared:
	// see the Unknown constants. Absent, they are accepted.
	UnknownTypes string
	// Publishing bounds what each client publishes; the zero value does not.
	Publishing allowance.Limits
	// Now is the clock; absent, it is time.Now.
	Now func() time.Time
}

// Platform is the rules over one store. It is safe for concurrent use.
type Platform struct {
	st     store.Store
	sealer catalog.Sealer
	cache  *catalog.Cache

	directory *iam.Cache
	passwords *auth.Passwords
	sessions  *iam.Sessions

	log  *slog.Logger
	now  func() time.Time
	ids  flow.IDs
	turn chan struct{} // held by the one writer that others must not starve

	world    atomic.Pointer[world] // of the last catalog seen
	compiled compiled              // filters, for explain

	schemas    atomic.Pointer[schemas] // of the last catalog seen
	unknown    string
	warnings   *telemetry.Warnings
	violations violations
	allowance  *allowance.Allowance // nil bounds nothing
	trials     *allowance.Allowance // of connections, by their ids
}

// New makes a Platform.
func New(o Options) (*Platform, error) {
	if o.Store == nil || o.Sealer == nil {
		return nil, errors.New("make platform: a store and a sealer are required")
	}
	if o.Catalog == nil {
		o.Catalog = catalog.New(o.Store, o.Sealer)
	}
	if o.Directory == nil {
		o.Directory = iam.NewCache(o.Catalog)
	}
	if o.Passwords == nil {
		o.Passwords = auth.NewPasswords(0)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.UnknownTypes == "" {
		o.UnknownTypes = UnknownAccept
	}
	counted, err := newViolations(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("make platform: %w", err)
	}
	return &Platform{st: o.Store, unknown: o.UnknownTypes, warnings: o.Warnings, violations: counted,
		sealer: o.Sealer, cache: o.Catalog, log: o.Logger,
		directory: o.Directory, passwords: o.Passwords, sessions: o.Sessions,
		turn: make(chan struct{}, 1), allowance: allowance.New(o.Publishing), trials: allowance.New(trialLimits),
		now: func() time.Time { return o.Now().UTC().Truncate(time.Millisecond) }}, nil
}
