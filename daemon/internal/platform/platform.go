package platform

import (
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Options are what a Platform stands on. Store and Sealer are required.
type Options struct {
	Store  store.Store
	Sealer catalog.Sealer
	// Catalog may be shared with other services; absent, one is made.
	Catalog *catalog.Cache
	Logger  *slog.Logger
	// Now is the clock; absent, it is time.Now.
	Now func() time.Time
}

// Platform is the rules over one store. It is safe for concurrent use.
type Platform struct {
	st     store.Store
	sealer catalog.Sealer
	cache  *catalog.Cache
	log    *slog.Logger
	now    func() time.Time
	ids    flow.IDs
	turn   chan struct{} // held by the one writer that others must not starve

	world    atomic.Pointer[world] // of the last catalog seen
	compiled compiled              // filters, for explain
}

// New makes a Platform.
func New(o Options) (*Platform, error) {
	if o.Store == nil || o.Sealer == nil {
		return nil, errors.New("make platform: a store and a sealer are required")
	}
	if o.Catalog == nil {
		o.Catalog = catalog.New(o.Store, o.Sealer)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Platform{st: o.Store, sealer: o.Sealer, cache: o.Catalog, log: o.Logger,
		turn: make(chan struct{}, 1),
		now:  func() time.Time { return o.Now().UTC().Truncate(time.Millisecond) }}, nil
}

// Caller is who asks, as far as the rules need to know. Permissions are the
// API's to check, with one exception: Apply asks May for each change.
type Caller struct {
	PrincipalID string
	RequestID   string
	Scope       store.Scope
	May         func(permission string) bool
}

// System is the daemon itself, at its first start.
func System() Caller {
	return Caller{PrincipalID: "system", Scope: store.Everything, May: func(string) bool { return true }}
}

// tenant is the client that something new of the caller belongs to: the one
// it asks for, or its only one.
func (c Caller) tenant(asked string) (string, *Error) {
	switch {
	case c.Scope.All:
		if p := checkClient(asked); p != "" {
			return "", invalidField("clientId", p, "")
		}
		return asked, nil
	case asked != "" && slices.Contains(c.Scope.Clients, asked):
		return asked, nil
	case asked != "":
		return "", refuse(CodeForbidden, "clientId: you are not bound to this client")
	case len(c.Scope.Clients) == 1:
		return c.Scope.Clients[0], nil
	case len(c.Scope.Clients) == 0:
		return "", refuse(CodeForbidden, "clientId: you are bound to no client")
	}
	return "", invalidField("clientId", "is required: you are bound to several clients", "one of your clients")
}

func checkClient(id string) string {
	if len(id) > 64 {
		return "is longer than 64 characters"
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return "may have letters, digits, '_', '-' and '.'"
		}
	}
	return ""
}

// entityNames are the kinds as audit entries call them.
var entityNames = map[resource.Kind]string{
	resource.KindEventType:    "EventType",
	resource.KindDispatchPool: "DispatchPool",
	resource.KindConnection:   "Connection",
	resource.KindSubscription: "Subscription",
}
