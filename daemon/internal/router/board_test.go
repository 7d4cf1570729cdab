package router

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// table is a board with a clock of its own, and everything that a router does
// around it, by hand.
type table struct {
	b     *board
	now   time.Time
	ids   flow.IDs
	pool  *resource.DispatchPool
	run   []*delivery // in their exchange
	begun int
	parks []parked
	off   []*delivery
	holds []holdChange
}

func newTable(concurrency int) *table {
	t := &table{b: newBoard(256, newMeters()), now: noon}
	t.pool = &resource.DispatchPool{Meta: resource.Meta{ID: "pol_1"}, Code: "priority", Concurrency: concurrency}
	t.b.notable = true
	return t
}

// route is that of a connection in the pool, or beneath it for a replay.
func (t *table) route(endpoint string, replay ...flow.ID) *catalog.Route {
	rt := &catalog.Route{Endpoint: endpoint, Pool: t.pool, Connection: &resource.Connection{Meta: resource.Meta{ID: endpoint}}}
	if len(replay) > 0 {
		rt.Replay = &flow.Replay{ID: replay[0]}
	}
	return rt
}

func (t *table) arrive(rt *catalog.Route, n int) {
	for range n {
		d := &delivery{id: t.ids.New(t.now), arrived: t.now, extended: t.now}
		t.b.hold(d)
		if !t.b.enqueue(d, rt, t.now) {
			t.b.drop(d)
		}
	}
}

// start picks and begins what may go, and says how many began.
func (t *table) start() int {
	before := t.begun
	got, _, _ := t.b.pick(nil, startBatch, t.now)
	for _, d := range got {
		d.job = flow.Job{ID: d.id, Attempts: 1, LastAttemptAt: t.now}
		if t.b.begin(d, t.now) {
			t.began(d)
		}
	}
	for d, _ := t.b.unstage(t.now); d != nil; d, _ = t.b.unstage(t.now) {
		t.began(d)
	}
	t.chores()
	return t.begun - before
}

func (t *table) began(d *delivery) {
	t.run = append(t.run, d)
	t.begun++
}

// end ends the i-th exchange, and begins what takes its slot.
func (t *table) end(i int, a flow.Attempt) {
	d := t.run[i]
	t.run = slices.Delete(t.run, i, i+1)
	d.attempt = a
	if d.attempt.Duration == 0 {
		d.attempt.Duration = t.now.Sub(d.began)
	}
	if next := t.b.finish(d, t.now); next != nil {
		t.began(next)
	}
	t.b.drop(d)
	t.chores()
}

func (t *table) chores() {
	c := t.b.takeChores()
	for _, p := range c.parks {
		t.b.drop(p.d)
	}
	for _, d := range c.putOff {
		t.b.drop(d)
	}
	t.parks, t.off, t.holds = append(t.parks, c.parks...), append(t.off, c.putOff...), append(t.holds, c.holds...)
	t.b.kept(c.holds)
}

// at counts the exchanges of an endpoint that are under way.
func (t *table) at(endpoint string) (n int) {
	for _, d := range t.run {
		if d.line.end.key == endpoint {
			n++
		}
	}
	return n
}

var (
	fine    = flow.Attempt{Verdict: flow.Delivered, Status: 200}
	broken  = flow.Attempt{Verdict: flow.Retry, Status: 503, ErrorType: flow.ErrorServer, Error: "503"}
	expired = flow.Attempt{Verdict: flow.Retry, ErrorType: flow.ErrorTimeout, Error: "timeout"}
)

// check compares the board's counts with what they count.
func (t *table) check() error {
	b := t.b
	b.mu.Lock()
	defer b.mu.Unlock()
	phases := map[phase]int{}
	for _, d := range b.all {
		phases[d.phase]++
	}
	total := 0
	for _, p := range b.turn {
		var wait, active, running, paced, beneath, suspect, asking int
		for _, l := range p.lines {
			wait += l.fifo.len()
			active, running, paced = active+l.active, running+l.running, paced+l.paced
			if l.key.replay != 0 {
				beneath += l.active
			}
			if l.suspect {
				suspect += l.active
			}
			if l.active > 0 || l.fifo.len() > 0 {
				asking++
			}
			if l.fifo.len() > 0 && !l.queued {
				return fmt.Errorf("a line with work has no turn")
			}
		}
		if got, want := [...]int{p.wait, p.active, p.running, p.paced, p.beneath, p.suspect, p.asking}, [...]int{wait, active, running, paced, beneath, suspect, asking}; got != want {
			return fmt.Errorf("the pool counts %v, its lines %v (wait, active, running, paced, beneath, suspect, asking)", got, want)
		}
		total += wait
	}
	if total != b.waiting || phases[waiting] != total || phases[running] != len(t.run) {
		return fmt.Errorf("%d wait, %d are counted; %v, %d run", total, b.waiting, phases, len(t.run))
	}
	for _, e := range b.ends {
		var active, running, paced, beneath int
		for _, l := range e.lines {
			active, running, paced = active+l.active, running+l.running, paced+l.paced
			if l.key.replay != 0 {
				beneath += l.active
			}
		}
		if got, want := [...]int{e.active, e.running, e.paced, e.beneath}, [...]int{active, running, paced, beneath}; got != want {
			return fmt.Errorf("endpoint %s counts %v, its lines %v", e.key, got, want)
		}
		if _, ok := b.troubled[e]; !ok && e.breaker.State() != pace.Closed {
			return fmt.Errorf("endpoint %s is %s and nobody knows", e.key, e.breaker.State())
		}
	}
	return nil
}

