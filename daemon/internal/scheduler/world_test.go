package scheduler

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a store, a queue, a clock that the test moves, and a scheduler.
type world struct {
	testing.TB
	*spy
	q      *queuetest.Fake
	cat    *catalog.Cache
	s      *Scheduler
	clock  atomic.Int64 // since noon
	serial int
	seen   int // messages of the queue that published returned already
}

func setup(t testing.TB, rs ...resource.Resource) *world {
	t.Helper()
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), sqlite.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w := &world{TB: t, spy: &spy{Store: st}, q: queuetest.NewFake(queuetest.FakeOptions{}), cat: catalog.New(st, nil)}
	w.put(rs...)
	w.restart()
	return w
}

// restart is another scheduler, which knows nothing but what is stored.
func (w *world) restart() {
	w.Helper()
	w.s = w.scheduler(Options{Now: w.now, PollInterval: time.Hour})
}

func (w *world) scheduler(o Options) *Scheduler {
	w.Helper()
	o.Store, o.Queue, o.Catalog = w.spy, w.q, w.cat
	s, err := New(o)
	w.must(err)
	return s
}

// run runs a scheduler by the real clock, which hears of work by wakes alone,
// until the test ends.
func (w *world) run() {
	w.Helper()
	s := w.scheduler(Options{PollInterval: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.Errorf("run: %v", err)
		}
	})
}

func (w *world) now() time.Time { return noon.Add(time.Duration(w.clock.Load())) }

func (w *world) sleep(d time.Duration) { w.clock.Add(int64(d)) }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// spy counts what a scheduler asks of its store, and fails on request.
type spy struct {
	store.Store
	offers, surveys atomic.Int64

	mu   sync.Mutex
	mark error // of the next MarkQueued
}

func (s *spy) Offer(ctx context.Context, lane string, window int, now time.Time) (store.Offer, error) {
	s.offers.Add(1)
	return s.Store.Offer(ctx, lane, window, now)
}

func (s *spy) Lanes(ctx context.Context, after string, limit int) ([]store.Lane, error) {
	s.surveys.Add(1)
	return s.Store.Lanes(ctx, after, limit)
}

func (s *spy) MarkQueued(ctx context.Context, tickets []store.Ticket, now time.Time) error {
	s.mu.Lock()
	err := s.mark
	s.mark = nil
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Store.MarkQueued(ctx, tickets, now)
}

