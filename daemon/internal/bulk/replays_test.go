package bulk

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestAReplayGoesToTheSubscriptionsThatMatchNow(t *testing.T) {
	t.Parallel()
	w := setup(t,
		subscription("sub_A", ordered),
		subscription("sub_B", func(s *resource.Subscription) { s.EventTypes[0].Filter = "data.n >= 2.0"; s.MaxRetries = 7 }),
		subscription("sub_paused", func(s *resource.Subscription) { s.Status = resource.SubscriptionPaused }),
		subscription("sub_archived", func(s *resource.Subscription) { s.Status = resource.SubscriptionArchived }),
		subscription("sub_other", func(s *resource.Subscription) { s.EventTypes[0].EventTypeCode = "billing:*:*:*" }),
	)
	es := w.publish(many(4)...)
	r := w.declare()
	w.steps()
	got := map[string][]flow.ID{}
	for _, j := range w.made(r.ID) {
		got[j.SubscriptionID] = append(got[j.SubscriptionID], j.EventID)
		if j.Lane != flow.ReplayLane(r.ID, j.SubscriptionID) || j.ReplayID != r.ID {
			t.Errorf("job %s of %s is in lane %s", j.ID, j.SubscriptionID, j.Lane)
		}
		if want := j.SubscriptionID == "sub_A"; j.Ordered() != want || want && j.OrderKey == flow.NewOrderKey(j.Mode, "sub_A", "", j.MessageGroup, 0) {
			t.Errorf("job %s of %s has the order key %s", j.ID, j.SubscriptionID, j.OrderKey)
		}
		if j.SubscriptionID == "sub_B" && j.Policy.MaxRetries != 7 {
			t.Errorf("job %s has the policy %+v", j.ID, j.Policy)
		}
	}
	all := []flow.ID{es[0].ID, es[1].ID, es[2].ID, es[3].ID}
	for sub, want := range map[string][]flow.ID{"sub_A": all, "sub_B": all[2:], "sub_paused": all, "sub_archived": nil, "sub_other": nil} {
		if !slices.Equal(got[sub], want) {
			t.Errorf("%s got %v, want %v", sub, got[sub], want)
		}
	}
}

func TestASelectionTakesWhatFitsAndNothingElse(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*world, *flow.Replay)
		want   []int
	}{
		"by type":            {func(_ *world, r *flow.Replay) { r.Type = "billing:*:*:*" }, []int{3}},
		"by client":          {func(_ *world, r *flow.Replay) { r.EventsOf = "acme" }, []int{1, 2}},
		"of a bound caller":  {func(_ *world, r *flow.Replay) { r.ClientID = "acme" }, []int{1, 2}},
		"up to a position":   {func(_ *world, r *flow.Replay) { r.To-- }, []int{0, 1, 2, 3}},
		"to a subscription":  {func(_ *world, r *flow.Replay) { r.Subscriptions = []string{"sub_billing"} }, []int{3}},
		"to nobody there":    {func(_ *world, r *flow.Replay) { r.Subscriptions = []string{"sub_gone"} }, nil},
		"to its own target":  {func(_ *world, r *flow.Replay) { r.Target = "https://other.example.com" }, []int{0, 1, 2, 3, 4}},
		"of failed only":     {func(_ *world, r *flow.Replay) { r.FailedOnly = true }, []int{2}},
		"of another's fails": {func(_ *world, r *flow.Replay) { r.FailedOnly, r.Subscriptions = true, []string{"sub_billing"} }, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := ""
			if name == "of a bound caller" {
				client = "acme" // it may send to no subscription of anchor level
			}
			w := setup(t, subscription("sub_all", func(s *resource.Subscription) { s.ClientID = client }),
				subscription("sub_billing", func(s *resource.Subscription) { s.EventTypes[0].EventTypeCode = "billing:*:*:*" }))
			of := func(client, typ string) func(*flow.Event) {
				return func(e *flow.Event) { e.ClientID, e.Type = client, typ }
			}
			out, err := w.Append(t.Context(), []flow.Event{
				event(0), event(1, of("acme", shipped)), event(2, of("acme", shipped)), event(3, of("globex", "billing:a:b:c")), event(4),
			}, w.now())
			w.must(err)
			w.fanOut(func(e flow.Event) []flow.Job {
				if e.ID != out[2].Event.ID {
					return nil
				}
				return []flow.Job{{Position: e.Position, EventID: e.ID, SubscriptionID: "sub_all", ClientID: e.ClientID, Lane: "sub_all", Policy: flow.DefaultPolicy()}}
			})
			w.deliver("sub_all", 1, rejected)
			r := w.declare(func(r *flow.Replay) { c.change(w, r) })
			w.steps()
			var got []int
			for _, j := range w.made(r.ID) {
				n := slices.IndexFunc(out, func(a store.Appended) bool { return a.Event.ID == j.EventID })
				if !slices.Contains(got, n) {
					got = append(got, n)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("it sends %v, want %v", got, c.want)
			}
		})
	}
}

