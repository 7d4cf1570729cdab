package router

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
)

// second declares another subscription with a receiver of its own.
func (w *world) second(id string, h http.HandlerFunc, change ...func(*resource.Subscription)) func(*flow.Job, *flow.Event) {
	w.t.Helper()
	srv := httptest.NewServer(h)
	w.t.Cleanup(srv.Close)
	w.subscribe(id, srv.URL, append(change, func(s *resource.Subscription) { s.Code = id })...)
	return func(j *flow.Job, _ *flow.Event) { j.SubscriptionID, j.Lane = id, id }
}

func TestPoolConcurrencyHoldsAndChangesLive(t *testing.T) {
	t.Parallel()
	g := newGate()
	w := build(t, g.serve)
	w.store.declare(priority(2))
	w.subscribe(subID, w.receiver.URL, inPool)
	w.run()
	for range 40 {
		w.publish()
	}
	for range 2 {
		<-g.in
	}
	eventually(t, "the rest to wait", func() bool { return w.metric("fc_router_pool_queue_depth") == 38 })
	if n := g.now(); n != 2 {
		t.Errorf("%d at once, want 2", n)
	}
	changed := time.Now()
	w.store.declare(priority(7))
	for range 5 {
		<-g.in
	}
	if took := time.Since(changed); took > time.Second {
		t.Errorf("the change took %s", took)
	}
	close(g.open)
	w.drained()
	if g.most != 7 {
		t.Errorf("%d at once at most, want 7", g.most)
	}
}

func TestMaxConcurrencyOfAConnectionHoldsAcrossPools(t *testing.T) {
	t.Parallel()
	g := newGate()
	w := build(t, g.serve)
	c := connection("con_1", w.receiver.URL, resource.Signing{})
	c.MaxConcurrency = 3
	w.store.declare(c, priority(10))
	byConnection := func(s *resource.Subscription) { s.ConnectionID = "con_1" }
	w.subscribe(subID, "", byConnection)
	w.subscribe("sub_2", "", byConnection, inPool)
	w.run()
	for range 10 {
		w.publish()
		w.publish(func(j *flow.Job, _ *flow.Event) { j.SubscriptionID = "sub_2" })
	}
	for range 3 {
		<-g.in
	}
	eventually(t, "the rest to wait", func() bool { return w.metric("fc_router_pool_queue_depth") == 17 })
	close(g.open)
	w.drained()
	if g.most != 3 {
		t.Errorf("%d at once at most, want 3", g.most)
	}
}

// A receiver that hangs has one pool's slots and far more tickets than fit in
// memory. Another pool's deliveries must not notice.
func TestAHangingEndpointDelaysNoOtherPool(t *testing.T) {
	t.Parallel()
	g := newGate()
	w := build(t, func(http.ResponseWriter, *http.Request) {}, func(o *Options) { o.MaxHeld = 64 })
	w.store.declare(priority(4))
	stuck := w.second("sub_stuck", g.serve, inPool)
	w.run()
	for range 400 {
		w.publish(stuck)
	}
	for range 4 {
		<-g.in
	}
	for range 20 {
		began := time.Now()
		w.final(w.publish())
		if took := time.Since(began); took > 3*time.Second {
			t.Fatalf("a delivery took %s", took)
		}
	}
	if held := w.metric("fc_router_in_flight_messages"); held > 4*24 {
		t.Errorf("%v messages in memory", held)
	}
	close(g.open)
}

func TestEndpointsOfAPoolTakeTurns(t *testing.T) {
	t.Parallel()
	var order []string
	g := newGate()
	note := func(name string) http.HandlerFunc {
		return func(_ http.ResponseWriter, r *http.Request) { order = append(order, name) }
	}
	w := build(t, g.serve)
	w.store.declare(priority(1)) // so that one writes order at a time
	w.subscribe(subID, w.receiver.URL, inPool)
	crowd := w.second("sub_crowd", note("crowd"), inPool)
	one := w.second("sub_one", note("one"), inPool)
	w.run()
	w.publish()
	<-g.in
	for range 50 {
		w.publish(crowd)
	}
	last := w.publish(one)
	eventually(t, "all to wait", func() bool { return w.metric("fc_router_pool_queue_depth") == 51 })
	close(g.open)
	w.final(last)
	w.drained()
	for i, name := range order {
		if name == "one" && i > 1 {
			t.Errorf("the endpoint with one message came after %d of the other's", i)
		}
	}
}

