package router

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
)

// world is a router between a fake queue, a fake store and a real receiver.
type world struct {
	t        testing.TB
	store    *fakeStore
	queue    *queuetest.Fake
	receiver *httptest.Server
	registry *prometheus.Registry
	warnings *sink
	gone     chan string
	router   *Router
	stop     context.CancelFunc
	ended    chan error
	once     sync.Once
	later    atomic.Int64 // how far the queue's clock is ahead, in ns
}

type sink struct {
	mu   sync.Mutex
	seen []Warning
}

func (s *sink) Warn(w Warning) {
	s.mu.Lock()
	s.seen = append(s.seen, w)
	s.mu.Unlock()
}

func (s *sink) all() []Warning {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Warning(nil), s.seen...)
}

const subID = "sub_0HZXEQ5Y8JY52"

// setup starts a router that delivers to h by one subscription.
func setup(t *testing.T, h http.HandlerFunc, change ...func(*Options)) *world {
	t.Helper()
	w := build(t, h, change...)
	w.run()
	return w
}

func build(t testing.TB, h http.HandlerFunc, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, registry: prometheus.NewRegistry(), warnings: &sink{}, gone: make(chan string, 16), ended: make(chan error, 1)}
	w.queue = queuetest.NewFake(queuetest.FakeOptions{Now: func() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }})
	w.store = newFakeStore(w.queue)
	if h != nil {
		w.receiver = httptest.NewServer(h)
		t.Cleanup(w.receiver.Close)
		w.subscribe(subID, w.receiver.URL+"/hooks")
	}
	o := Options{
		Store: w.store, Queue: w.queue, Catalog: catalog.New(w.store, plainSealer{}),
		QueueName: "default", Instance: "router-1", Version: "1.2.3",
		Registerer: w.registry, Warnings: w.warnings, ShutdownTimeout: 5 * time.Second,
		OnGone: func(_ context.Context, id string) error { w.gone <- id; return nil },
	}
	for _, c := range change {
		c(&o)
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.router = r
	return w
}

func (w *world) run() {
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go func() { w.ended <- w.router.Run(ctx) }()
	w.t.Cleanup(w.end)
}

// end stops the router and fails if that was not clean.
func (w *world) end() {
	w.once.Do(func() {
		w.stop()
		select {
		case err := <-w.ended:
			if err != nil {
				w.t.Errorf("run: %v", err)
			}
		case <-time.After(30 * time.Second):
			w.t.Error("the router did not end")
		}
	})
}

func (w *world) subscribe(id, target string, change ...func(*resource.Subscription)) {
	s := &resource.Subscription{Meta: resource.Meta{ID: id, Revision: 1}, Code: "ship-notifications", Target: target}
	for _, c := range change {
		c(s)
	}
	w.store.declare(s)
}

// publish sends one event through the subscription.
func (w *world) publish(change ...func(*flow.Job, *flow.Event)) flow.ID {
	j := flow.Job{SubscriptionID: subID, Lane: subID}
	ev := flow.Event{Type: "orders:fulfillment:shipment:shipped", Source: "/shop", Data: json.RawMessage(`{"total":12.50}`), SpecVersion: "1.0"}
	for _, c := range change {
		c(&j, &ev)
	}
	return w.store.publish(j, &ev)
}

// await waits until a job is as wanted and returns it.
func (w *world) await(id flow.ID, want func(*flow.Job) bool) (flow.Job, []flow.Attempt) {
	w.t.Helper()
	if err := w.store.wait("a job", func(s *fakeStore) bool { return want(s.jobs[id]) }); err != nil {
		j, as := w.store.job(id)
		w.t.Fatalf("%v\njob: %+v\nattempts: %+v", err, j, as)
	}
	return w.store.job(id)
}

func (w *world) final(id flow.ID) (flow.Job, []flow.Attempt) {
	w.t.Helper()
	return w.await(id, func(j *flow.Job) bool { return j.Status.Final() })
}

// drained waits until the queue is empty.
func (w *world) drained() {
	w.t.Helper()
	eventually(w.t, "an empty queue", func() bool {
		s, err := w.queue.Stats(context.Background())
		return err == nil && s.Pending+s.InFlight == 0
	})
}

// settled waits until the queue is empty, while leases and delays that stand
// in the way end again and again.
func (w *world) settled() {
	w.t.Helper()
	jumped := time.Now()
	eventually(w.t, "an empty queue after some leases", func() bool {
		if time.Since(jumped) > 300*time.Millisecond {
			jumped = time.Now()
			w.later.Add(int64(time.Hour))
			w.queue.ExpireLeases()
		}
		s, err := w.queue.Stats(context.Background())
		return err == nil && s.Pending+s.InFlight == 0
	})
}

// eventually polls a fact that has no signal of its own.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(2 * time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited 2 min for %s", what)
		}
	}
}
