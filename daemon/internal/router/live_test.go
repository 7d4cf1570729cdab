package router

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
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

func TestTheSeriesOfAPoolGoWithIt(t *testing.T) {
	t.Parallel()
	w := setup(t, func(w http.ResponseWriter, r *http.Request) {})
	w.final(w.publish())
	w.drained()
	r := w.router
	gone := r.meters.pool("deleted")
	gone.count(flow.Delivered, time.Second)
	r.forget(time.Now())
	found, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{}
	for _, f := range found {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "pool" {
					kept[l.GetValue()] = true
				}
			}
		}
	}
	if len(kept) != 1 || !kept["DEFAULT-POOL"] {
		t.Errorf("series are kept of %v", kept)
	}
}

func TestTheStateShowsWhatIsInHandAndWhere(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 64), make(chan struct{})
	w := build(t, func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-leave })
	w.store.declare(&resource.DispatchPool{Meta: resource.Meta{ID: "dpl_1", Revision: 1}, Code: "narrow", Concurrency: 2},
		&resource.DispatchPool{Meta: resource.Meta{ID: "dpl_2", Revision: 1}, Code: "idle", Concurrency: 7, RateLimit: 600},
		&resource.Connection{Meta: resource.Meta{ID: "con_1", Revision: 1, ClientID: "clt_1"}, Code: "warehouse", URL: w.receiver.URL + "/w", MaxConcurrency: 5})
	w.subscribe(subID, "", func(s *resource.Subscription) { s.ConnectionID, s.DispatchPoolID = "con_1", "dpl_1" })
	w.run()
	ids := map[flow.ID]bool{}
	for range 6 {
		ids[w.publish(func(j *flow.Job, e *flow.Event) { j.ClientID = "clt_1" })] = true
	}
	<-entered
	<-entered
	ctx := context.Background()
	var s State
	eventually(t, "all six in hand", func() bool {
		s = w.router.State(ctx)
		return s.InHand == 6 && s.Waiting == 4
	})
	if len(s.Pools) != 2 || s.Running != 2 || s.Instance != "router-1" || s.Consumer.Asked.IsZero() || s.Consumer.Got.IsZero() {
		t.Errorf("state: %+v", s)
	}
	for _, p := range s.Pools {
		switch p.Code {
		case "narrow":
			if p.ID != "dpl_1" || p.Slots != 2 || p.Running != 2 || p.Waiting != 4 || p.Endpoints != 1 {
				t.Errorf("pool at work: %+v", p)
			}
		case "idle":
			if p.Slots != 7 || p.PerMinute != 600 || p.Running != 0 {
				t.Errorf("idle pool: %+v", p)
			}
		}
	}
	if len(s.Endpoints) != 1 || s.Endpoints[0].ConnectionCode != "warehouse" || s.Endpoints[0].ClientID != "clt_1" ||
		s.Endpoints[0].Waiting != 4 || s.Endpoints[0].Running != 2 || s.Endpoints[0].Limit != 5 {
		t.Errorf("endpoints: %+v", s.Endpoints)
	}

	everything := func(*Flight) bool { return true }
	fs, all := w.router.Flights(ctx, everything, 100)
	started := 0
	for _, f := range fs {
		if !ids[f.JobID] || f.TargetURL != w.receiver.URL+"/w" || f.ConnectionCode != "warehouse" || f.PoolCode != "narrow" || f.Received.IsZero() {
			t.Errorf("in flight: %+v", f)
		}
		if f.Place == FlightStarted {
			started++
			if f.Attempt != 1 || f.EventID == 0 || f.Started.IsZero() || f.ClientID != "clt_1" {
				t.Errorf("started: %+v", f)
			}
		}
	}
	if all != 6 || started != 2 {
		t.Errorf("%d in flight, %d started", all, started)
	}
	if fs, all := w.router.Flights(ctx, everything, 3); len(fs) != 3 || all != 6 {
		t.Errorf("a part: %d of %d", len(fs), all)
	}
	sees := func(string) bool { return true }
	asked := []string{fs[0].MessageID, fs[0].JobID.String(), "no-such"}
	if got := w.router.InHand(asked, sees); !got[asked[0]] || !got[asked[1]] || got[asked[2]] || len(got) != 3 {
		t.Errorf("in hand: %v", got)
	}
	if got := w.router.InHand(asked, func(string) bool { return false }); got[asked[0]] {
		t.Errorf("in hand for whom it is none of their business: %v", got)
	}
	close(leave)
	for id := range ids {
		w.final(id)
	}
	w.drained()
	eventually(t, "nothing in hand", func() bool { return w.router.State(ctx).InHand == 0 })
}

