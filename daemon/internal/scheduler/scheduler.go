package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

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
	MarkQueued(ctx context.Context, tickets []store.Ticket, now time.Time) error
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
	Logger     *slog.Logger          // discards when nil
	Registerer prometheus.Registerer // metrics are not shown when nil
	Now        func() time.Time      // time.Now when nil
}

// minWindow is how many tickets may be out for any endpoint.
const minWindow = 256

// Scheduler hands out tickets.
type Scheduler struct {
	o     Options
	m     *metrics
	holds map[string]time.Time // by endpoint
	lanes lanes
	cat   *catalog.Catalog // of the last round
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
	return &Scheduler{o: o, m: m, holds: map[string]time.Time{}, lanes: newLanes()}, nil
}

// Run hands out until the context ends. Trouble with store or queue is waited
// out; what was not handed out stays PENDING.
func (s *Scheduler) Run(ctx context.Context) error {
	news := s.o.Store.Wakes().Lanes.Listen()
	defer news.Close()
	poll := time.NewTicker(s.o.PollInterval)
	defer poll.Stop()
	due := time.NewTimer(time.Hour)
	defer due.Stop()

	everything, trouble := true, 0
	for {
		keys, all := news.Take()
		err := s.Step(ctx, keys, all || everything)
		switch {
		case ctx.Err() != nil || errors.Is(err, store.ErrClosed) || errors.Is(err, queue.ErrClosed):
			return nil
		case err != nil:
			trouble++
			everything = true
			s.m.failed.Inc()
			s.o.Logger.Error("handing out jobs failed; it is tried again", "error", err, "tries", trouble)
			if !pause(ctx, backoff(trouble)) {
				return nil
			}
			continue
		}
		everything, trouble = false, 0
		if s.lanes.hot() {
			continue
		}
		due.Reset(s.lanes.wait(s.o.Now()))
		select {
		case <-ctx.Done():
			return nil
		case <-news.C:
		case <-due.C:
		case <-poll.C:
			everything = true
			s.recover(ctx)
		}
	}
}

