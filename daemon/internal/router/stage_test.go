package router

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

func TestWorkingAheadKeepsTheConcurrency(t *testing.T) {
	t.Parallel()
	var within, most atomic.Int32
	w := build(t, func(http.ResponseWriter, *http.Request) {
		n := within.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		runtime.Gosched()
		within.Add(-1)
	})
	w.store.impatient = true // a slow machine may make it look crowded
	w.store.declare(priority(3))
	w.subscribe(subID, w.receiver.URL, inPool)
	w.run()
	var ids []flow.ID
	for range 600 {
		ids = append(ids, w.publish())
	}
	for _, id := range ids {
		if j, as := w.final(id); j.Status != flow.Completed || len(as) != 1 {
			t.Fatalf("job %s, %+v", j.Status, as)
		}
	}
	if n := most.Load(); n > 3 {
		t.Errorf("%d exchanges at once, want 3", n)
	}
}

// When a quick receiver begins to hang, no more than one set of deliveries is
// started for nothing, and a higher limit lets them go at once.
func TestAHangStopsTheWorkAhead(t *testing.T) {
	t.Parallel()
	g := newGate()
	var hang atomic.Bool
	w := build(t, func(rw http.ResponseWriter, r *http.Request) {
		if hang.Load() {
			g.serve(rw, r)
		}
	})
	w.store.declare(priority(2))
	w.subscribe(subID, w.receiver.URL, inPool)
	w.run()
	for range 50 {
		w.final(w.publish())
	}
	hang.Store(true)
	for range 20 {
		w.publish()
	}
	for range 2 {
		<-g.in
	}
	processing := func() (n int) {
		w.store.mu.Lock()
		defer w.store.mu.Unlock()
		for _, j := range w.store.jobs {
			if j.Status == flow.Processing {
				n++
			}
		}
		return n
	}
	eventually(t, "the work ahead", func() bool { return processing() == 4 && w.metric("fc_router_pool_active_workers") == 2 })
	w.store.declare(priority(4))
	for range 2 {
		<-g.in
	}
	if n := g.now(); n != 4 {
		t.Errorf("%d at once, want 4", n)
	}
	close(g.open)
	w.drained()
}

func TestWhatWaitedTooLongForItsSlotIsNotSent(t *testing.T) {
	t.Parallel()
	for waited, sent := range map[time.Duration]bool{0: true, 11 * time.Second: true, 12*time.Second + time.Millisecond: false, time.Hour: false} {
		o, c := oneOrder("https://hooks.example.com", resource.Signing{})
		c.carrier = instant{}
		o.started = time.Now().Add(-waited)
		var w desk
		a := c.exchange(context.Background(), o, &w)
		if (a.Verdict == flow.Delivered) != sent || !sent && (a.Verdict != flow.Lost || a.Status != 0) {
			t.Errorf("after %s: %s %s", waited, a.Verdict, a.Error)
		}
	}
	for timeout, want := range map[time.Duration]time.Duration{0: 12 * time.Second, time.Second: time.Second, 15 * time.Minute: 15 * time.Minute} {
		if got, ok := deadline(&flow.Job{Policy: flow.Policy{Timeout: timeout}}, 0); got != want || !ok {
			t.Errorf("timeout %s: deadline %s, %v", timeout, got, ok)
		}
	}
}
