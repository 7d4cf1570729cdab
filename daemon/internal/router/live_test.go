package router

import (
	"net/http"
	"testing"
	"time"
)

func TestExchangesAreCountedForTheirPoolAndTheirEndpoint(t *testing.T) {
	t.Parallel()
	w := setup(t, func(w http.ResponseWriter, r *http.Request) {})
	for range 20 {
		w.final(w.publish())
	}
	now := time.Now()
	pool := w.router.meters.seen.pool("DEFAULT-POOL").Report(now)
	end := w.router.meters.seen.end(w.receiver.URL + "/hooks").Report(now)
	if pool.Last5Min.Success != 20 || end.Total.Success != 20 || end.Total.Latency.P99 <= 0 {
		t.Errorf("pool %+v\nendpoint %+v", pool.Last5Min, end.Total)
	}
}

func TestFiguresAreForgottenOnceTheyTellNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, func(w http.ResponseWriter, r *http.Request) {})
	w.final(w.publish())
	r := w.router
	kept := func() (pools, ends int) {
		r.meters.seen.mu.Lock()
		defer r.meters.seen.mu.Unlock()
		return len(r.meters.seen.pools), len(r.meters.seen.ends)
	}
	now := time.Now()
	r.forget(now.Add(time.Hour))
	if _, ends := kept(); ends != 1 {
		t.Errorf("%d endpoints are kept while the board has one", ends)
	}
	w.drained()
	r.board.tidy(now)
	r.board.tidy(now.Add(idleLine + time.Second))
	r.forget(now.Add(30 * time.Minute))
	if pools, ends := kept(); pools != 1 || ends != 1 {
		t.Errorf("%d pools and %d endpoints are kept for half an hour", pools, ends)
	}
	r.forget(now.Add(32 * time.Minute))
	if pools, ends := kept(); pools != 0 || ends != 0 {
		t.Errorf("%d pools and %d endpoints are kept for longer", pools, ends)
	}
}
