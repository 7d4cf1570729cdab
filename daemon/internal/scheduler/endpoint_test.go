package scheduler

import (
	"fmt"
	"slices"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"pgregory.net/rapid"
)

// wake is a round about lanes, and about nothing else.
func (w *world) wake(lanes ...string) {
	w.Helper()
	w.must(w.s.Step(w.Context(), News{Lanes: lanes}))
}

// outOf says how many tickets of lanes are out, together.
func (w *world) outOf(lanes ...string) int {
	w.Helper()
	out, err := w.Out(w.Context(), lanes...)
	w.must(err)
	n := 0
	for _, o := range out {
		n += o
	}
	return n
}

// byLane counts the tickets that went out since the last call, by lane.
func (w *world) byLane() map[string]int {
	w.Helper()
	n := map[string]int{}
	for _, id := range w.published() {
		n[w.job(id).Lane]++
	}
	return n
}

func TestLanesOfOneEndpointShareItsWindow(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"), subscription("sub_C"), connection(""), pool(10, ""))
	w.jobs("sub_A", 1000)
	w.jobs("sub_B", 1000)
	w.jobs("sub_C", 7)
	w.step()
	w.step()
	if got := w.byLane(); got["sub_C"] != 7 || got["sub_A"] < 124 || got["sub_B"] < 124 || w.outOf("sub_A", "sub_B", "sub_C") != minWindow {
		t.Errorf("of a window of %d the lanes got %v", minWindow, got)
	}
}

func TestALaneOfFewJobsGoesAsSoonAsATicketOfItsNeighbourEnds(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"), connection(""), pool(10, ""))
	w.jobs("sub_A", 1000)
	w.wake("sub_A")
	big := w.published()
	small := w.jobs("sub_B", 3)
	w.wake("sub_B")
	w.wantPublished("while the window is full", 0)
	for i, want := range small {
		w.end(flow.Delivered, big[i])
		w.wake("sub_A") // nobody says anything of the other lane
		if got := w.published(); !slices.Equal(got, []flow.ID{want}) {
			t.Fatalf("after one end went %v, want the small lane's %s", got, want)
		}
	}
	w.end(flow.Delivered, big[3])
	w.wake("sub_A")
	w.wantPublished("the large lane, before a quarter is free", 0)
}

func TestALaneThatComesLateGetsItsShare(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"), connection(""), pool(10, ""))
	w.jobs("sub_A", 2000)
	w.step()
	out := w.published()
	w.jobs("sub_B", 2000)
	w.wake("sub_B")
	for range minWindow / 2 {
		w.end(flow.Delivered, out[0])
		out = out[1:]
		w.wake("sub_A")
		out = append(out, w.published()...)
	}
	if a, b := w.outOf("sub_A"), w.outOf("sub_B"); b < minWindow/3 || a+b > minWindow {
		t.Errorf("after half a window ended, %d and %d tickets are out", a, b)
	}
}

func TestMoreLanesThanTheWindowTakeTurns(t *testing.T) {
	t.Parallel()
	const lanes, each = 600, 2
	rs := []resource.Resource{connection(""), pool(10, "")}
	for i := range lanes {
		rs = append(rs, subscription(fmt.Sprintf("sub_%03d", i)))
	}
	w := setup(t, rs...)
	for i := range lanes {
		w.jobs(fmt.Sprintf("sub_%03d", i), each)
	}
	w.step()
	turns := map[string]int{}
	for n := 0; n < lanes*each; {
		out := w.published()
		if len(out) == 0 || len(out) > minWindow {
			t.Fatalf("%d tickets went out after %d jobs had ended", len(out), n)
		}
		n += len(out)
		for _, id := range out {
			lane := w.job(id).Lane
			turns[lane]++
			if n <= lanes && turns[lane] > 1 {
				t.Fatalf("%s has its second turn before others had their first", lane)
			}
			w.end(flow.Delivered, id)
			w.wake(lane)
		}
		w.wake()
	}
}

func TestALaneTakesItsTicketsAlongToAnotherEndpoint(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"), connection(""), pool(10, ""))
	w.jobs("sub_A", minWindow) // and none that could go
	w.wake("sub_A")
	w.wantPublished("the lane's", minWindow)
	w.jobs("sub_B", 300)
	w.wake("sub_B")
	w.wantPublished("while the window is full", 0)
	w.put(subscription("sub_A", func(s *resource.Subscription) { s.ConnectionID, s.Target = "", "https://elsewhere.example.com" }))
	w.step()
	w.wantPublished("when the other lane goes elsewhere", minWindow)
	if e := w.s.ledger.ends["https://elsewhere.example.com"]; e == nil || e.out != minWindow {
		t.Errorf("at the other endpoint there is %+v", e)
	}
}

