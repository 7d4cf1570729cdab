package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	queuesqlite "github.com/flowcatalyst/fc/daemon/internal/queue/sqlite"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	storesqlite "github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
)

// embedded is a router between the real embedded store and queue.
type embedded struct {
	t     *testing.T
	store *storesqlite.Store
	queue *queuesqlite.Queue
	subs  []*resource.Subscription
	few   map[string]int // how many events a subscription gets, if not all
	clock func() time.Time
}

func openEmbedded(t *testing.T, subs ...*resource.Subscription) *embedded {
	t.Helper()
	dir := t.TempDir()
	st, err := storesqlite.Open(filepath.Join(dir, "store.db"), storesqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	q, err := queuesqlite.Open(filepath.Join(dir, "queue.db"), queuesqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	v, err := st.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	set := store.WriteSet{IfVersion: v}
	for _, s := range subs {
		s.Code = s.ID
		s.Defaults()
		d, err := catalog.Encode(s, plainSealer{})
		if err != nil {
			t.Fatal(err)
		}
		set.Put = append(set.Put, d)
	}
	if _, err := st.Write(t.Context(), set, time.Now()); err != nil {
		t.Fatal(err)
	}
	return &embedded{t: t, store: st, queue: q, subs: subs, clock: time.Now}
}

// run starts a router and what stands for a scheduler.
func (e *embedded) run() {
	r, err := New(Options{Store: e.store, Queue: e.queue, Catalog: catalog.New(e.store, plainSealer{}), Instance: "router-1", ShutdownTimeout: 5 * time.Second})
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			e.t.Errorf("run: %v", err)
		}
	})
	wg.Go(func() {
		if err := e.schedule(ctx); err != nil && ctx.Err() == nil {
			e.t.Errorf("schedule: %v", err)
		}
	})
	e.t.Cleanup(func() { stop(); wg.Wait() })
}

// schedule hands out what is due, woken by commits.
func (e *embedded) schedule(ctx context.Context) error {
	l := e.store.Wakes().Lanes.Listen()
	defer l.Close()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.C:
		case <-poll.C:
		}
		lanes, err := e.store.Lanes(ctx, "", 100)
		if err != nil {
			return err
		}
		for _, lane := range lanes {
			o, err := e.store.Offer(ctx, lane.Name, 256, e.clock())
			if err != nil {
				return err
			}
			var ms []queue.Message
			var ts []store.Ticket
			for _, j := range o.Jobs {
				n := j.Ticket + 1
				m := queue.Message{ID: queue.MessageID(j.ID.String(), n), JobID: j.ID.String(), Ticket: n, MediationType: queue.MediationHTTP}
				if n%2 == 0 { // with the hint and without it
					m.SubscriptionID = j.SubscriptionID
				}
				ms, ts = append(ms, m), append(ts, store.Ticket{Job: j.ID, Number: n})
			}
			if err := errors.Join(e.queue.Publish(ctx, ms), e.store.MarkQueued(ctx, ts, e.clock())); err != nil {
				return err
			}
		}
	}
}

// publish appends events and fans them out to every subscription.
func (e *embedded) publish(n int) {
	e.t.Helper()
	now := e.clock()
	var evs []flow.Event
	for i := range n {
		evs = append(evs, flow.Event{
			Type: "orders:fulfillment:shipment:shipped", Source: "/shop", Time: now, MessageGroup: "g" + strconv.Itoa(i%3), CorrelationID: strconv.Itoa(i),
			Data: json.RawMessage(`{"n":` + strconv.Itoa(i) + `}`), DataContentType: "application/json", SpecVersion: "1.0",
		})
	}
	if _, err := e.store.Append(e.t.Context(), evs, now); err != nil {
		e.t.Fatal(err)
	}
	for {
		b, err := e.store.Unfanned(e.t.Context(), 100)
		if err != nil {
			e.t.Fatal(err)
		}
		if len(b.Events) == 0 {
			return
		}
		var jobs []flow.Job
		for _, ev := range b.Events {
			for _, s := range e.subs {
				if few, ok := e.few[s.ID]; ok {
					if i, _ := strconv.Atoi(ev.CorrelationID); i >= few {
						continue
					}
				}
				mode, _ := flow.ParseMode(s.Mode)
				jobs = append(jobs, flow.Job{
					Position: ev.Position, EventID: ev.ID, SubscriptionID: s.ID, MessageGroup: ev.MessageGroup, Mode: mode,
					OrderKey: flow.NewOrderKey(mode, s.ID, "", ev.MessageGroup, 0), Lane: s.ID, Due: now, CreatedAt: now,
					Policy: flow.Policy{MaxRetries: s.MaxRetries, Strategy: flow.NoDelay, MaxAge: time.Hour, Timeout: time.Duration(s.TimeoutSeconds) * time.Second},
				})
			}
		}
		if err := e.store.FanOut(e.t.Context(), b, jobs, e.clock()); err != nil {
			e.t.Fatal(err)
		}
	}
}

