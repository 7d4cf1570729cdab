package router

import (
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

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