func TestEventsByIDAreSentInTheOrderOfTheList(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A", ordered))
	es := w.publish(many(300)...)
	r := w.declare(func(r *flow.Replay) {
		r.To = 0
		for i := 0; i < 300; i += 2 {
			r.EventIDs = append(r.EventIDs, es[i].ID)
		}
		r.EventIDs = append(r.EventIDs, 12345) // expunged meanwhile, with its row
	})
	w.steps()
	for i, j := range w.made(r.ID) {
		if j.EventID != r.EventIDs[i] {
			t.Fatalf("job %d is of event %s, want %s", i, j.EventID, r.EventIDs[i])
		}
	}
	if p := w.progress(r.ID); p.Created != 150 || p.Cursor != 151 {
		t.Errorf("progress: %+v", p)
	}
}

func TestAReplayElsewhereKeepsOrderIfAsked(t *testing.T) {
	t.Parallel()
	for _, ordered := range []bool{true, false} {
		t.Run(fmt.Sprint(ordered), func(t *testing.T) {
			t.Parallel()
			w := setup(t, subscription("sub_A"))
			w.publish(many(20)...)
			r := w.declare(func(r *flow.Replay) { r.Target, r.Ordered = "https://other.example.com/hooks", ordered })
			w.steps()
			jobs := w.made(r.ID)
			if len(jobs) != 20 {
				t.Fatalf("%d jobs", len(jobs))
			}
			waiting := 0
			for _, j := range jobs {
				if j.SubscriptionID != "" || j.Lane != flow.ReplayLane(r.ID, "") || j.Ordered() != ordered || j.Mode == flow.BlockOnError {
					t.Errorf("job: %+v", j)
				}
				if j.Waiting {
					waiting++
				}
			}
			if want := map[bool]int{true: 15, false: 0}[ordered]; waiting != want {
				t.Errorf("%d jobs wait, want %d", waiting, want)
			}
			w.deliver(flow.ReplayLane(r.ID, ""), 20, delivered)
			w.steps()
			if s := w.status(r.ID); s != flow.WorkCompleted {
				t.Errorf("it is %s", s)
			}
		})
	}
}

func TestOnlyAFewJobsAreOpenAtATime(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A", ordered))
	w.publish(many(600)...)
	r := w.declare(func(r *flow.Replay) { r.Rate = 10 })
	lane := flow.ReplayLane(r.ID, "sub_A")
	total := 0
	for w.status(r.ID) == flow.WorkRunning {
		w.steps()
		p := w.progress(r.ID)
		// 5 groups: beside the bound's jobs that could go there are others
		// that wait behind them.
		if p.Open() > maxOpen {
			t.Fatalf("%d jobs are open", p.Open())
		}
		n := len(w.deliver(lane, 150, delivered))
		if total += n; n == 0 && p.Cursor < r.To {
			t.Fatalf("it stands still after %d of 600: %+v", total, p)
		}
		w.sleep(300 * time.Millisecond)
	}
	for _, a := range w.advanced {
		if len(a.Jobs) > stepJobs {
			t.Fatalf("a commit made %d jobs", len(a.Jobs))
		}
	}
	if p := w.progress(r.ID); total != 600 || p.Completed != 600 || w.status(r.ID) != flow.WorkCompleted {
		t.Errorf("%d delivered, %+v", total, p)
	}
	if at := w.catalog().Replays[r.ID].EndedAt; !at.Equal(w.now().Add(-300 * time.Millisecond)) {
		t.Errorf("ended at %s", at)
	}
}

func TestTheBoundHoldsWhereNothingIsStuck(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.publish(many(2000)...)
	r := w.declare(func(r *flow.Replay) { r.Rate = 10 })
	for range 5 {
		w.steps()
		w.sleep(2 * recount)
	}
	if open := w.progress(r.ID).Open(); open != minOpen {
		t.Errorf("%d jobs are open, want %d", open, minOpen)
	}
	const half = stepJobs / 2
	w.deliver(flow.ReplayLane(r.ID, "sub_A"), half, delivered)
	w.steps()
	if open := w.progress(r.ID).Open(); open != minOpen-half {
		t.Errorf("%d jobs are open: it makes steps that are not full", open)
	}
	w.deliver(flow.ReplayLane(r.ID, "sub_A"), stepJobs-half, delivered)
	w.steps()
	if open := w.progress(r.ID).Open(); open != minOpen {
		t.Errorf("%d jobs are open, want %d", open, minOpen)
	}
}

