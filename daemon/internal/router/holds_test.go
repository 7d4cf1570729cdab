package router

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
)

// awayHolds is where holds are kept, and may be away.
type awayHolds struct {
	store.Holds
	away atomic.Bool
}

func (a *awayHolds) Hold(ctx context.Context, h store.Hold) error {
	if a.away.Load() {
		return errors.New("the store is away")
	}
	return a.Holds.Hold(ctx, h)
}

func openHolds(t *testing.T) (*sqlite.Store, func(*Options)) {
	t.Helper()
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st, func(o *Options) { o.Holds, o.Wakes = st, st.Wakes() }
}

func holdOf(t *testing.T, st store.Holds, endpoint, reason string) (store.Hold, bool) {
	t.Helper()
	hs, err := st.ListHolds(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hs {
		if h.Endpoint == endpoint && h.Reason == reason {
			return h, true
		}
	}
	return store.Hold{}, false
}

func TestABreakerIsHeldInTheStoreAndOutlivesItsRouter(t *testing.T) {
	t.Parallel()
	st, holds := openHolds(t)
	var calls atomic.Int32
	dead := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		rw.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(dead.Close)
	w := build(t, nil, holds)
	w.subscribe(subID, dead.URL)
	w.run()
	for range 40 {
		w.publish(func(j *flow.Job, _ *flow.Event) {
			j.Policy = flow.DefaultPolicy()
			j.Policy.MaxRetries = 1
		})
	}
	var h store.Hold
	eventually(t, "the hold", func() bool {
		var ok bool
		h, ok = holdOf(t, st, dead.URL, store.HoldBreaker)
		return ok
	})
	if left := time.Until(h.Until); h.Window != 1 || h.Trips != 1 || left > 5*time.Second+time.Millisecond || left < time.Second || h.Detail == "" || h.Since.IsZero() {
		t.Errorf("the hold is %+v", h)
	}
	w.drained()
	if n := calls.Load(); n > 20 {
		t.Errorf("%d calls before it opened", n)
	}
	if n := w.metric("fc_router_breakers_opened_total"); n != 1 {
		t.Errorf("%v openings are counted", n)
	}
	w.end()

	// The next router knows it before it takes the first message.
	before := calls.Load()
	next := build(t, nil, holds)
	next.subscribe(subID, dead.URL)
	id := next.publish()
	next.run()
	j, as := next.await(id, func(j *flow.Job) bool { return j.Status == flow.Pending })
	if len(as) != 0 || calls.Load() != before || j.Due.Before(h.Until) {
		t.Errorf("%d attempts, %d calls; due %s, held until %s", len(as), calls.Load()-before, j.Due, h.Until)
	}
	bs := next.router.board.breakers(time.Now())
	if len(bs) != 1 || bs[0].State != "OPEN" || bs[0].Detail != h.Detail {
		t.Errorf("breakers: %+v", bs)
	}

	// A person resets it: the hold is gone, and it is called again.
	ok, err := next.router.ResetBreaker(t.Context(), dead.URL)
	if err != nil || !ok {
		t.Fatalf("reset: %v, %v", ok, err)
	}
	if _, ok := holdOf(t, st, dead.URL, store.HoldBreaker); ok {
		t.Error("the hold stands after the reset")
	}
	next.publish()
	eventually(t, "a call", func() bool { return calls.Load() > before })
}

func TestARestIsHeldEvenIfTheStoreIsAwayAtFirst(t *testing.T) {
	t.Parallel()
	st, holds := openHolds(t)
	away := &awayHolds{Holds: st}
	away.away.Store(true)
	w := build(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Retry-After", "60")
		rw.WriteHeader(http.StatusTooManyRequests)
	}, holds, func(o *Options) { o.Holds = away })
	w.run()
	id := w.publish()
	w.await(id, func(j *flow.Job) bool { return j.Attempts == 1 && j.Status == flow.Pending })
	other := w.publish()
	if j, as := w.await(other, func(j *flow.Job) bool { return j.Status == flow.Pending }); len(as) != 0 || time.Until(j.Due) < 50*time.Second {
		t.Errorf("%d attempts, due %s", len(as), j.Due)
	}
	away.away.Store(false)
	eventually(t, "the hold", func() bool {
		h, ok := holdOf(t, st, w.receiver.URL+"/hooks", store.HoldRetryAfter)
		return ok && time.Until(h.Until) > 50*time.Second && h.Window == 0
	})
}

func TestTheHoldOfAnotherRouterIsHeededAtOnce(t *testing.T) {
	t.Parallel()
	st, holds := openHolds(t)
	g := newGate()
	w := build(t, g.serve, holds)
	w.store.declare(priority(1))
	w.subscribe(subID, w.receiver.URL, func(s *resource.Subscription) { inPool(s) })
	w.run()
	first := w.publish()
	<-g.in
	var ids []flow.ID
	for range 5 {
		ids = append(ids, w.publish())
	}
	eventually(t, "five to wait", func() bool { return w.metric("fc_router_pool_queue_depth") == 5 })
	until := time.Now().Add(time.Minute).Truncate(time.Millisecond)
	if err := st.Hold(t.Context(), store.Hold{Endpoint: w.receiver.URL, Reason: store.HoldBreaker, Until: until, Window: 1, Trips: 5, Since: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if j, as := w.await(id, func(j *flow.Job) bool { return j.Status == flow.Pending }); len(as) != 0 || !j.Due.Equal(until) {
			t.Errorf("%d attempts, due %s, held until %s", len(as), j.Due, until)
		}
	}
	close(g.open)
	w.final(first) // what was under way ends in peace
	if err := st.Release(t.Context(), w.receiver.URL, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the release", func() bool { return w.router.board.breakers(time.Now())[0].State == "CLOSED" })
	w.final(w.publish())
}
