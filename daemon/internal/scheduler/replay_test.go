package scheduler

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"pgregory.net/rapid"
)

// replayID is the replay of the tests.
const replayID flow.ID = 1 << 50

func (w *world) putReplay(change ...func(*flow.Replay)) {
	w.Helper()
	rp := flow.Replay{ID: replayID, Status: flow.WorkRunning, CreatedAt: noon}
	for _, c := range change {
		c(&rp)
	}
	body, err := json.Marshal(rp)
	w.must(err)
	w.write(func(set *store.WriteSet) {
		set.Put = []store.Document{{Kind: catalog.KindReplay, ID: rp.ID.String(), Body: body}}
	})
}

func status(s flow.WorkStatus) func(*flow.Replay) { return func(rp *flow.Replay) { rp.Status = s } }

func rate(r float64) func(*flow.Replay) { return func(rp *flow.Replay) { rp.Rate = r } }

// replay makes n jobs of the replay for a subscription and returns their lane.
func (w *world) replay(sub string, n int, change ...func(*flow.Job)) string {
	w.Helper()
	lane := flow.ReplayLane(replayID, sub)
	es := make([]flow.Event, n)
	for i := range es {
		es[i] = flow.Event{Type: "a:b:c:d", Source: "/shop", SpecVersion: "1.0", DataContentType: "application/json"}
	}
	added, err := w.Append(w.Context(), es, w.now())
	w.must(err)
	b, err := w.Unfanned(w.Context(), n)
	w.must(err)
	w.must(w.FanOut(w.Context(), b, nil, w.now()))
	jobs := make([]flow.Job, n)
	for i, a := range added {
		jobs[i] = flow.Job{
			Position: a.Event.Position, EventID: a.Event.ID, SubscriptionID: sub, Lane: lane, ReplayID: replayID,
			Policy: flow.Policy{MaxRetries: 3, Schedule: []time.Duration{time.Millisecond}, Timeout: 30 * time.Second},
		}
		for _, c := range change {
			c(&jobs[i])
		}
	}
	p, err := w.Progress(w.Context(), replayID)
	w.must(err)
	_, err = w.Advance(w.Context(), store.Advance{Work: replayID, From: p.Cursor, To: b.To, Examined: n, Jobs: jobs}, w.now())
	w.must(err)
	return lane
}

func TestAReplayGoesBeneathLiveJobs(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"), connection(""), pool(10, ""))
	w.putReplay()
	lane := w.replay("sub_A", 1000)
	w.step()
	if n := w.outOf(lane); n != replayWindow {
		t.Errorf("alone it has %d tickets out", n)
	}
	w.jobs("sub_B", 1000)
	w.step()
	if n := w.outOf("sub_B"); n != minWindow-replayWindow {
		t.Errorf("live jobs that come later have %d tickets out", n)
	}
	// Whatever ends, live jobs go, and of the replay no more than one.
	w.published()
	for range 400 {
		page, err := w.ListJobs(t.Context(), store.Everything, store.JobQuery{Status: []flow.Status{flow.Queued}, Limit: 1000})
		w.must(err)
		j := page.Jobs[len(page.Jobs)-1].Job
		w.end(flow.Delivered, j.ID)
		w.wake(j.Lane)
		if n := w.outOf(lane, "sub_B"); n > minWindow {
			t.Fatalf("%d tickets are out", n)
		}
	}
	if n := w.outOf(lane); n != 1 {
		t.Errorf("beneath a backlog of live jobs %d of its tickets are out", n)
	}
}

func TestLiveJobsOfARoundGoBeforeReplays(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"), connection(""), pool(10, ""))
	w.putReplay()
	lane := w.replay("sub_A", 10)
	w.jobs("sub_B", 10)
	w.wake(lane, "sub_B")
	for i, id := range w.published() {
		if j := w.job(id); (j.ReplayID == 0) != (i < 10) {
			t.Errorf("the job at place %d is of lane %s", i, j.Lane)
		}
	}
}

func TestAMessageOfAReplayNamesIt(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), connection(""), pool(10, ""))
	w.putReplay(func(rp *flow.Replay) { rp.Target = "https://elsewhere.example.com" })
	w.replay("", 1)
	w.replay("sub_A", 1)
	w.step()
	m := w.q.Published()
	if len(m) != 2 || m[0].ReplayID != replayID.String() || m[1].ReplayID != replayID.String() {
		t.Fatalf("messages %+v", m)
	}
	targets := []string{m[0].MediationTarget, m[1].MediationTarget}
	slices.Sort(targets)
	if !slices.Equal(targets, []string{"https://elsewhere.example.com", "https://hooks.example.com"}) {
		t.Errorf("they go to %v", targets)
	}
}

