package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/backoff"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// Ages are how old things become before they are removed; 0 is for ever.
type Ages struct{ Payloads, Events, Jobs, Attempts, Audit time.Duration }

// Store is what the service needs of a store.
type Store interface {
	store.Retention
	ExpireEntries(ctx context.Context, now time.Time, limit int) (int, error)
}

// Options make a Keeper. Store and Catalog are required.
type Options struct {
	Store   Store
	Catalog *catalog.Cache // finds clients by their identifiers
	Ages    Ages
	// Clients have ages of their own, by id or identifier.
	Clients map[string]Ages
	// Every is how long a round rests after the last. Default: 5 minutes.
	Every time.Duration
	// Step is how many rows are looked at at once; fewer go where that takes long.
	// Default: 100.
	Step       int
	Warnings   *telemetry.Warnings
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
}

// Keeper removes what is old.
type Keeper struct {
	o       Options
	removed *prometheus.CounterVec
	expired prometheus.Counter
	// from is where the next round of a kind and age begins.
	from map[plan]int64
}

// plan is what one walk removes.
type plan struct {
	kind store.PurgeKind
	age  time.Duration
}

// names are the kinds as metrics and warnings call them, in the order in which
// they are removed: attempts before their jobs, payloads before their events.
var names = []struct {
	kind store.PurgeKind
	name string
	age  func(Ages) time.Duration
}{
	{store.PurgeAttempts, "attempts", func(a Ages) time.Duration { return a.Attempts }},
	{store.PurgeTaskPayloads, "payloads of jobs", func(a Ages) time.Duration { return a.Payloads }},
	{store.PurgeJobs, "jobs", func(a Ages) time.Duration { return a.Jobs }},
	{store.PurgePayloads, "payloads of events", func(a Ages) time.Duration { return a.Payloads }},
	{store.PurgeEvents, "events", func(a Ages) time.Duration { return a.Events }},
	{store.PurgeAudit, "audit entries", func(a Ages) time.Duration { return a.Audit }},
}

// New makes a Keeper.
func New(o Options) (*Keeper, error) {
	if o.Store == nil || o.Catalog == nil {
		return nil, errors.New("make retention: a store and a catalog are required")
	}
	if o.Every <= 0 {
		o.Every = 5 * time.Minute
	}
	if o.Step <= 0 {
		o.Step = 100
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	k := &Keeper{o: o, from: map[plan]int64{},
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fc_retention_removed_total", Help: "What was removed because of its age, by kind.",
		}, []string{"kind"}),
		expired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "fc_retention_expired_entries_total", Help: "Sessions, codes and other short-lived records that were removed after their end.",
		}),
	}
	if o.Registerer != nil {
		for _, c := range []prometheus.Collector{k.removed, k.expired} {
			if err := o.Registerer.Register(c); err != nil {
				return nil, fmt.Errorf("make retention: %w", err)
			}
		}
	}
	return k, nil
}

// Run does rounds until the context ends.
func (k *Keeper) Run(ctx context.Context) error {
	trouble := 0
	for {
		rest := k.o.Every
		switch err := k.Round(ctx); {
		case ctx.Err() != nil || errors.Is(err, store.ErrClosed):
			return nil
		case err != nil:
			trouble++
			rest = min(rest, backoff.Of(trouble))
			k.o.Logger.Error("removing what is old failed; it is tried again", "error", err, "tries", trouble)
		default:
			trouble = 0
		}
		if !backoff.Wait(ctx, rest) {
			return nil
		}
	}
}

// Round removes what is due now.
func (k *Keeper) Round(ctx context.Context) error {
	for walk := time.Now(); ; {
		began := time.Now()
		n, err := k.o.Store.ExpireEntries(ctx, k.o.Now(), k.o.Step)
		if err != nil {
			return err
		}
		k.expired.Add(float64(n))
		if n < k.o.Step {
			break
		}
		if !k.breathe(ctx, walk, began) {
			return ctx.Err()
		}
	}
	clients, err := k.clients(ctx)
	if err != nil {
		return err
	}
	for _, kind := range names {
		general := kind.age(k.o.Ages)
		own := map[time.Duration][]string{}
		var others []string
		for id, ages := range clients {
			if age := kind.age(ages); age != general {
				own[age] = append(own[age], id)
				others = append(others, id)
			}
		}
		slices.Sort(others)
		if err := k.walk(ctx, kind.kind, kind.name, general, others, true); err != nil {
			return err
		}
		for age, ids := range own {
			slices.Sort(ids)
			if err := k.walk(ctx, kind.kind, kind.name, age, ids, false); err != nil {
				return err
			}
		}
	}
	return k.shrink(ctx)
}