func subscription(id string, change ...func(*resource.Subscription)) *resource.Subscription {
	s := &resource.Subscription{
		Meta: resource.Meta{ID: id}, Code: id, ConnectionID: "con_A", DispatchPoolID: "pol_A",
		EventTypes: []resource.Binding{{EventTypeCode: "*:*:*:*"}},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func connection(status string) *resource.Connection {
	return &resource.Connection{Meta: resource.Meta{ID: "con_A"}, Code: "warehouse", URL: "https://hooks.example.com", Status: status}
}

func pool(concurrency int, status string) *resource.DispatchPool {
	return &resource.DispatchPool{Meta: resource.Meta{ID: "pol_A"}, Code: "priority", Concurrency: concurrency, Status: status}
}

func (w *world) write(change func(*store.WriteSet)) {
	w.Helper()
	for {
		v, err := w.Version(w.Context())
		w.must(err)
		set := store.WriteSet{IfVersion: v}
		change(&set)
		_, err = w.Write(w.Context(), set, noon)
		if !errors.Is(err, store.ErrConflict) {
			w.must(err)
			return
		}
	}
}

func (w *world) put(rs ...resource.Resource) {
	w.Helper()
	w.write(func(set *store.WriteSet) {
		for _, r := range rs {
			r.Defaults()
			d, err := catalog.Encode(r, nil)
			w.must(err)
			set.Put = append(set.Put, d)
		}
	})
}

func (w *world) remove(subscription string) {
	w.Helper()
	w.write(func(set *store.WriteSet) {
		set.Delete = []store.DocumentKey{{Kind: string(resource.KindSubscription), ID: subscription}}
	})
}

// jobs makes n jobs of a lane and returns their ids by position.
func (w *world) jobs(lane string, n int, change ...func(i int, j *flow.Job)) []flow.ID {
	w.Helper()
	es := make([]flow.Event, n)
	for i := range es {
		w.serial++
		es[i] = flow.Event{Type: "a:b:c:d", Source: "/shop", Subject: fmt.Sprint(w.serial), SpecVersion: "1.0", DataContentType: "application/json"}
	}
	_, err := w.Append(w.Context(), es, w.now())
	w.must(err)
	b, err := w.Unfanned(w.Context(), n)
	w.must(err)
	jobs := make([]flow.Job, n)
	for i, e := range b.Events {
		jobs[i] = flow.Job{
			Position: e.Position, EventID: e.ID, SubscriptionID: lane, Lane: lane,
			Policy: flow.Policy{MaxRetries: 3, Schedule: []time.Duration{time.Millisecond}, Timeout: 30 * time.Second},
		}
		for _, c := range change {
			c(i, &jobs[i])
		}
	}
	w.must(w.FanOut(w.Context(), b, jobs, w.now()))
	ids := make([]flow.ID, 0, n)
	for before := flow.ID(0); len(ids) < n; {
		page, err := w.ListJobs(w.Context(), store.Everything, store.JobQuery{SubscriptionID: lane, Limit: min(n-len(ids), 1000), Before: before})
		w.must(err)
		for _, v := range page.Jobs {
			ids = append(ids, v.Job.ID)
		}
		before = page.Next
	}
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		ids[i], ids[j] = ids[j], ids[i]
	}
	return ids
}

// inGroup makes jobs ordered.
func inGroup(mode flow.Mode) func(int, *flow.Job) {
	return func(_ int, j *flow.Job) {
		j.Mode, j.MessageGroup = mode, "g"
		j.OrderKey = flow.NewOrderKey(mode, j.Lane, "", "g", 0)
	}
}

func (w *world) job(id flow.ID) flow.Job {
	w.Helper()
	v, err := w.Job(w.Context(), store.Everything, id)
	w.must(err)
	return v.Job
}

// step is a round over everything.
func (w *world) step() {
	w.Helper()
	w.must(w.s.Step(w.Context(), News{All: true}))
}

// published are the jobs whose messages were taken since the last call.
func (w *world) published() []flow.ID {
	w.Helper()
	all := w.q.Published()
	var ids []flow.ID
	for _, m := range all[w.seen:] {
		id, err := flow.ParseID(m.JobID)
		w.must(err)
		ids = append(ids, id)
	}
	w.seen = len(all)
	return ids
}

func (w *world) wantPublished(what string, n int) {
	w.Helper()
	if got := w.published(); len(got) != n {
		w.Errorf("%s: %d tickets went out, want %d", what, len(got), n)
	}
}

// end delivers jobs with the ticket that they have out.
func (w *world) end(v flow.Verdict, ids ...flow.ID) {
	w.Helper()
	for _, id := range ids {
		got, err := w.Start(w.Context(), []store.Start{{Job: id, Ticket: w.job(id).Ticket, Owner: "r1", Slack: time.Minute}}, w.now())
		w.must(err)
		if got[0].Result != store.StartOK {
			w.Fatalf("start of %s: result %d", id, got[0].Result)
		}
		j := got[0].Job
		a := flow.Attempt{JobID: id, Number: j.Attempts, At: w.now(), Verdict: v, Router: "r1"}
		rec, err := w.Record(w.Context(), []store.Outcome{{Job: j.After(a, w.now(), 0), Attempt: a, Owner: "r1"}}, w.now())
		w.must(err)
		w.must(rec[0].Err)
	}
}

// until waits for a fact.
func (w *world) until(what string, fact func() bool) {
	w.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(3 * time.Minute)
	for !fact() {
		select {
		case <-tick.C:
		case <-end:
			w.Fatal("waited in vain until " + what)
		}
	}
}

func (w *world) taken() int { return len(w.q.Published()) }