func TestAReplayKeepsToItsRate(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{0.5, 3, 40, 200} {
		w := setup(t, subscription("sub_A"), subscription("sub_B", func(s *resource.Subscription) { s.ConnectionID, s.Target = "", "https://b.example.com" }), subscription("sub_C"), connection(""), pool(10, ""))
		w.putReplay(rate(perSecond))
		n := int(perSecond*2) + 4
		w.wake(w.replay("sub_A", n), w.replay("sub_B", n), w.replay("sub_C", n))
		var went []time.Duration
		lanes := map[string]int{}
		for len(went) < n {
			for _, id := range w.published() {
				went = append(went, w.now().Sub(noon))
				w.end(flow.Delivered, id)
				lane := w.job(id).Lane
				lanes[lane]++
				w.wake(lane)
			}
			if w.s.hot() {
				w.wake()
				continue
			}
			d := w.s.wait(w.now())
			if d == 0 || d > 10*time.Second {
				t.Fatalf("at %v/s after %d tickets the scheduler sleeps for %s", perSecond, len(went), d)
			}
			w.later(d)
		}
		for _, sub := range []string{"sub_A", "sub_B", "sub_C"} {
			if got := lanes[flow.ReplayLane(replayID, sub)]; got < max(n/8, 1) {
				t.Errorf("at %v/s %s got %d tickets of %d", perSecond, sub, got, n)
			}
		}
		burst := int(max(perSecond/10, 1))
		for i := range went {
			if j := i + int(perSecond) + burst; j < len(went) && went[j]-went[i] < time.Second {
				t.Errorf("at %v/s %d tickets went out within %s", perSecond, j-i+1, went[j]-went[i])
			}
		}
		if took, most := went[n-1], time.Duration(float64(n)/perSecond*float64(time.Second)); took > most+100*time.Millisecond {
			t.Errorf("at %v/s %d tickets took %s", perSecond, n, took)
		}
	}
}

func TestABucketNeverGivesMoreThanItsRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.Float64Range(0.1, 5000).Draw(t, "rate")
		b := &bucket{rate: perSecond, at: noon}
		b.tokens = b.size()
		now, given := noon, 0.0
		for range rapid.IntRange(1, 200).Draw(t, "looks") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "after")))
			b.fill(perSecond, now)
			n := b.have()
			if n > int(b.size()) {
				t.Fatalf("%d at once", n)
			}
			if n == 0 {
				if at := b.next(); !at.After(now) || at.Sub(now).Seconds() > 1/perSecond+0.051 {
					t.Fatalf("the next is in %s", at.Sub(now))
				}
				continue
			}
			take := rapid.IntRange(0, n).Draw(t, "take")
			b.tokens -= float64(take)
			given += float64(take)
			if most := perSecond*now.Sub(noon).Seconds() + b.size() + 1e-6; given > most {
				t.Fatalf("%v after %s", given, now.Sub(noon))
			}
		}
	})
}

func TestATinyRateWaitsNoLongerThanAnHour(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{1e-300, 1e-12, 1.0 / 3600} {
		b := &bucket{rate: perSecond, at: noon}
		if d := b.next().Sub(noon); d < time.Hour-time.Second || d > time.Hour+time.Second {
			t.Errorf("at %v/s the next is in %s", perSecond, d)
		}
	}
}

func TestAPausedReplayWaitsAndGoesOn(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), connection(""), pool(10, ""))
	w.putReplay(status(flow.WorkPaused))
	w.replay("sub_A", 3)
	w.step()
	w.wantPublished("paused", 0)
	w.putReplay()
	w.step()
	w.wantPublished("resumed", 3)
}

func TestAReplayThatCanNotBeReadWaits(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), connection(""), pool(10, ""))
	w.write(func(set *store.WriteSet) {
		set.Put = []store.Document{{Kind: catalog.KindReplay, ID: replayID.String(), Body: []byte(`{"id": 7}`)}}
	})
	lane := w.replay("sub_A", 3)
	w.step()
	w.wantPublished("unreadable", 0)
	if l, err := w.Lanes(t.Context(), "", 10); err != nil || len(l) != 1 || l[0].Name != lane {
		t.Errorf("lanes %v, %v", l, err)
	}
	w.putReplay()
	w.step()
	w.wantPublished("when it can be read again", 3)
}

func TestJobsOfACancelledReplayAreCancelled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stop func(w *world)
		why  flow.Reason
	}{
		"cancelled": {func(w *world) { w.putReplay(status(flow.WorkCancelled)) }, flow.ReasonReplay},
		"forgotten": {func(w *world) {
			w.write(func(set *store.WriteSet) {
				set.Delete = []store.DocumentKey{{Kind: catalog.KindReplay, ID: replayID.String()}}
			})
		}, flow.ReasonReplay},
		"without its subscription": {func(w *world) { w.remove("sub_A") }, flow.ReasonSubscription},
	} {
		for _, fresh := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := setup(t, subscription("sub_A"), subscription("sub_B"), connection(""), pool(10, ""))
				w.putReplay()
				lane := w.replay("sub_A", 4, func(j *flow.Job) {
					j.Mode, j.MessageGroup = flow.BlockOnError, "g"
					j.OrderKey = flow.NewOrderKey(j.Mode, j.Lane, "", "g", replayID)
				})
				w.step()
				w.end(flow.Reject, w.published()...) // all that is open waits behind it
				w.replay("sub_A", 5)
				kept := w.jobs("sub_B", 2)
				c.stop(w)
				if fresh {
					w.restart()
				}
				for range 10 {
					w.step()
				}
				n := 0
				page, err := w.ListJobs(t.Context(), store.Everything, store.JobQuery{Limit: 100})
				w.must(err)
				for _, v := range page.Jobs {
					if j := v.Job; j.Lane == lane && j.Status == flow.Cancelled && j.Reason == c.why {
						n++
					}
				}
				if n != 8 {
					t.Errorf("%d jobs were cancelled, want 3 that wait and 5 that do not", n)
				}
				if j := w.job(kept[0]); j.Status != flow.Queued {
					t.Errorf("a live job is %s", j.Status)
				}
			})
		}
	}
}