// outcome counts the jobs of a subscription by state and reason.
func (e *embedded) outcome(id string) map[string]int {
	p, err := e.store.ListJobs(e.t.Context(), store.Everything, store.JobQuery{SubscriptionID: id, Limit: 1000})
	if err != nil {
		e.t.Fatal(err)
	}
	n := map[string]int{}
	for _, v := range p.Jobs {
		n[fmt.Sprint(v.Job.Status, " ", v.Job.Reason, " ", v.Job.Attempts)]++
	}
	return n
}

func TestEmbeddedEveryJobEndsWhateverTheReceiverDoes(t *testing.T) {
	t.Parallel()
	const events = 30
	var mu sync.Mutex
	tries, order := map[string]int{}, map[string][]int{}
	w := &world{t: t}
	w.store = newFakeStore(nil) // only for second, which makes receivers
	var subs []*resource.Subscription
	add := func(id string, h http.HandlerFunc, change func(*resource.Subscription)) {
		w.second(id, h, func(s *resource.Subscription) {
			s.ID, s.MaxRetries, s.TimeoutSeconds = id, 3, 1
			if change != nil {
				change(s)
			}
			subs = append(subs, s)
		})
	}
	add("sub_fine", func(http.ResponseWriter, *http.Request) {}, nil)
	add("sub_flaky", func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("X-Flowcatalyst-Dispatch-Job-Id")
		if tries[id]++; tries[id] < 3 {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	}, nil)
	add("sub_ordered", func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("X-Flowcatalyst-Dispatch-Job-Id")
		n, _ := strconv.Atoi(r.Header.Get("X-Flowcatalyst-Correlation-Id"))
		if tries[id]++; tries[id] < 2 && n%5 == 0 {
			rw.WriteHeader(http.StatusInternalServerError)
			return
		}
		key := strconv.Itoa(n % 3)
		order[key] = append(order[key], n)
	}, func(s *resource.Subscription) { s.Mode = resource.ModeBlockOnError })
	add("sub_busy", func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("X-Flowcatalyst-Dispatch-Job-Id")
		if tries[id]++; tries[id] < 2 {
			rw.Header().Set("Retry-After", "1")
			rw.WriteHeader(http.StatusTooManyRequests)
		}
	}, func(s *resource.Subscription) { s.MaxRetries = 1 })
	add("sub_dead", func(rw http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, nil)
	add("sub_hang", newGate().serve, func(s *resource.Subscription) { s.MaxRetries = 1 })
	add("sub_wrong", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusUnprocessableEntity) }, nil)
	e := openEmbedded(t, subs...)
	// Those that fail get fewer calls than a breaker needs to open.
	e.few = map[string]int{"sub_dead": 3, "sub_hang": 3, "sub_flaky": 3}
	e.run()
	e.publish(events)

	for id, want := range map[string]string{
		"sub_fine": "COMPLETED  1", "sub_flaky": "COMPLETED  3", "sub_dead": "FAILED RETRIES_EXHAUSTED 3",
		"sub_hang": "FAILED RETRIES_EXHAUSTED 1", "sub_wrong": "FAILED CONFIGURATION 1",
	} {
		eventually(t, fmt.Sprintf("%s to be %s", id, want), func() bool {
			n, few := e.few[id]
			if !few {
				n = events
			}
			return e.outcome(id)[want] == n
		})
	}
	eventually(t, "the ordered jobs", func() bool {
		n := e.outcome("sub_ordered")
		return n["COMPLETED  1"]+n["COMPLETED  2"] == events
	})
	// One that was started when the receiver asked for a rest was put off, some
	// of them more than once.
	eventually(t, "the busy one's", func() bool {
		done := 0
		for outcome, n := range e.outcome("sub_busy") {
			if strings.HasPrefix(outcome, "COMPLETED ") && outcome != "COMPLETED  1" {
				done += n
			}
		}
		return done == events
	})
	mu.Lock()
	defer mu.Unlock()
	for key, ns := range order {
		if !slices.IsSorted(ns) || len(ns) != events/3 {
			t.Errorf("group %s came as %v", key, ns)
		}
	}
	eventually(t, "an empty queue", func() bool {
		s, err := e.queue.Stats(t.Context())
		return err == nil && s.Pending+s.InFlight+s.DeadLetters == 0
	})
}