// clients are the clients with ages of their own, by id.
func (k *Keeper) clients(ctx context.Context) (map[string]Ages, error) {
	if len(k.o.Clients) == 0 {
		return nil, nil
	}
	cat, err := k.o.Catalog.Get(ctx)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]Ages, len(k.o.Clients))
	for name, ages := range k.o.Clients {
		if c := cat.Client(name); c != nil {
			ids[c.ID] = ages
		} else {
			k.warn("client "+name, "the configuration has ages for a client "+name+", and there is none; nothing is removed by them", telemetry.Warn)
		}
	}
	return ids, nil
}

// much is how far beyond its age something must be for a person to be told.
const much = 24 * time.Hour

// walk removes what is older than an age.
func (k *Keeper) walk(ctx context.Context, kind store.PurgeKind, name string, age time.Duration, clients []string, except bool) error {
	if age <= 0 {
		return nil
	}
	p := plan{kind, age}
	now := k.o.Now()
	step := store.Purge{Kind: kind, After: k.from[p], Before: now.Add(-age), Clients: clients, Except: except, Limit: k.o.Step, Within: stepTime}
	removed, kept := 0, 0
	var first int64
	var oldest time.Time
	for walk := time.Now(); ; {
		began := time.Now()
		done, err := k.o.Store.Purge(ctx, step)
		if err != nil {
			return fmt.Errorf("remove old %s: %w", name, err)
		}
		k.removed.WithLabelValues(name).Add(float64(done.Removed))
		removed += done.Removed
		kept += done.Kept
		if first == 0 {
			first, oldest = done.FirstKept, done.OldestKept
		}
		step.After = done.Next
		if done.Done {
			break
		}
		if !k.breathe(ctx, walk, began) {
			return ctx.Err()
		}
	}
	k.from[p] = step.After
	if first != 0 {
		k.from[p] = first - 1 // it may go the next time
	}
	if removed > 0 {
		k.o.Logger.Info("removed what is old", "kind", name, "age", age, "removed", removed, "kept", kept)
	}
	if kept > 0 && kind != store.PurgeAttempts && now.Sub(oldest) > age+much {
		k.warn(name, fmt.Sprintf("%d %s are older than %s and are kept because deliveries still need them; the oldest is of %s", kept, name, age, oldest.UTC().Format(time.RFC3339)), telemetry.Warn)
	}
	return nil
}

func (k *Keeper) warn(key, message string, severity telemetry.Severity) {
	if k.o.Warnings != nil {
		k.o.Warnings.Warn(telemetry.Warning{Category: "RETENTION", Severity: severity, Source: "retention", Key: key, Message: message})
	}
}

// stepTime is how long a step may keep others from writing, and restTime how
// long they then have the store, and its disk, to themselves. A step that had
// to wait for them, since they write much, rests as long as it took. What
// takes longer than hurryAfter may never get done at this pace, and rests for
// half of it, after twice the time for a third, and so on.
const (
	stepTime   = time.Millisecond
	restTime   = 20 * time.Millisecond
	hurryAfter = 10 * time.Minute
)

// breathe leaves the store to others after a step of a walk.
func (k *Keeper) breathe(ctx context.Context, walk, step time.Time) bool {
	return backoff.Wait(ctx, max(rest(time.Since(walk)), time.Since(step)))
}

// rest is for how long a walk that has taken so long rests after a step.
func rest(walked time.Duration) time.Duration {
	return restTime / (1 + walked/hurryAfter)
}

// The file gives back what is unused once that is a good part of a gigabyte;
// less is used again soon.
const (
	unusedPages = 64 << 10 // of 4 KiB
	shrinkStep  = 256
)

func (k *Keeper) shrink(ctx context.Context) error {
	left, err := k.o.Store.Shrink(ctx, 0)
	if err != nil || left < unusedPages {
		return err
	}
	for walk := time.Now(); left > unusedPages/2; {
		began := time.Now()
		if left, err = k.o.Store.Shrink(ctx, shrinkStep); err != nil {
			return err
		}
		if !k.breathe(ctx, walk, began) {
			return ctx.Err()
		}
	}
	return nil
}
