package scheduler

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"pgregory.net/rapid"
)

// TestMain has rapid try few cases unless its flags say how many: each case of
// a play opens a store and commits many times.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", "20"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// play is a world that a rapid test drives: two endpoints, four subscriptions,
// tasks and a replay. Its scheduler hears of work by wakes alone.
type play struct {
	*world
	rt    *rapid.T
	lanes *store.Listener
	holds *store.Listener
}

var subscriptions = map[string]string{"sub_1": "con_A", "sub_2": "con_A", "sub_3": "con_A", "sub_4": "con_B"}

func newPlay(t *testing.T, rt *rapid.T) *play {
	p := &play{world: setup(t, pool(10, "")), rt: rt}
	p.lanes, p.holds = p.Wakes().Lanes.Listen(), p.Wakes().Holds.Listen()
	for id := range subscriptions {
		p.putSubscription(id, resource.SubscriptionActive)
	}
	p.putConnection("con_A", resource.ConnectionActive)
	p.putConnection("con_B", resource.ConnectionActive)
	p.putReplay()
	return p
}

func (p *play) putSubscription(id, status string) {
	p.put(subscription(id, func(s *resource.Subscription) { s.ConnectionID, s.Status = subscriptions[id], status }))
}

func (p *play) putConnection(id, status string) {
	c := connection(status)
	c.ID, c.Code = id, id
	p.put(c)
}

func (p *play) pick(what string, n int) int { return rapid.IntRange(0, n-1).Draw(p.rt, what) }

// act does something at random.
func (p *play) act() {
	sub := fmt.Sprint("sub_", 1+p.pick("subscription", 4))
	con := []string{"con_A", "con_B"}[p.pick("connection", 2)]
	switch p.pick("act", 11) {
	case 0, 1:
		due := p.now().Add(time.Duration(p.pick("due", 3)) * time.Second)
		many := []int{1, 10, 300}[p.pick("many", 3)]
		p.jobs(sub, many, func(i int, j *flow.Job) {
			j.Due = due
			if sub == "sub_2" {
				j.Mode, j.MessageGroup = flow.NextOnError, fmt.Sprint("g", i%40)
				j.OrderKey = flow.NewOrderKey(j.Mode, sub, "", j.MessageGroup, 0)
			}
		})
	case 2:
		p.tasks(con, 1+p.pick("tasks", 20), func(int) string { return "" })
	case 3:
		p.world.replay(sub, 1+p.pick("replays", 100))
	case 4:
		reason := []string{store.HoldBreaker, store.HoldRetryAfter}[p.pick("reason", 2)]
		p.must(p.Hold(p.Context(), store.Hold{Endpoint: con, Reason: reason, Window: p.pick("window", 7), Since: p.now(),
			Until: p.now().Add(time.Duration(p.pick("until", 4)) * time.Second)}))
	case 5:
		p.must(p.Release(p.Context(), con, ""))
	case 6:
		p.putSubscription(sub, []string{resource.SubscriptionActive, resource.SubscriptionPaused}[p.pick("status", 2)])
	case 7:
		p.putReplay(status([]flow.WorkStatus{flow.WorkRunning, flow.WorkPaused}[p.pick("replay", 2)]), rate([]float64{0, 20}[p.pick("rate", 2)]))
	case 8:
		p.putConnection(con, []string{resource.ConnectionActive, resource.ConnectionPaused}[p.pick("status", 2)])
	case 9:
		p.sleep(time.Duration(1+p.pick("sleep", 2000)) * time.Millisecond)
	case 10:
		p.finish(1 + p.pick("ends", 200))
	}
}

// finish ends up to n of the tickets that are out, or gives them back.
func (p *play) finish(n int) {
	page, err := p.ListJobs(p.Context(), store.Everything, store.JobQuery{Status: []flow.Status{flow.Queued}, Limit: n})
	p.must(err)
	verdicts := []flow.Verdict{flow.Delivered, flow.Delivered, flow.Retry, flow.Deferred, flow.Reject}
	var ends []store.JobView
	for _, v := range page.Jobs {
		if p.pick("parked", 10) == 0 {
			p.must(p.Park(p.Context(), []store.Park{{Job: v.Job.ID, Ticket: v.Job.Ticket, Until: p.now().Add(time.Second)}}, p.now()))
			continue
		}
		ends = append(ends, v)
	}
	p.endAll(ends, func() flow.Verdict { return verdicts[p.pick("verdict", len(verdicts))] })
}

// endAll delivers jobs that have a ticket out, in one go.
func (p *play) endAll(jobs []store.JobView, verdict func() flow.Verdict) {
	if len(jobs) == 0 {
		return
	}
	starts := make([]store.Start, len(jobs))
	for i, v := range jobs {
		starts[i] = store.Start{Job: v.Job.ID, Ticket: v.Job.Ticket, Owner: "r1", Slack: time.Minute}
	}
	got, err := p.Start(p.Context(), starts, p.now())
	p.must(err)
	outs := make([]store.Outcome, len(got))
	for i, s := range got {
		if s.Result != store.StartOK {
			p.rt.Fatalf("start of %s: result %d", s.Job.ID, s.Result)
		}
		a := flow.Attempt{JobID: s.Job.ID, Number: s.Job.Attempts, At: p.now(), Verdict: verdict(), Router: "r1"}
		outs[i] = store.Outcome{Job: s.Job.After(a, p.now(), 0), Attempt: a, Owner: "r1"}
	}
	rec, err := p.Record(p.Context(), outs, p.now())
	p.must(err)
	for _, r := range rec {
		p.must(r.Err)
	}
}