func TestARateLimitHoldsAndParksWhatWouldWaitLong(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	w := build(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	c := connection("con_1", w.receiver.URL, resource.Signing{})
	c.RateLimit = 10 * 60 // ten a second
	w.store.declare(c)
	w.subscribe(subID, "", func(s *resource.Subscription) { s.ConnectionID = "con_1" })
	w.run()
	began := time.Now()
	for range 60 {
		w.publish()
	}
	if err := w.store.wait("the parks", func(s *fakeStore) bool { return len(s.parks) >= 25 }); err != nil {
		t.Fatal(err)
	}
	w.drained()
	took := time.Since(began)
	if n := calls.Load(); float64(n) > 2+10*took.Seconds() || n < 5 {
		t.Errorf("%d calls in %s at 10/s", n, took)
	}
	if n := w.metric("fc_router_rate_limit_rejections_total"); n < 25 {
		t.Errorf("%v rejections counted", n)
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	var first, last time.Time
	for _, p := range w.store.parks {
		if first.IsZero() || p.Until.Before(first) {
			first = p.Until
		}
		if p.Until.After(last) {
			last = p.Until
		}
	}
	// They come again as the rate allows, not all at once.
	if spread := last.Sub(first); spread < 2*time.Second || spread > 8*time.Second {
		t.Errorf("parked over %s", spread)
	}
	for _, j := range w.store.jobs {
		if j.Status == flow.Pending && j.Attempts != 0 {
			t.Errorf("a parked job has %d attempts", j.Attempts)
		}
	}
}

func TestARateLimitedPoolTakesNoSlotOfOthers(t *testing.T) {
	t.Parallel()
	w := build(t, func(http.ResponseWriter, *http.Request) {})
	w.store.declare(priority(2, func(p *resource.DispatchPool) { p.RateLimit = 1 }))
	limited := w.second("sub_limited", func(http.ResponseWriter, *http.Request) {}, inPool)
	w.run()
	for range 100 {
		w.publish(limited)
	}
	began := time.Now()
	for range 100 {
		defer w.final(w.publish())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestLeasesOfWhatWaitsAreExtended(t *testing.T) {
	t.Parallel()
	const lease = 600 * time.Millisecond
	g := newGate()
	var calls atomic.Int32
	w := build(t, func(rw http.ResponseWriter, r *http.Request) { calls.Add(1); g.serve(rw, r) })
	w.queue = queuetest.NewFake(queuetest.FakeOptions{Visibility: lease})
	w.store.handOut, w.router.Queue = w.queue, w.queue
	w.store.declare(priority(1))
	w.subscribe(subID, w.receiver.URL, inPool)
	var ids []flow.ID
	for range 10 {
		ids = append(ids, w.publish())
	}
	began := time.Now()
	w.run()
	<-g.in
	eventually(t, "all leases to be extended again and again", func() bool {
		return w.router.board.extendedAll(began.Add(3 * lease))
	})
	close(g.open)
	for _, id := range ids {
		if j, as := w.final(id); len(as) != 1 || j.Ticket != 1 {
			t.Errorf("job %s: %d attempts, ticket %d", id, len(as), j.Ticket)
		}
	}
	w.drained()
	if n := calls.Load(); n != 10 {
		t.Errorf("%d calls for 10 jobs", n)
	}
}

// extendedAll says that ten deliveries are held, each extended since a time.
func (b *board) extendedAll(since time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.all {
		if d.extended.Before(since) {
			return false
		}
	}
	return len(b.all) == 10
}

// What runs in a pool ends there; what waits goes where its subscription says
// now, at once.
func TestWhatWaitsInAPoolThatIsLeftMovesOn(t *testing.T) {
	t.Parallel()
	g := newGate()
	w := build(t, g.serve)
	w.store.declare(priority(1))
	w.subscribe(subID, w.receiver.URL, inPool)
	w.run()
	for range 6 {
		w.publish()
	}
	<-g.in
	eventually(t, "the rest to wait", func() bool { return w.metric("fc_router_pool_queue_depth") == 5 })
	w.subscribe(subID, w.receiver.URL) // in the default pool now
	for range 5 {
		<-g.in
	}
	if n := g.now(); n != 6 {
		t.Errorf("%d at once, want 6", n)
	}
	close(g.open)
	w.drained()
}
