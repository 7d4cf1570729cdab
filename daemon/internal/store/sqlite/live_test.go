package sqlite

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func (l *live) len() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.jobs)
}

// A backlog far beyond the bound goes out whole, in order, and each job once,
// while memory holds a part of it.
func TestABacklogBeyondMemoryGoesOutWholeAndInOrder(t *testing.T) {
	t.Parallel()
	const total, window = 15_000, 512
	dir := t.TempDir()
	opts := Options{Now: noon, HotJobs: 1024}
	st := open(t, dir, opts)
	var last int64
	for n := range total / 5000 {
		appendAll(t, st, events(fmt.Sprint(n), "", 5000, 10))
		fanOut(t, st, "sub_A", flow.Immediate)
	}
	if n := st.live.len(); n > st.live.limit {
		t.Errorf("%d jobs in memory, the bound is %d", n, st.live.limit)
	}
	seen, crashed := 0, false
	for seen < total {
		o, err := st.Offer(t.Context(), "sub_A", window, noon)
		must(t, err)
		if len(o.Jobs) == 0 || len(o.Jobs)+o.Out > window {
			t.Fatalf("after %d jobs %d are offered and %d are out", seen, len(o.Jobs), o.Out)
		}
		var tickets []store.Ticket
		var starts []store.Start
		for _, j := range o.Jobs {
			if j.Position <= last {
				t.Fatalf("position %d goes after %d", j.Position, last)
			}
			last = j.Position
			tickets = append(tickets, store.Ticket{Job: j.ID, Number: 1})
			starts = append(starts, store.Start{Job: j.ID, Ticket: 1, Owner: "r1", Slack: time.Minute})
		}
		must(t, st.MarkQueued(t.Context(), tickets, noon))
		if n := st.live.len(); n > st.live.limit+window+2*refillBatch {
			t.Errorf("%d jobs in memory", n)
		}
		if seen >= total/3 && !crashed { // what is out is lost; the rest must not be
			crashed = true
			shut(t, st)
			st = open(t, dir, opts)
			last = o.Jobs[0].Position - 1
			continue
		}
		started, err := st.Start(t.Context(), starts, noon)
		must(t, err)
		outs := make([]store.Outcome, len(started))
		for i, s := range started {
			if s.Result != store.StartOK {
				t.Fatalf("start of job %d: result %d", seen+i, s.Result)
			}
			outs[i] = outcome(s.Job, flow.Delivered)
		}
		_, err = st.Record(t.Context(), outs, noon)
		must(t, err)
		seen += len(o.Jobs)
	}
	if n := st.live.len(); n != 0 {
		t.Errorf("%d jobs are left in memory", n)
	}
	shut(t, st)
}

// Jobs that only the disk knows answer every verb as all others do.
func TestAJobThatMemoryForgotIsTheSameJob(t *testing.T) {
	t.Parallel()
	st := open(t, t.TempDir(), Options{Now: noon, HotJobs: 8})
	defer shut(t, st)
	js := line(t, st, "sub_A", flow.Immediate, 40)
	forgotten := func(i int) flow.Job {
		t.Helper()
		if st.live.get(js[i].ID) != nil {
			t.Fatalf("job %d is in memory: this test proves nothing", i)
		}
		return js[i]
	}
	started := start(t, st, forgotten(39).ID, 1)
	record(t, st, started, flow.Delivered)
	must(t, markQueued(st, forgotten(38).ID))
	if j := job(t, st, js[38].ID); j.Status != flow.Queued || j.Ticket != 1 {
		t.Errorf("marked: %s with ticket %d", j.Status, j.Ticket)
	}
	must(t, markQueued(st, js[39].ID)) // late: it is COMPLETED
	must(t, st.Park(t.Context(), []store.Park{{Job: forgotten(37).ID, Ticket: 1, Until: noon.Add(time.Hour)}}, noon))
	if j, err := st.Cancel(t.Context(), store.Everything, forgotten(36).ID, flow.ReasonCancelled, noon); err != nil || j.Status != flow.Cancelled {
		t.Errorf("cancelled: %s, %v", j.Status, err)
	}
	record(t, st, start(t, st, forgotten(35).ID, 1), flow.Retry) // due in a minute
	wantConsistent(t, st)

	// All that is left is offered, once, and in order.
	o, err := st.Offer(t.Context(), "sub_A", 100, noon)
	must(t, err)
	if len(o.Jobs) != 35 || o.Out != 1 || !o.Next.Equal(noon.Add(time.Minute)) {
		t.Errorf("%d jobs on offer, %d out, the next at %s; want 35, 1 and a minute later", len(o.Jobs), o.Out, o.Next)
	}
	for i, j := range o.Jobs {
		if j.ID != js[i].ID {
			t.Errorf("at place %d stands %s, want %s", i, j.ID, js[i].ID)
		}
	}
	o, err = st.Offer(t.Context(), "sub_A", 100, noon.Add(2*time.Hour))
	must(t, err)
	if len(o.Jobs) != 37 || o.Jobs[35].ID != js[35].ID || o.Jobs[36].ID != js[37].ID {
		t.Errorf("two hours later %d jobs are on offer", len(o.Jobs))
	}
}