// settle runs rounds as Run does, without its poll, until there is nothing to
// do, and checks what went out in each.
func (p *play) settle() {
	for i := 0; ; i++ {
		if i > 100 {
			p.rt.Fatal("the scheduler does not come to rest")
		}
		keys, all := p.lanes.Take()
		held, any := p.holds.Take()
		p.must(p.s.Step(p.Context(), News{Lanes: keys, All: all, Holds: any || len(held) > 0}))
		p.checkRound()
		if !p.s.hot() && p.s.wait(p.now()) > 0 && len(p.lanes.C)+len(p.holds.C) == 0 {
			return
		}
		drain(p.lanes.C)
		drain(p.holds.C)
	}
}

func drain(c <-chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// allowed is how many tickets an endpoint may have, and whether any may go now.
func (p *play) allowed(con string) (window int, held bool) {
	holds, err := p.ListHolds(p.Context(), p.now())
	p.must(err)
	window = minWindow
	for _, h := range holds {
		if h.Endpoint != con {
			continue
		}
		held = held || h.Until.After(p.now())
		if h.Window > 0 {
			window = min(window, h.Window)
		}
	}
	return window, held
}

func lanesOf(con string) (live, replays []string) {
	live = append(live, "t:"+con)
	for id, c := range subscriptions {
		if c == con {
			live = append(live, id)
			replays = append(replays, flow.ReplayLane(replayID, id))
		}
	}
	return live, replays
}

// checkRound checks the tickets that went out since the last call.
func (p *play) checkRound() {
	cat, err := p.cat.Get(p.Context())
	p.must(err)
	went := map[string]int{}
	for _, id := range p.published() {
		j := p.job(id)
		r, _ := cat.Route(&j)
		went[r.Endpoint]++
		if r.Wait != "" {
			p.rt.Fatalf("a job went although %s", r.Wait)
		}
		if j.Due.After(p.now()) && j.Status == flow.Queued {
			p.rt.Fatalf("a job went %s too early", j.Due.Sub(p.now()))
		}
	}
	for con, n := range went {
		window, held := p.allowed(con)
		live, replays := lanesOf(con)
		out, low := p.outOf(live...), p.outOf(replays...)
		if held {
			p.rt.Fatalf("%d tickets went to %s, which is held", n, con)
		}
		if out+low > window {
			p.rt.Fatalf("%d tickets are out for %s, whose window is %d", out+low, con, window)
		}
		if e := p.s.ledger.ends[con]; e == nil || e.out != out+low || e.low != low {
			p.rt.Fatalf("%d tickets of %s are out, %d of replays; the ledger says %+v", out+low, con, low, e)
		}
	}
}

// checkRest checks that whatever may go has gone.
func (p *play) checkRest() {
	cat, err := p.cat.Get(p.Context())
	p.must(err)
	for _, con := range []string{"con_A", "con_B"} {
		window, held := p.allowed(con)
		live, replays := lanesOf(con)
		room := window - p.outOf(append(live, replays...)...)
		if held || room < max(window/4, 1)+1 {
			continue
		}
		for _, lane := range live {
			p.checkEmpty(cat, lane, room)
		}
		if p.outOf(replays...) > 0 {
			continue
		}
		for _, lane := range replays {
			if cat.Replays[replayID].Rate == 0 {
				p.checkEmpty(cat, lane, room)
			}
		}
	}
}

func (p *play) checkEmpty(cat *catalog.Catalog, lane string, room int) {
	if r, _ := routeOf(cat, lane); r.Wait != "" {
		return
	}
	o, err := p.spy.Store.Offer(p.Context(), lane, 1<<20, p.now())
	p.must(err)
	if len(o.Jobs) > 0 {
		p.rt.Fatalf("%d jobs of %s wait although there is room for %d", len(o.Jobs), lane, room)
	}
}

// finishAll lets everything go and end.
func (p *play) finishAll() {
	for id := range subscriptions {
		p.putSubscription(id, resource.SubscriptionActive)
	}
	for _, con := range []string{"con_A", "con_B"} {
		p.putConnection(con, resource.ConnectionActive)
		p.must(p.Release(p.Context(), con, ""))
	}
	p.putReplay()
	for range 200 {
		p.settle()
		p.checkRest()
		s, err := p.Stats(p.Context())
		p.must(err)
		if s.OpenJobs == 0 {
			return
		}
		page, err := p.ListJobs(p.Context(), store.Everything, store.JobQuery{Status: []flow.Status{flow.Queued}, Limit: 1000})
		p.must(err)
		p.endAll(page.Jobs, func() flow.Verdict { return flow.Delivered })
		if len(page.Jobs) == 0 {
			p.sleep(time.Second) // parked ones and retries
		}
	}
	p.rt.Fatal("not every job came to its end")
}

// Whatever happens in whatever order, no window is exceeded, nothing goes
// before its time or that of a hold, all that may go has gone when the
// scheduler rests, and in the end every job ends: without any poll.
func TestWindowsHoldsAndWakesAreKept(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := newPlay(t, rt)
		defer func() {
			p.lanes.Close()
			p.holds.Close()
			_ = p.spy.Close()
		}()
		for range rapid.IntRange(1, 25).Draw(rt, "acts") {
			p.act()
			p.settle()
			p.checkRest()
		}
		p.finishAll()
	})
}
