package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/backoff"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/prometheus/client_golang/prometheus"
)

// Store is the part of the store that a scheduler uses.
type Store interface {
	Lanes(ctx context.Context, after string, limit int) ([]store.Lane, error)
	Offer(ctx context.Context, lane string, window int, now time.Time) (store.Offer, error)
	Out(ctx context.Context, lanes ...string) ([]int, error)
	MarkQueued(ctx context.Context, tickets []store.Ticket, now time.Time) error
	Park(ctx context.Context, parks []store.Park, now time.Time) error
	CancelLane(ctx context.Context, lane string, why flow.Reason, now time.Time, limit int) (int, error)
	Recover(ctx context.Context, staleBefore, now time.Time, limit int) (store.Recovered, error)
	ListHolds(ctx context.Context, now time.Time) ([]store.Hold, error)
	Blocked(ctx context.Context, sc store.Scope, q store.GateQuery) (store.GatePage, error)
	Stats(ctx context.Context) (store.Stats, error)
	Wakes() *store.Wakes
}

// Options make a Scheduler. Store, Queue and Catalog are required.
type Options struct {
	Store   Store
	Queue   queue.Queue
	Catalog *catalog.Cache
	// BatchSize is how many tickets are published at once. Default: 500.
	BatchSize int
	// PollInterval is how often lost tickets and leases are looked for, and
	// all lanes without being told. Default: 1 s.
	PollInterval time.Duration
	// StaleAfter is how long a ticket may be out before its message counts
	// as lost. Default: 5 min.
	StaleAfter time.Duration
	// Warnings gets what a person should look at. Optional.
	Warnings   Warnings
	Logger     *slog.Logger          // discards when nil
	Registerer prometheus.Registerer // metrics are not shown when nil
	Now        func() time.Time      // time.Now when nil
}

// Scheduler hands out tickets.
type Scheduler struct {
	o Options
	m *metrics

	lanes, ends agenda // what to look at, and when
	ledger      ledger
	holds       map[string]hold // by endpoint
	rates       map[flow.ID]*bucket
	meals       uint64 // counts how often replays got something

	cat    *catalog.Catalog // of the last round
	mourns string           // how far the blocked keys were looked through
	whole  bool             // they were, since the start
	alarm  alarm

	batch []queue.Message
	marks []store.Ticket
}

// New makes a scheduler; Run starts it.
func New(o Options) (*Scheduler, error) {
	if o.Store == nil || o.Queue == nil || o.Catalog == nil {
		return nil, errors.New("new scheduler: store, queue and catalog are required")
	}
	o.BatchSize = cmp.Or(o.BatchSize, 500)
	o.PollInterval = cmp.Or(o.PollInterval, time.Second)
	o.StaleAfter = cmp.Or(o.StaleAfter, 5*time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("new scheduler: %w", err)
	}
	return &Scheduler{
		o: o, m: m, lanes: newAgenda(), ends: newAgenda(), ledger: newLedger(),
		holds: map[string]hold{}, rates: map[flow.ID]*bucket{}, alarm: newAlarm(),
	}, nil
}

// Run hands out until the context ends. Trouble with store or queue is waited
// out; what was not handed out stays PENDING.
func (s *Scheduler) Run(ctx context.Context) error {
	news := s.o.Store.Wakes().Lanes.Listen()
	defer news.Close()
	holds := s.o.Store.Wakes().Holds.Listen()
	defer holds.Close()
	poll := time.NewTicker(s.o.PollInterval)
	defer poll.Stop()
	due := time.NewTimer(time.Hour)
	defer due.Stop()

	n, trouble := News{All: true}, 0
	for {
		keys, all := news.Take()
		held, any := holds.Take()
		n.Lanes, n.All, n.Holds = append(n.Lanes, keys...), n.All || all, n.Holds || any || len(held) > 0
		err := s.Step(ctx, n)
		n = News{}
		switch {
		case ctx.Err() != nil || errors.Is(err, store.ErrClosed) || errors.Is(err, queue.ErrClosed):
			return nil
		case err != nil:
			trouble++
			n.All = true
			s.m.failed.Inc()
			s.o.Logger.Error("handing out jobs failed; it is tried again", "error", err, "tries", trouble)
			if !backoff.Wait(ctx, backoff.Of(trouble)) {
				return nil
			}
			continue
		}
		trouble = 0
		if s.hot() {
			// There is no rest, but what the poll finds must not wait for one.
			select {
			case <-poll.C:
				n.All = true
				s.recover(ctx)
			default:
			}
			continue
		}
		due.Reset(s.wait(s.o.Now()))
		select {
		case <-ctx.Done():
			return nil
		case <-news.C:
		case <-holds.C:
		case <-due.C:
		case <-poll.C:
			n.All = true
			s.recover(ctx)
		}
	}
}

