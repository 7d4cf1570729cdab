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