// Whatever comes, no limit is passed, every delivery that was held is picked,
// parked, put off or returned, and nothing is left behind.
func TestABoardLosesNothingAndKeepsItsLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newTable(rapid.IntRange(1, 20).Draw(t, "slots"))
		endpoints := []string{"a", "b", "c", "d"}
		caps := map[string]int{}
		arrived, ended := 0, 0
		route := func(t *rapid.T) *catalog.Route {
			e := rapid.SampledFrom(endpoints).Draw(t, "endpoint")
			rt := w.route(e)
			if rapid.IntRange(0, 3).Draw(t, "replay") == 0 {
				rt = w.route(e, 7)
			}
			rt.Connection.MaxConcurrency = caps[e]
			if e == "d" {
				rt.Connection.RateLimit = 600
			}
			return rt
		}
		accounted := func() int { return len(w.parks) + len(w.off) + ended + len(w.b.all) }
		t.Repeat(map[string]func(*rapid.T){
			"arrive": func(t *rapid.T) {
				n := rapid.IntRange(1, 12).Draw(t, "n")
				w.arrive(route(t), n)
				w.chores()
				arrived += n
			},
			"start": func(*rapid.T) { w.start() },
			"end": func(t *rapid.T) {
				if len(w.run) == 0 {
					t.Skip("nothing runs")
				}
				a := rapid.SampledFrom([]flow.Attempt{fine, fine, broken, expired, {Verdict: flow.Throttled, Status: 429, Delay: 2 * time.Second}, {Verdict: flow.Lost}}).Draw(t, "how")
				w.end(rapid.IntRange(0, len(w.run)-1).Draw(t, "which"), a)
				ended++
			},
			"time": func(t *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 6000).Draw(t, "ms")) * time.Millisecond)
				w.b.advance(w.now)
				w.b.sweep(w.now)
				w.b.tidy(w.now)
				w.chores()
			},
			"change": func(t *rapid.T) {
				w.pool.Concurrency = rapid.IntRange(1, 20).Draw(t, "slots")
				caps["b"] = rapid.IntRange(0, 3).Draw(t, "cap")
			},
			"holds": func(t *rapid.T) {
				var hs []store.Hold
				if rapid.Bool().Draw(t, "held") {
					hs = []store.Hold{{Endpoint: "a", Reason: store.HoldBreaker, Until: w.now.Add(3 * time.Second), Window: 1, Trips: 1}}
				}
				w.b.adopt(hs, w.b.since(), w.now)
				w.chores()
			},
			"": func(t *rapid.T) {
				if err := w.check(); err != nil {
					t.Fatal(err)
				}
				if accounted() != arrived {
					t.Fatalf("%d arrived; %d parked, %d put off, %d ended, %d held", arrived, len(w.parks), len(w.off), ended, len(w.b.all))
				}
			},
		})
		before := len(w.run)
		began := w.start()
		if p := w.b.pools["pol_1"]; p != nil && began > 0 && before+began > p.slots() {
			t.Fatalf("%d began beside %d, in %d slots", began, before, p.slots())
		}
		// Everything goes in the end.
		for i := 0; len(w.b.all) > 0; i++ {
			if i > 5000 {
				t.Fatalf("%d deliveries are left: %s", len(w.b.all), w.left())
			}
			for len(w.run) > 0 {
				w.end(0, fine)
				ended++
			}
			w.now = w.now.Add(200 * time.Millisecond)
			w.b.advance(w.now)
			w.b.sweep(w.now)
			w.start()
		}
		if err := w.check(); err != nil || accounted() != arrived {
			t.Fatalf("%v; %d of %d", err, accounted(), arrived)
		}
		// And is forgotten.
		for range 40 {
			w.now = w.now.Add(idleLine/4 + time.Second)
			w.b.advance(w.now)
			w.b.tidy(w.now)
			w.chores()
		}
		if b := w.b; len(b.pools)+len(b.ends)+len(b.turn)+len(b.troubled) > 0 {
			t.Fatalf("kept: %d pools, %d endpoints, %d troubled", len(b.pools), len(b.ends), len(b.troubled))
		}
	})
}

// left says where deliveries are.
func (t *table) left() string {
	n := map[string]int{}
	for _, d := range t.b.all {
		at := "nowhere"
		if d.line != nil {
			at = fmt.Sprintf("%s replay %d (%s)", d.line.end.key, d.line.key.replay, d.line.end.breaker.State())
		}
		n[fmt.Sprintf("phase %d at %s", d.phase, at)]++
	}
	return fmt.Sprint(n)
}

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