// hot says that there is something to do at once.
func (s *Scheduler) hot() bool { return s.lanes.hot() || s.ends.hot() || !s.whole }

// wait is how long nothing is planned.
func (s *Scheduler) wait(now time.Time) time.Duration {
	return min(s.lanes.wait(now), s.ends.wait(now))
}

// News is what a round is about.
type News struct {
	Lanes []string // that something happened to
	Holds bool     // some were set or released
	All   bool     // anything may have happened
}

// Step is a round: it looks at the lanes of the news, at those whose time has
// come, and serves their endpoints.
func (s *Scheduler) Step(ctx context.Context, n News) error {
	now := s.o.Now()
	for _, k := range n.Lanes {
		s.lanes.touch(k)
	}
	cat, err := s.o.Catalog.Get(ctx)
	if err != nil {
		return err
	}
	if n.Holds || n.All {
		if err := s.readHolds(ctx, now); err != nil {
			return err
		}
	}
	if n.All {
		if err := s.survey(ctx, cat, now); err != nil {
			return err
		}
	}
	s.lanes.ripen(now)
	s.ends.ripen(now)
	if err := s.mourn(ctx, cat); err != nil {
		return err
	}
	if err := s.round(ctx, cat); err != nil {
		return err
	}
	s.m.poll.Observe(s.o.Now().Sub(now).Seconds())
	return nil
}

// round serves who is on the agenda: all live lanes before any replay.
func (s *Scheduler) round(ctx context.Context, cat *catalog.Catalog) (err error) {
	defer func() {
		if perr := s.publish(ctx); perr != nil {
			err = errors.Join(err, perr)
		}
	}()
	if err := s.look(ctx, cat, s.lanes.take()); err != nil {
		return err
	}
	var ends, low []*endpoint
	for _, key := range s.ends.take() {
		if e := s.ledger.ends[key]; e != nil {
			ends = append(ends, e)
		}
	}
	for _, e := range ends {
		if err := s.serve(ctx, cat, e); err != nil {
			return err
		}
		if e.beneath.Len() > 0 {
			low = append(low, e)
		}
	}
	// Of the endpoints that share the rate of a replay, that is first which
	// had something of it longest ago.
	slices.SortStableFunc(low, func(a, b *endpoint) int { return cmp.Compare(a.fed, b.fed) })
	for _, e := range low {
		if err := s.serveBeneath(ctx, cat, e); err != nil {
			return err
		}
	}
	return nil
}

// look reads how many tickets of lanes are out, and has those that may have
// work served.
func (s *Scheduler) look(ctx context.Context, cat *catalog.Catalog, names []string) error {
	out, err := s.o.Store.Out(ctx, names...)
	if err != nil {
		return err
	}
	for i, name := range names {
		if why, gone := cat.LaneGone(name); gone {
			if l := s.ledger.lanes[name]; l != nil {
				l.count(out[i])
				l.unwant()
				s.ends.touch(l.end.key)
				s.ledger.tidy(l)
			}
			if err := s.orphaned(ctx, cat, name, why); err != nil {
				return err
			}
			continue
		}
		r, key := routeOf(cat, name)
		if l := s.ledger.lanes[name]; l != nil && l.end.key != key {
			s.ends.touch(l.end.key) // its others have more room now
		}
		l := s.ledger.at(name, key)
		l.count(out[i])
		l.end.widen(cat, windowOf(r))
		if r.Wait == "" {
			l.want()
		} else {
			l.unwant() // a change of resources wakes all lanes
		}
		s.ends.touch(key)
		s.ledger.tidy(l)
	}
	return nil
}

// publish sends the batch and marks its jobs, in this order.
func (s *Scheduler) publish(ctx context.Context) error {
	if len(s.batch) == 0 {
		return nil
	}
	began := s.o.Now()
	defer func() {
		clear(s.batch)
		s.batch, s.marks = s.batch[:0], s.marks[:0]
	}()
	if err := s.o.Queue.Publish(ctx, s.batch); err != nil {
		return fmt.Errorf("publish %d tickets: %w", len(s.batch), err)
	}
	// A drain must not come between the two: the tickets are out.
	if err := s.o.Store.MarkQueued(context.WithoutCancel(ctx), s.marks, s.o.Now()); err != nil {
		return fmt.Errorf("mark %d jobs queued: %w", len(s.marks), err)
	}
	s.m.queued.Add(float64(len(s.batch)))
	s.m.queue.Observe(s.o.Now().Sub(began).Seconds())
	return nil
}