func TestTheConsumerSaysWhyNothingComes(t *testing.T) {
	t.Parallel()
	var c consumer
	at := time.Unix(1_800_000_000, 0)
	c.note(0, errors.New("the broker is away"), at)
	c.note(0, errors.New("the broker is still away"), at)
	if s := c.state(); s.Failures != 2 || s.Error != "the broker is still away" || !s.Asked.IsZero() {
		t.Errorf("%+v", s)
	}
	c.note(0, nil, at)
	if s := c.state(); s.Failures != 0 || s.Error != "" || !s.Asked.Equal(at) || !s.Got.IsZero() {
		t.Errorf("%+v", s)
	}
}

// gauges are the values of a metric by its only label.
func gauges(t *testing.T, reg *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				got[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	return got
}

func TestAnOpenBreakerIsShownCountedAndWarnedOf(t *testing.T) {
	t.Parallel()
	w := build(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	w.store.declare(&resource.Connection{Meta: resource.Meta{ID: "con_1", Revision: 1, ClientID: "clt_1"}, Code: "warehouse", URL: w.receiver.URL})
	w.subscribe(subID, "", func(s *resource.Subscription) { s.ConnectionID = "con_1" })
	w.run()
	for range 30 {
		w.publish()
	}
	var e EndpointState
	eventually(t, "an open breaker", func() bool {
		s := w.router.State(context.Background())
		if len(s.Endpoints) == 1 {
			e = s.Endpoints[0]
		}
		return e.Breaker.State == "OPEN"
	})
	if e.Endpoint != "con_1" || e.Breaker.Trips < 1 || e.Breaker.Detail == "" || e.Breaker.LastError == "" || !e.Breaker.Until.After(e.Breaker.Since) {
		t.Errorf("%+v", e.Breaker)
	}
	if got := gauges(t, w.registry, "fc_router_circuit_breaker_state"); got["OPEN"]+got["HALF_OPEN"] != 1 || got["CLOSED"] != 0 || len(got) != 4 {
		t.Errorf("%v", got)
	}
	eventually(t, "a warning", func() bool {
		for _, s := range w.warnings.all() {
			if s.Category == CategoryBreaker && s.Source == "connection warehouse" && s.ClientID == "clt_1" {
				return true
			}
		}
		return false
	})
}

func TestAnAdaptivePoolShowsWhatItGoesBy(t *testing.T) {
	t.Parallel()
	w := build(t, func(http.ResponseWriter, *http.Request) {})
	w.store.declare(&resource.DispatchPool{Meta: resource.Meta{ID: "dpl_1", Revision: 1}, Code: "elastic", Concurrency: 4,
		ConcurrencyMode: resource.ConcurrencyAdaptive, MinConcurrency: 3, MaxConcurrency: 40})
	w.subscribe(subID, w.receiver.URL, func(s *resource.Subscription) { s.DispatchPoolID = "dpl_1" })
	w.run()
	for range 300 {
		w.publish()
	}
	var p PoolState
	eventually(t, "decisions", func() bool {
		p = w.router.State(context.Background()).Pools[0]
		return p.Adaptive != nil && p.Adaptive.Steps > 0 && p.Last5Min.Success == 300
	})
	if a := p.Adaptive; a.Min != 3 || a.Max != 40 || a.Limit < 3 || a.Limit > 40 || a.Usual <= 0 || a.Took <= 0 || p.Slots < 3 || p.Slots > 40 {
		t.Errorf("%+v of %+v", *a, p)
	}
	for _, name := range []string{"fc_router_pool_slots", "fc_router_adaptive_gradient", "fc_router_adaptive_usual_seconds", "fc_router_adaptive_took_seconds"} {
		if got := gauges(t, w.registry, name); got["elastic"] <= 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}