// Replays of one event stand at the same place of one lane, more of them than
// are read at once.
func TestJobsAtOnePlaceAreAllOffered(t *testing.T) {
	t.Parallel()
	st := open(t, t.TempDir(), Options{Now: noon, HotJobs: 8})
	defer shut(t, st)
	appendAll(t, st, events("e", "", 2, 10))
	b, err := st.Unfanned(t.Context(), 2)
	must(t, err)
	two, jobs := jobsFor(b, "sub_A", flow.Immediate), []flow.Job{}
	const replays = refillBatch + 500
	for i := range replays {
		j := two[0]
		j.ReplayID = flow.ID(i)
		jobs = append(jobs, j)
	}
	must(t, st.FanOut(t.Context(), b, append(jobs, two[1]), noon))
	o, err := st.Offer(t.Context(), "sub_A", 10_000, noon)
	must(t, err)
	ids := map[flow.ID]bool{}
	for _, j := range o.Jobs {
		ids[j.ID] = true
	}
	if len(o.Jobs) != replays+1 || len(ids) != replays+1 {
		t.Errorf("%d jobs are offered, %d different; want %d", len(o.Jobs), len(ids), replays+1)
	}
}

// A scheduler marks what it handed out while routers already end it: the mark
// comes before, between or after, and never brings a job back.
func TestALateMarkNeverBringsAJobBack(t *testing.T) {
	t.Parallel()
	for _, hot := range []int{8, 16_384} {
		t.Run(fmt.Sprint("with ", hot, " jobs in memory"), func(t *testing.T) {
			t.Parallel()
			st := open(t, t.TempDir(), Options{Now: noon, HotJobs: hot})
			defer shut(t, st)
			js := line(t, st, "sub_A", flow.Immediate, 300)
			var wg sync.WaitGroup
			for g := range 3 {
				wg.Go(func() {
					for i := g; i < len(js); i += 3 {
						if err := markQueued(st, js[i].ID, js[(i+7)%len(js)].ID); err != nil {
							t.Error(err)
						}
					}
				})
			}
			for g := range 2 {
				wg.Go(func() {
					for i := g; i < len(js); i += 2 {
						if i%5 == 0 {
							if _, err := st.Cancel(t.Context(), store.Everything, js[i].ID, flow.ReasonCancelled, noon); err != nil {
								t.Error(err)
							}
							continue
						}
						got, err := st.Start(t.Context(), []store.Start{{Job: js[i].ID, Ticket: 1, Owner: "r1", Slack: time.Minute}}, noon)
						if err != nil || got[0].Result != store.StartOK {
							t.Errorf("start: %+v, %v", got, err)
							continue
						}
						if _, err := st.Record(t.Context(), []store.Outcome{outcome(got[0].Job, flow.Delivered)}, noon); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			var all []flow.ID
			for _, j := range js {
				all = append(all, j.ID)
			}
			must(t, markQueued(st, all...))
			for i, j := range jobsOf(t, st, "sub_A") {
				if !j.Status.Final() {
					t.Errorf("job %d is %s", i, j.Status)
				}
			}
			if n := st.live.len(); n != 0 {
				t.Errorf("%d jobs are in memory", n)
			}
			lanes, err := st.Lanes(t.Context(), "", 10)
			must(t, err)
			if len(lanes) != 0 {
				t.Errorf("lanes %+v are left", lanes)
			}
		})
	}
}