func TestWhatCanNotGoDoesNotStopTheRest(t *testing.T) {
	t.Parallel()
	dead := func(s *resource.Subscription) { s.Target = "https://dead.example.com" }
	cases := map[string]struct {
		change func(*resource.Subscription)
		hinder func(w *world, r *flow.Replay)
	}{
		"a paused subscription": {func(s *resource.Subscription) { s.Status = resource.SubscriptionPaused }, nil},
		"a held endpoint": {dead, func(w *world, r *flow.Replay) {
			w.must(w.Hold(w.Context(), store.Hold{Endpoint: "https://dead.example.com", Reason: store.HoldBreaker, Until: w.now().Add(time.Hour)}))
		}},
		"retries": {dead, func(w *world, r *flow.Replay) { w.deliver(flow.ReplayLane(r.ID, "sub_dead"), 1000, again) }},
		"a blocked group": {func(s *resource.Subscription) { s.Mode = resource.ModeBlockOnError }, func(w *world, r *flow.Replay) {
			w.deliver(flow.ReplayLane(r.ID, "sub_dead"), 5, rejected)
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, subscription("sub_A"), subscription("sub_dead", c.change))
			w.publish(many(700)...)
			r := w.declare(func(r *flow.Replay) { r.Rate = 10 })
			total := 0
			for i := 0; i < 100 && total < 700; i++ {
				w.steps()
				if c.hinder != nil {
					c.hinder(w, r)
				}
				total += len(w.deliver(flow.ReplayLane(r.ID, "sub_A"), 100, delivered))
				w.sleep(2 * recount)
			}
			if total != 700 {
				t.Errorf("the others got %d of 700: %+v", total, w.progress(r.ID))
			}
			if w.status(r.ID) != flow.WorkRunning {
				t.Error("it is over although jobs are open")
			}
		})
	}
}

func TestPausedAndCancelledReplaysMakeNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []flow.WorkStatus{flow.WorkPaused, flow.WorkCancelled} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			w := setup(t, subscription("sub_A"))
			w.publish(many(1000)...)
			r := w.declare(func(r *flow.Replay) { r.Rate = 10 })
			w.steps()
			before := w.progress(r.ID)
			r.Status = status
			w.save(r)
			w.deliver(flow.ReplayLane(r.ID, "sub_A"), 200, delivered)
			w.steps()
			if p := w.progress(r.ID); p.Created != before.Created || w.status(r.ID) != status {
				t.Errorf("it went on: %+v", p)
			}
			r.Status = flow.WorkRunning
			w.save(r)
			w.steps()
			if p := w.progress(r.ID); p.Created <= before.Created {
				t.Errorf("it does not resume: %+v", p)
			}
		})
	}
}

// A crash is a step of which nobody learns whether it happened, and a service
// that knows nothing.
func TestACrashAnywhereLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before the commit", "after the commit"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			w := setup(t, subscription("sub_A", ordered), subscription("sub_B"))
			w.publish(many(500)...)
			r := w.declare(func(r *flow.Replay) { r.Rate = 10_000 })
			crash, crashes := errors.New("crash"), 0
			w.lose = func(store.Advance) (before, after error) {
				if len(w.advanced)%2 == 1 {
					return nil, nil
				}
				crashes++
				if when == "before the commit" {
					return crash, nil
				}
				return nil, crash
			}
			for i := 0; i < 100 && w.status(r.ID) == flow.WorkRunning; i++ {
				if _, err := w.s.Step(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.restart(Options{})
				for _, sub := range []string{"sub_A", "sub_B"} {
					w.deliver(flow.ReplayLane(r.ID, sub), 1000, delivered)
				}
			}
			if crashes < 3 {
				t.Fatalf("%d crashes: this test proves nothing", crashes)
			}
			p := w.progress(r.ID)
			if p.Created != 1000 || p.Completed != 1000 || w.status(r.ID) != flow.WorkCompleted {
				t.Errorf("%s, %+v", w.status(r.ID), p)
			}
			if n := len(w.made(r.ID)); n != 1000 {
				t.Errorf("%d jobs", n)
			}
		})
	}
}

func TestAnEventForVeryManySubscriptionsIsMadeInSeveralCommits(t *testing.T) {
	t.Parallel()
	var rs []resource.Resource
	for i := range 250 {
		rs = append(rs, subscription(fmt.Sprintf("sub_%03d", i)))
	}
	w := setup(t, rs...)
	w.publish(many(3)...)
	r := w.declare()
	w.steps()
	if p := w.progress(r.ID); p.Created != 750 || p.Cursor != r.To {
		t.Errorf("progress: %+v", p)
	}
	for _, a := range w.advanced {
		if len(a.Jobs) > stepJobs {
			t.Errorf("a commit made %d jobs", len(a.Jobs))
		}
	}
}

func TestAnEventWithoutItsDataIsPassedOver(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	es := w.publish(many(3)...)
	w.expunged = map[flow.ID]bool{es[1].ID: true}
	r := w.declare()
	w.steps()
	if jobs := w.made(r.ID); len(jobs) != 2 || jobs[0].EventID != es[0].ID || jobs[1].EventID != es[2].ID {
		t.Errorf("jobs: %v", jobs)
	}
}
