package router

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier"
	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Options make a Router. Store, Queue and Catalog are required.
type Options struct {
	Store   store.Jobs
	Queue   queue.Queue
	Catalog *catalog.Cache
	// Holds is where breakers and rests of endpoints are written down, for
	// the scheduler and for other routers, and Wakes says when they changed.
	// Without Holds they are this router's own and end with it.
	Holds store.Holds
	Wakes *store.Wakes
	// Rate makes the rate limit of a pool or of an endpoint. When it is nil
	// each is this router's alone.
	Rate func() pace.Rate

	// QueueName tells queues apart in the idempotency keys of adopted
	// messages. It must not change while such messages are around.
	QueueName string
	// Instance names this router in leases and attempts.
	Instance string
	// Version goes into the User-Agent.
	Version string

	Egress courier.Egress
	// Roots are trusted beside nothing else; nil is the system's.
	Roots *x509.CertPool

	// MaxHeld is how many messages may be in memory, if four for each slot
	// are not more. 256 when 0.
	MaxHeld int
	// ShutdownTimeout is how long exchanges in flight may go on when Run's
	// context ends. 25 s when 0. Writing down what came of them has
	// WriteTimeout beyond that, 10 s when 0.
	ShutdownTimeout time.Duration
	WriteTimeout    time.Duration

	// OnGone is called after a 410 was recorded, to pause the subscription;
	// an error is logged and counts as a warning.
	OnGone func(ctx context.Context, subscriptionID string) error
	// Warnings gets what a person should look at. Optional.
	Warnings Warnings

	Logger     *slog.Logger          // discards when nil
	Registerer prometheus.Registerer // metrics are not shown when nil
	Now        func() time.Time      // time.Now when nil
}

func (o *Options) defaults() error {
	if o.Store == nil || o.Queue == nil || o.Catalog == nil {
		return errors.New("new router: store, queue and catalog are required")
	}
	o.QueueName = cmp.Or(o.QueueName, "default")
	o.Instance = cmp.Or(o.Instance, "router")
	o.Version = cmp.Or(o.Version, "dev")
	o.MaxHeld = cmp.Or(o.MaxHeld, 256)
	o.ShutdownTimeout = cmp.Or(o.ShutdownTimeout, 25*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 10*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}
