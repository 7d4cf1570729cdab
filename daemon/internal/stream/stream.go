package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/backoff"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/internal/match"
	"github.com/prometheus/client_golang/prometheus"
)

// Store is the part of the store that a stream uses.
type Store interface {
	Unfanned(ctx context.Context, limit int) (store.Batch, error)
	FanOut(ctx context.Context, b store.Batch, jobs []flow.Job, now time.Time) error
	Wakes() *store.Wakes
}

// Options make a Stream. Store and Catalog are required.
type Options struct {
	Store   Store
	Catalog *catalog.Cache
	// BatchSize is how many events are read at once. Default: 500.
	BatchSize int
	// PollInterval is how often an idle stream looks without being told.
	// Default: 1 s.
	PollInterval time.Duration
	Logger       *slog.Logger          // discards when nil
	Registerer   prometheus.Registerer // metrics are not shown when nil
	Now          func() time.Time      // time.Now when nil
}

// maxJobs bounds the jobs of one FanOut. A batch that makes more is fanned
// out in parts, an event at the least.
const maxJobs = 5_000

// Stream fans events out to jobs.
type Stream struct {
	o Options
	m *metrics

	version int64
	set     *match.Set
	policy  map[*resource.Subscription]flow.Policy
}

// New makes a stream; Run starts it.
func New(o Options) (*Stream, error) {
	if o.Store == nil || o.Catalog == nil {
		return nil, errors.New("new stream: store and catalog are required")
	}
	o.BatchSize = cmp.Or(o.BatchSize, 500)
	o.PollInterval = cmp.Or(o.PollInterval, time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("new stream: %w", err)
	}
	return &Stream{o: o, m: m, version: -1}, nil
}

// Run fans out until the context ends. Trouble with the store is waited out.
func (s *Stream) Run(ctx context.Context) error {
	news := s.o.Store.Wakes().Events.Listen()
	defer news.Close()
	poll := time.NewTicker(s.o.PollInterval)
	defer poll.Stop()
	trouble := 0
	for {
		n, err := s.Step(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, store.ErrClosed):
			return nil
		case err != nil && !errors.Is(err, store.ErrConflict):
			trouble++
			s.m.errors.Inc()
			s.o.Logger.Error("fan-out failed; it is tried again", "error", err, "tries", trouble)
			if !backoff.Wait(ctx, backoff.Of(trouble)) {
				return nil
			}
			continue
		case n > 0 || err != nil:
			trouble = 0
			continue
		}
		trouble = 0
		select {
		case <-ctx.Done():
			return nil
		case <-news.C:
			news.Take()
		case <-poll.C:
		}
	}
}

// Step fans out one batch and returns how many events were in it.
func (s *Stream) Step(ctx context.Context) (int, error) {
	b, err := s.o.Store.Unfanned(ctx, s.o.BatchSize)
	if err != nil || len(b.Events) == 0 {
		return 0, err
	}
	began := s.o.Now()
	cat, err := s.o.Catalog.Get(ctx)
	if err != nil {
		return 0, err
	}
	s.compile(cat)
	total := len(b.Events)
	for len(b.Events) > 0 {
		part, jobs := s.part(b)
		if err := s.o.Store.FanOut(ctx, part, jobs, s.o.Now()); err != nil {
			return 0, fmt.Errorf("fan out %d events: %w", len(part.Events), err)
		}
		s.m.events.Add(float64(len(part.Events)))
		s.m.jobs.Add(float64(len(jobs)))
		b.From, b.Events = part.To, b.Events[len(part.Events):]
	}
	s.m.duration.Observe(s.o.Now().Sub(began).Seconds())
	return total, nil
}

// part matches as many events of a batch as one FanOut should take.
func (s *Stream) part(b store.Batch) (store.Batch, []flow.Job) {
	jobs := make([]flow.Job, 0, len(b.Events))
	var matched []*resource.Subscription
	for i := range b.Events {
		e := &b.Events[i]
		matched = s.set.Match(e.Facts(), matched[:0])
		s.m.matched.Add(float64(len(matched)))
		for _, sub := range matched {
			jobs = append(jobs, s.job(e, sub))
		}
		if len(jobs) >= maxJobs && i+1 < len(b.Events) {
			return store.Batch{Events: b.Events[:i+1], From: b.From, To: e.Position}, jobs
		}
	}
	return b, jobs
}

func (s *Stream) job(e *flow.Event, sub *resource.Subscription) flow.Job {
	mode, _ := flow.ParseMode(sub.Mode)
	j := flow.Job{
		Position: e.Position, EventID: e.ID, SubscriptionID: sub.ID, ClientID: e.ClientID, MessageGroup: e.MessageGroup,
		Mode: mode, OrderKey: flow.NewOrderKey(mode, sub.ID, e.ClientID, e.MessageGroup, 0), Lane: sub.ID, Policy: s.policy[sub],
	}
	if sub.DelaySeconds > 0 {
		j.Due = s.o.Now().Add(time.Duration(sub.DelaySeconds) * time.Second)
	}
	return j
}

// compile indexes the subscriptions of a catalog, once for each version.
func (s *Stream) compile(cat *catalog.Catalog) {
	if s.version == cat.Version {
		return
	}
	for _, err := range cat.Broken {
		s.o.Logger.Error("a resource can not be read and is left out", "error", err)
	}
	subs := make([]*resource.Subscription, 0, len(cat.Subscriptions))
	s.policy = make(map[*resource.Subscription]flow.Policy, len(cat.Subscriptions))
	for _, sub := range cat.Subscriptions {
		subs = append(subs, sub)
		s.policy[sub] = catalog.Policy(sub)
	}
	old := s.set
	if old == nil {
		old = &match.Set{OnFilterError: s.filterFailed}
	}
	set, problems := old.Recompile(subs)
	for _, p := range problems {
		s.o.Logger.Error("a subscription can not be compiled and matches nothing", "error", p)
	}
	s.set, s.version = set, cat.Version
}

func (s *Stream) filterFailed(sub *resource.Subscription, e *match.Event, err error) {
	s.m.filterErrors.Inc()
	s.o.Logger.Debug("a filter failed on an event, which does not match", "subscription", sub.ID, "event", e.ID, "error", err)
}