func TestTasksAndSubscriptionsOfAnEndpointShareItsWindow(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), connection(""), pool(10, ""))
	w.jobs("sub_A", 200)
	w.tasks("con_A", 200, func(int) string { return "" })
	w.step()
	if a, b := w.outOf("sub_A"), w.outOf("t:con_A"); a+b != minWindow || a < minWindow/2 || b < minWindow/4 {
		t.Errorf("%d and %d tickets are out", a, b)
	}
}

// tasks makes n tasks for a connection, each in the pool that is named for it.
func (w *world) tasks(connection string, n int, poolOf func(i int) string) []flow.ID {
	w.Helper()
	jobs := make([]flow.Job, n)
	for i := range jobs {
		task := &flow.Task{ConnectionID: connection, Payload: "{}", PoolID: poolOf(i)}
		jobs[i] = flow.Job{Lane: flow.TaskLane(connection, ""), Task: task, Policy: flow.DefaultPolicy()}
	}
	made, err := w.InsertTasks(w.Context(), jobs, w.now())
	w.must(err)
	ids := make([]flow.ID, n)
	for i := range made {
		ids[i] = made[i].Job.ID
	}
	return ids
}

func TestTasksOfASuspendedPoolDoNotHoldThoseBehindThem(t *testing.T) {
	t.Parallel()
	w := setup(t, connection(""), pool(10, resource.PoolSuspended))
	ids := w.tasks("con_A", 3*minWindow+5, func(i int) string {
		if i < 3*minWindow {
			return "pol_A"
		}
		return ""
	})
	w.step()
	if got := w.published(); !slices.Equal(got, ids[3*minWindow:]) {
		t.Errorf("%d tickets went out, want the five of the other pool", len(got))
	}
	w.put(pool(10, ""))
	w.step()
	w.wantPublished("when the pool goes on", minWindow-5)
}

func TestTheWindowIsAsLargeAsTheEndpointAsksFor(t *testing.T) {
	t.Parallel()
	con := func(change func(*resource.Connection)) catalog.Route {
		c := connection("")
		change(c)
		return catalog.Route{Connection: c, Pool: pool(500, "")}
	}
	for name, c := range map[string]struct {
		r    catalog.Route
		want int
	}{
		"nothing said":                         {catalog.Route{}, 256},
		"a small pool":                         {catalog.Route{Pool: pool(10, "")}, 256},
		"four times its pool":                  {catalog.Route{Pool: pool(100, "")}, 400},
		"four times what its pool may grow to": {catalog.Route{Pool: &resource.DispatchPool{Concurrency: 10, MaxConcurrency: 150}}, 600},
		"four times its own":                   {con(func(c *resource.Connection) { c.MaxConcurrency = 200 }), 800},
		"less than its pool's":                 {con(func(c *resource.Connection) { c.MaxConcurrency = 8 }), 256},
		"two seconds of its rate":              {con(func(c *resource.Connection) { c.MaxConcurrency, c.RateLimit = 8, 60*400 }), 800},
		"its pool's, without one":              {con(func(*resource.Connection) {}), 2000},
	} {
		if got := windowOf(c.r); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestNothingIsRememberedOfAnIdleEndpoint(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B", func(s *resource.Subscription) { s.Status = resource.SubscriptionPaused }), connection(""), pool(10, ""))
	w.jobs("sub_A", 300)
	w.jobs("sub_B", 3)
	w.step()
	for out := w.published(); len(out) > 0; out = w.published() {
		for _, id := range out {
			w.end(flow.Delivered, id)
			w.wake("sub_A")
		}
	}
	w.wake("sub_A")
	if n, m := len(w.s.ledger.lanes), len(w.s.ledger.ends); n+m > 0 {
		t.Errorf("%d lanes and %d endpoints are remembered", n, m)
	}
}

func TestALevelGivesToWhoHasLeast(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		outs := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 12).Draw(t, "out")
		room := rapid.IntRange(1, 200).Draw(t, "room")
		lanes := make([]*lane, len(outs))
		for i, n := range outs {
			lanes[i] = &lane{out: n}
		}
		top, extra := level(lanes, room)
		got := 0
		for i, l := range lanes {
			switch {
			case l.out > top:
			case extra > 0:
				l.out = top + 1
				extra--
			default:
				l.out = top
			}
			got += l.out - outs[i]
		}
		if got != room || extra > 0 {
			t.Fatalf("level %d gives %d of %d and leaves %d", top, got, room, extra)
		}
		for i, l := range lanes {
			if l.out > outs[i] && l.out > slices.Min(outsOf(lanes))+1 {
				t.Fatalf("of %v and %d it makes %v", outs, room, outsOf(lanes))
			}
		}
	})
}

func outsOf(lanes []*lane) []int {
	outs := make([]int, len(lanes))
	for i, l := range lanes {
		outs[i] = l.out
	}
	return outs
}