func backoff(tries int) time.Duration {
	return min(100*time.Millisecond<<min(tries, 10), 10*time.Second)
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Step hands out what the named lanes have, those whose time has come, and
// with all every lane.
func (s *Scheduler) Step(ctx context.Context, keys []string, all bool) error {
	now := s.o.Now()
	for _, k := range keys {
		s.lanes.touch(k)
	}
	cat, err := s.o.Catalog.Get(ctx)
	if err != nil {
		return err
	}
	if all {
		if err := s.survey(ctx, cat, now); err != nil {
			return err
		}
	}
	s.lanes.ripen(now)
	if err := s.mourn(ctx, cat); err != nil {
		return err
	}
	began := now
	for _, lane := range s.lanes.take() {
		if err := s.serve(ctx, cat, lane); err != nil {
			s.lanes.touch(lane)
			return errors.Join(err, s.publish(ctx))
		}
	}
	if err := s.publish(ctx); err != nil {
		return err
	}
	s.m.poll.Observe(s.o.Now().Sub(began).Seconds())
	return nil
}

// survey looks at all lanes and holds.
func (s *Scheduler) survey(ctx context.Context, cat *catalog.Catalog, now time.Time) error {
	holds, err := s.o.Store.ListHolds(ctx, now)
	if err != nil {
		return err
	}
	clear(s.holds)
	for _, h := range holds {
		s.holds[h.Endpoint] = h.Until
	}
	const page = 1000
	for after := ""; ; {
		lanes, err := s.o.Store.Lanes(ctx, after, page)
		if err != nil {
			return err
		}
		for _, l := range lanes {
			switch {
			case !isTask(l.Name) && cat.Gone(l.Name):
				s.lanes.touch(l.Name)
			case l.Next.IsZero():
			case l.Next.After(now):
				s.lanes.at(l.Name, l.Next)
			default:
				s.lanes.touch(l.Name)
			}
			after = l.Name
		}
		if len(lanes) < page {
			break
		}
	}
	if st, err := s.o.Store.Stats(ctx); err == nil {
		s.m.pending.Set(float64(st.OpenJobs))
	}
	return nil
}

// maxMourned is how many blocked keys are looked at for subscriptions that are
// gone. Those that block longest come first, and cancelling makes room.
const maxMourned = 1000

// mourn looks, once for each catalog, for subscriptions that are gone. The
// survey finds those with jobs that could go; a lane whose every job waits
// behind dead letters is found here.
func (s *Scheduler) mourn(ctx context.Context, cat *catalog.Catalog) error {
	if s.cat == cat {
		return nil
	}
	if s.cat != nil {
		for id := range s.cat.Subscriptions {
			if cat.Gone(id) {
				s.lanes.touch(id)
			}
		}
	}
	page, err := s.o.Store.Blocked(ctx, store.Everything, store.GateQuery{Limit: maxMourned})
	if err != nil {
		return err
	}
	for _, g := range page.Gates {
		if !isTask(g.Lane) && cat.Gone(g.SubscriptionID) {
			s.lanes.touch(g.Lane)
		}
	}
	s.cat = cat
	return nil
}

func isTask(lane string) bool { return strings.HasPrefix(lane, "t:") }

// serve takes one lane's offer into the batch.
func (s *Scheduler) serve(ctx context.Context, cat *catalog.Catalog, lane string) error {
	now := s.o.Now()
	task := isTask(lane)
	var r catalog.Route
	if !task {
		if cat.Gone(lane) {
			return s.orphaned(ctx, cat, lane, now)
		}
		// One that can not be resolved goes out as well: the router ends its
		// jobs with a reason, which beats waiting in silence.
		if r, _ = cat.RouteSubscription(lane); !s.mayGo(lane, r, now) {
			return nil
		}
	}
	window := windowOf(r)
	o, err := s.o.Store.Offer(ctx, lane, window, now)
	if err != nil {
		return err
	}
	s.m.polled.Add(float64(len(o.Jobs)))
	if free := window - o.Out; free < window/4 && len(o.Jobs) == free {
		// Nearly full. The jobs that end wake the lane; until a quarter is
		// free, asking again would cost more than it brings.
		return nil
	}
	if !o.Next.IsZero() {
		s.lanes.at(lane, o.Next)
	}
	if len(o.Jobs) == window-o.Out && len(o.Jobs) > s.o.BatchSize {
		// The rest of the window goes in the next round, after the others.
		s.lanes.touch(lane)
		o.Jobs = o.Jobs[:s.o.BatchSize]
	}
	for i := range o.Jobs {
		j := &o.Jobs[i]
		if task {
			// Tasks of one target may be in different pools.
			if r, _ = cat.Route(j); !s.mayGo(lane, r, now) {
				continue
			}
		}
		s.add(j, &r)
		if len(s.batch) >= s.o.BatchSize {
			if err := s.publish(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayGo says whether an endpoint may get anything now.
func (s *Scheduler) mayGo(lane string, r catalog.Route, now time.Time) bool {
	if r.Wait != "" {
		return false // a change of resources wakes all lanes
	}
	if until, held := s.holds[r.Endpoint]; held && until.After(now) {
		s.lanes.at(lane, until)
		return false
	}
	return true
}

// windowOf is how many tickets may be out: the largest of 256, four times the
// concurrency and two seconds of the rate limit.
func windowOf(r catalog.Route) int {
	n := minWindow
	if r.Pool != nil {
		n = max(n, 4*r.Pool.Concurrency)
	}
	if r.Connection != nil {
		n = max(n, 2*int(r.Connection.RateLimit.PerSecond()))
	}
	return n
}

// orphaned cancels the jobs of a subscription that is gone. The catalog may
// be older than the lane, so it is asked for once more.
func (s *Scheduler) orphaned(ctx context.Context, cat *catalog.Catalog, lane string, now time.Time) error {
	fresh, err := s.o.Catalog.Get(ctx)
	if err != nil {
		return err
	}
	if fresh.Version != cat.Version && !fresh.Gone(lane) {
		s.lanes.touch(lane)
		return nil
	}
	n, err := s.o.Store.CancelLane(ctx, lane, flow.ReasonSubscription, now, s.o.BatchSize)
	if err != nil {
		return err
	}
	if n > 0 {
		s.o.Logger.Info("cancelled jobs of a subscription that is gone", "subscription", lane, "jobs", n)
		s.lanes.touch(lane)
	}
	return nil
}

func (s *Scheduler) add(j *flow.Job, r *catalog.Route) {
	id := j.ID.String()
	m := queue.Message{
		ID: queue.MessageID(id, j.Ticket+1), JobID: id, Ticket: j.Ticket + 1,
		PoolCode: r.Pool.Code, MediationType: queue.MediationHTTP, MediationTarget: r.URL,
		MessageGroupID: j.MessageGroup, DispatchMode: j.Mode.String(), ClientID: j.ClientID, SubscriptionID: j.SubscriptionID,
		OrderKey: j.OrderKey.String(),
	}
	if r.Connection != nil {
		m.ConnectionID = r.Connection.ID
	}
	s.batch = append(s.batch, m)
	s.marks = append(s.marks, store.Ticket{Job: j.ID, Number: j.Ticket + 1})
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
	if err := s.o.Store.MarkQueued(ctx, s.marks, s.o.Now()); err != nil {
		return fmt.Errorf("mark %d jobs queued: %w", len(s.marks), err)
	}
	s.m.queued.Add(float64(len(s.batch)))
	s.m.queue.Observe(s.o.Now().Sub(began).Seconds())
	return nil
}

// recover takes back tickets and leases that must be lost.
func (s *Scheduler) recover(ctx context.Context) {
	now := s.o.Now()
	r, err := s.o.Store.Recover(ctx, now.Add(-s.o.StaleAfter), now, s.o.BatchSize)
	if err != nil {
		s.o.Logger.Error("looking for lost tickets failed; it is tried again", "error", err)
		return
	}
	if r.Stale+r.Lost > 0 {
		s.m.stale.Add(float64(r.Stale))
		s.o.Logger.Warn("took back jobs", "lost_messages", r.Stale, "lost_routers", r.Lost)
	}
}
