package router

import (
	"fmt"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Five endpoints of a hundred never answer. They hold no more than a few of
// the pool's fifty slots, and the others do not notice.
func TestTheDeadHoldFewSlots(t *testing.T) {
	t.Parallel()
	w := newTable(50)
	name := func(i int) string { return fmt.Sprintf("con_%02d", i) }
	dead := func() (n int) {
		for i := range 5 {
			n += w.at(name(i))
		}
		return n
	}
	most, slow := 0, 0
	for tick := range 25_000 { // ms; the timeout would come later
		w.now = w.now.Add(time.Millisecond)
		w.arrive(w.route(name(tick%100)), 1)
		w.start()
		for i := len(w.run) - 1; i >= 0; i-- {
			if d := w.run[i]; d.line.end.key >= name(5) && w.now.Sub(d.began) >= 10*time.Millisecond {
				if d.began.Sub(d.arrived) > 2*time.Millisecond {
					slow++
				}
				w.end(i, fine)
			}
		}
		if tick%100 == 0 {
			w.b.sweep(w.now)
		}
		most = max(most, dead())
	}
	if most > 8 {
		t.Errorf("the dead hold %d slots", most)
	}
	if slow > 25 {
		t.Errorf("%d deliveries of healthy endpoints waited for their slot", slow)
	}
}

// An endpoint is down for ten minutes with 10,000 jobs waiting.
func TestADownEndpointIsCalledSeldom(t *testing.T) {
	t.Parallel()
	w := newTable(50)
	rt := w.route("con_1")
	jobs := 10_000 // as the scheduler sees them
	var calls []time.Time
	window := func() int {
		if e := w.b.ends["con_1"]; e != nil && e.breaker.Window() > 0 {
			return e.breaker.Window()
		}
		return 256
	}
	until := w.now
	step := func(answer flow.Attempt) {
		w.now = w.now.Add(10 * time.Millisecond)
		w.b.advance(w.now)
		if n := min(window()-len(w.b.all), jobs); n > 0 && !w.now.Before(until) {
			w.arrive(rt, n)
			jobs -= n
		}
		w.start()
		for len(w.run) > 0 {
			calls = append(calls, w.run[0].began)
			if answer.Status != 200 {
				jobs++
			}
			w.end(0, answer)
		}
		for _, p := range w.parks {
			until = p.until // the scheduler heeds the hold
		}
		jobs += len(w.parks) + len(w.off)
		w.parks, w.off = nil, nil
	}
	for down := w.now.Add(10 * time.Minute); w.now.Before(down); {
		step(broken)
	}
	from := 0
	for i, at := range calls {
		for at.Sub(calls[from]) >= time.Minute {
			from++
		}
		if n := i - from + 1; n > 20 {
			t.Fatalf("%d calls in a minute", n)
		}
	}
	back, closed, first := w.now, time.Time{}, 0
	calls = nil
	for jobs > 0 && w.now.Sub(back) < 5*time.Minute {
		step(fine)
		if e := w.b.ends["con_1"]; closed.IsZero() && e.breaker.State() == pace.Closing {
			closed, first = w.now, len(calls)
		}
		if !closed.IsZero() && w.now.Sub(closed) < time.Second && len(calls)-first > 5 {
			t.Fatalf("%d calls in the first second after it closed", len(calls)-first)
		}
	}
	if took := w.now.Sub(back); took > 2*time.Minute || closed.IsZero() {
		t.Errorf("delivered %s after it came back", took)
	}
}

func TestARateLimitIsKeptWhereExchangesBegin(t *testing.T) {
	t.Parallel()
	w := newTable(50)
	rt := w.route("con_1")
	rt.Connection.RateLimit = 6000 // 100/s
	var began []time.Time
	seconds := make([]int, 60)
	for ms := range 60_000 {
		w.now = noon.Add(time.Duration(ms) * time.Millisecond)
		if len(w.b.all) < 150 {
			w.arrive(rt, 50)
		}
		// Now and then a commit takes long, and everything with it.
		if ms%700 < 40 && ms > 1000 {
			continue
		}
		w.start()
		for len(w.run) > 0 {
			began = append(began, w.now)
			seconds[ms/1000]++
			w.end(0, fine)
		}
	}
	from := 0
	for i, at := range began {
		for at.Sub(began[from]) > time.Second {
			from++
		}
		if n := i - from + 1; n > 101 {
			t.Fatalf("%d in a second", n)
		}
	}
	short := 0
	for _, n := range seconds {
		if n < 93 { // 40 ms of 700 are lost to commits
			short++
		}
	}
	if short > 3 {
		t.Errorf("too few: %v", seconds)
	}
}

func TestReplaysGoBeneathLiveWork(t *testing.T) {
	t.Parallel()
	w := newTable(16)
	for range 50 { // so that both endpoints are known and sound
		for _, e := range []string{"con_live", "con_replay"} {
			w.arrive(w.route(e), 1)
			w.start()
			w.now = w.now.Add(300 * time.Millisecond)
			for len(w.run) > 0 {
				w.end(0, fine)
			}
		}
	}
	w.arrive(w.route("con_replay", 7), 100)
	w.arrive(w.route("con_live"), 40)
	w.start()
	if live, replay := w.at("con_live"), w.at("con_replay"); replay > 4 || live < 10 {
		t.Errorf("%d live, %d of the replay", live, replay)
	}
	for w.at("con_live") > 0 {
		for i := len(w.run) - 1; i >= 0; i-- {
			w.end(i, fine)
		}
		w.start()
		if n := w.at("con_replay"); n > 4 && w.at("con_live") > 0 {
			t.Fatalf("the replay has %d of 16 slots beside live work", n)
		}
	}
	w.now = w.now.Add(2 * time.Second)
	for len(w.run) > 0 { // or it would pass for an endpoint that hangs
		w.end(0, fine)
	}
	w.start()
	if n := w.at("con_replay"); n < 12 {
		t.Errorf("the replay has only %d of 16 idle slots", n)
	}
}

// What begins shows nothing: only an answer does. An endpoint that hangs and
// gets one more every now and then must not take slot after slot.
func TestAnEndpointThatOnlyBeginsIsStuck(t *testing.T) {
	t.Parallel()
	w := newTable(16)
	for range 50 { // so that both endpoints are known and sound
		for _, e := range []string{"con_quick", "con_dead"} {
			w.arrive(w.route(e), 1)
			w.start()
			w.now = w.now.Add(10 * time.Millisecond)
			for len(w.run) > 0 {
				w.end(0, fine)
			}
		}
	}
	for range 100 {
		w.arrive(w.route("con_dead"), 1)
		w.start()
		w.now = w.now.Add(200 * time.Millisecond)
	}
	if n := w.at("con_dead"); n > 8 {
		t.Errorf("an endpoint that has not answered for 20 s has %d of 16 slots", n)
	}
}

func TestA429WithRetryAfterHoldsTheEndpoint(t *testing.T) {
	t.Parallel()
	w := newTable(4)
	w.arrive(w.route("con_1"), 20)
	w.arrive(w.route("con_2"), 1)
	w.start()
	for i, d := range w.run {
		if d.line.end.key == "con_1" {
			w.end(i, flow.Attempt{Verdict: flow.Throttled, Status: 429, Delay: 30 * time.Second, Error: "429"})
			break
		}
	}
	if len(w.holds) != 1 || w.holds[0].hold.Reason != store.HoldRetryAfter || !w.holds[0].hold.Until.Equal(w.now.Add(30*time.Second)) || w.holds[0].hold.Window != 0 {
		t.Errorf("holds: %+v", w.holds)
	}
	if len(w.parks) < 15 || !w.parks[0].until.Equal(w.now.Add(30*time.Second)) {
		t.Errorf("%d parks", len(w.parks))
	}
	before := len(w.parks)
	if w.arrive(w.route("con_1"), 1); w.start() != 0 || len(w.parks) != before+1 {
		t.Error("what arrives meanwhile is not parked at once")
	}
	w.now = w.now.Add(30 * time.Second)
	if w.arrive(w.route("con_1"), 1); w.start() != 1 {
		t.Error("after the rest nothing goes")
	}
}

func TestABreakerThatOpensEmptiesTheBoardAndSaysSo(t *testing.T) {
	t.Parallel()
	w := newTable(4)
	w.arrive(w.route("con_1"), 100)
	for range 10 {
		w.start()
		w.now = w.now.Add(time.Millisecond)
		w.end(0, broken)
	}
	for len(w.run) > 0 {
		w.end(0, broken)
	}
	last := w.holds[len(w.holds)-1]
	if h := last.hold; last.release || h.Reason != store.HoldBreaker || h.Window != 1 || h.Trips != 1 || h.Until.Sub(w.now).Round(time.Second) != 5*time.Second || h.Detail == "" {
		t.Errorf("the hold is %+v", last)
	}
	if n := len(w.b.all); n != 0 {
		t.Errorf("%d deliveries are left: %s", n, w.left())
	}
	if b := w.b.breakers(w.now); len(b) != 1 || b[0].State != "OPEN" || b[0].Trips != 1 || b[0].LastError != "503" {
		t.Errorf("breakers: %+v", b)
	}
	if !w.b.reset("con_1", w.now) || w.b.reset("con_1", w.now) {
		t.Error("a reset does not close it once")
	}
	w.chores()
	if last = w.holds[len(w.holds)-1]; !last.release {
		t.Errorf("after the reset the hold is %+v", last)
	}
	if w.arrive(w.route("con_1"), 3); w.start() == 0 {
		t.Error("after the reset nothing goes")
	}
}

func TestRoutersAgreeThroughTheStore(t *testing.T) {
	t.Parallel()
	w := newTable(4)
	hold := store.Hold{Endpoint: "con_1", Reason: store.HoldBreaker, Until: w.now.Add(20 * time.Second), Window: 1, Trips: 3, Detail: "elsewhere"}
	w.b.adopt([]store.Hold{hold}, w.b.since(), w.now)
	if w.arrive(w.route("con_1"), 5); w.start() != 0 {
		t.Fatal("an endpoint is called that another router found dead")
	}
	w.chores()
	if len(w.parks) != 5 || !w.parks[0].until.Equal(hold.Until) || len(w.holds) != 0 {
		t.Fatalf("%d parks, holds %+v", len(w.parks), w.holds)
	}
	// A list that was read before our own hold was written says nothing.
	w.now = hold.Until
	w.arrive(w.route("con_1"), 5)
	if w.start() != 1 {
		t.Fatal("not one probe goes")
	}
	epoch := w.b.since()
	w.end(0, broken)
	if last := w.holds[len(w.holds)-1].hold; last.Trips != 4 || last.Until.Sub(w.now) != 40*time.Second {
		t.Fatalf("the back-off does not go on: %+v", last)
	}
	w.b.adopt(nil, epoch, w.now)
	if s := w.b.ends["con_1"].breaker.State(); s != pace.Open {
		t.Fatalf("an old list made it %s", s)
	}
	// One that was read after it does.
	w.b.adopt(nil, w.b.since(), w.now)
	if s := w.b.ends["con_1"].breaker.State(); s != pace.Closed {
		t.Errorf("after the release it is %s", s)
	}
}

func TestTheHoldsOfAnEndpointThatNobodyProbesEnd(t *testing.T) {
	t.Parallel()
	w := newTable(4)
	w.b.adopt([]store.Hold{{Endpoint: "con_1", Reason: store.HoldBreaker, Until: w.now, Window: 1, Trips: 3}}, w.b.since(), w.now)
	w.now = w.now.Add(2*idleLine + time.Second)
	w.b.tidy(w.now)
	w.chores()
	if len(w.holds) != 1 || !w.holds[0].release || len(w.b.holds) != 0 {
		t.Errorf("holds: %+v", w.holds)
	}
}

// three is a controller that has made up its mind.
type three struct{ seen []int }

func (c *three) Limit() int { return 3 }
func (c *three) Observe(_ *pace.Norm, _ time.Duration, o pace.Outcome, running int, _ time.Time) {
	c.seen = append(c.seen, running)
}

func TestAPoolHasAsManySlotsAsItsControllerSays(t *testing.T) {
	t.Parallel()
	w := newTable(10)
	w.arrive(w.route("con_1"), 20)
	c := &three{}
	w.b.pools["pol_1"].adapt = c
	if n := w.start(); n != 3 {
		t.Fatalf("%d begin, want 3", n)
	}
	w.now = w.now.Add(time.Second)
	w.end(0, fine)
	if len(c.seen) != 1 || c.seen[0] != 3 {
		t.Errorf("it was told of exchanges among %v", c.seen)
	}
	w.pool.ConcurrencyMode, w.pool.MinConcurrency, w.pool.MaxConcurrency = resource.ConcurrencyAdaptive, 2, 5
	w.arrive(w.route("con_1"), 1)
	if n := w.b.pools["pol_1"].slots(); n < 2 || n > 5 {
		t.Errorf("an adaptive pool has %d slots", n)
	}
	w.pool.ConcurrencyMode = resource.ConcurrencyFixed
	if w.arrive(w.route("con_1"), 1); w.b.pools["pol_1"].slots() != 10 {
		t.Error("a fixed pool is not fixed again")
	}
}

func TestADeliveryAllocatesNothingOnTheBoard(t *testing.T) {
	w := newTable(4)
	rt := w.route("con_1")
	var d delivery
	var got []*delivery
	n := testing.AllocsPerRun(500, func() {
		w.now = w.now.Add(time.Millisecond)
		d = delivery{arrived: w.now, attempt: fine}
		w.b.hold(&d)
		w.b.enqueue(&d, rt, w.now)
		got, _, _ = w.b.pick(got[:0], startBatch, w.now)
		if len(got) != 1 || !w.b.begin(&d, w.now) {
			t.Fatal("it does not begin")
		}
		w.b.finish(&d, w.now)
		w.b.drop(&d)
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}
