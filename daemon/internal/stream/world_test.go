package stream

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a store, what is declared in it, and what a stream does with it.
type world struct {
	testing.TB
	*spy
	cat *catalog.Cache
}

func setup(t testing.TB) *world {
	t.Helper()
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), sqlite.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return &world{TB: t, spy: &spy{Store: st}, cat: catalog.New(st, nil)}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) stream(o Options) *Stream {
	w.Helper()
	o.Store, o.Catalog = w.spy, w.cat
	s, err := New(o)
	w.must(err)
	return s
}

// run runs a stream that hears of work by wakes alone until the test ends.
func (w *world) run() {
	w.Helper()
	s := w.stream(Options{PollInterval: time.Hour})
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

// spy is a store that remembers what a stream asked it for, and fails on
// request.
type spy struct {
	store.Store
	asked atomic.Int64 // calls of Unfanned

	mu      sync.Mutex
	batches []store.Batch
	sizes   []int // jobs of each batch
	fail    func(verb string) error
}

func (s *spy) failing(verb string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		return nil
	}
	return s.fail(verb)
}

func (s *spy) Unfanned(ctx context.Context, limit int) (store.Batch, error) {
	s.asked.Add(1)
	if err := s.failing("unfanned"); err != nil {
		return store.Batch{}, err
	}
	return s.Store.Unfanned(ctx, limit)
}

func (s *spy) FanOut(ctx context.Context, b store.Batch, jobs []flow.Job, now time.Time) error {
	if err := s.failing("fan out"); err != nil {
		return err
	}
	s.mu.Lock()
	s.batches, s.sizes = append(s.batches, b), append(s.sizes, len(jobs))
	s.mu.Unlock()
	return s.Store.FanOut(ctx, b, jobs, now)
}

// subscription makes an active one for a pattern.
func subscription(id, pattern string, change ...func(*resource.Subscription)) *resource.Subscription {
	s := &resource.Subscription{
		Meta: resource.Meta{ID: id}, Code: id, Target: "https://hooks.example.com/" + id,
		EventTypes: []resource.Binding{{EventTypeCode: pattern}},
	}
	for _, c := range change {
		c(s)
	}
	s.Defaults()
	return s
}

// put declares resources, whoever else declares some at the same time.
func put(ctx context.Context, st store.Resources, rs ...resource.Resource) error {
	var docs []store.Document
	for _, r := range rs {
		d, err := catalog.Encode(r, nil)
		if err != nil {
			return err
		}
		docs = append(docs, d)
	}
	for {
		v, err := st.Version(ctx)
		if err != nil {
			return err
		}
		_, err = st.Write(ctx, store.WriteSet{IfVersion: v, Put: docs}, noon)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

func event(typ string, change ...func(*flow.Event)) flow.Event {
	e := flow.Event{Type: typ, Source: "/shop", Data: []byte(`{"total": 120}`), DataContentType: "application/json", SpecVersion: "1.0"}
	for _, c := range change {
		c(&e)
	}
	return e
}

func (w *world) append(es ...flow.Event) []flow.Event {
	w.Helper()
	out, err := w.Append(w.Context(), es, noon)
	w.must(err)
	var stored []flow.Event
	for _, a := range out {
		stored = append(stored, a.Event)
	}
	return stored
}

// jobs are those of an event, by subscription.
func (w *world) jobs(e flow.ID) []flow.Job {
	w.Helper()
	page, err := w.ListJobs(w.Context(), store.Everything, store.JobQuery{EventID: e, Limit: 1000})
	w.must(err)
	var jobs []flow.Job
	for _, v := range page.Jobs {
		jobs = append(jobs, v.Job)
	}
	slices.SortFunc(jobs, func(a, b flow.Job) int { return slices.Compare([]byte(a.SubscriptionID), []byte(b.SubscriptionID)) })
	return jobs
}

func (w *world) matched(e flow.ID) []string {
	w.Helper()
	subs := []string{}
	for _, j := range w.jobs(e) {
		subs = append(subs, j.SubscriptionID)
	}
	return subs
}

func (w *world) backlog() int64 {
	w.Helper()
	s, err := w.Stats(w.Context())
	w.must(err)
	return s.Backlog
}

// until waits for a fact of the store.
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

func (w *world) drained() {
	w.Helper()
	w.until("all events are fanned out", func() bool { return w.backlog() == 0 })
}

func typeOf(n int) string { return fmt.Sprintf("orders:fulfillment:shipment:e%d", n) }
