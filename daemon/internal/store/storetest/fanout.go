package storetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

var fanOutCases = []testCase{
	{name: "goes in position order and at most to the limit", run: func(w *world) {
		all := w.append(w.newEvent(), w.newEvent(), w.newEvent(), w.newEvent(), w.newEvent())
		for from := 0; from < 5; from += 2 {
			b := w.unfanned(2)
			want(w, "the length of the batch", len(b.Events), min(2, 5-from))
			for i, e := range b.Events {
				want(w, "the event in its place", e.ID, all[from+i].ID)
				w.wantEvent(e, all[from+i])
			}
			w.must(w.s.FanOut(w.ctx, b, nil, w.now), "fan out")
		}
		want(w, "events left", len(w.unfanned(10).Events), 0)
		w.crash()
		want(w, "events left after a crash", len(w.unfanned(10).Events), 0)
	}},
	{name: "is an empty batch when there is nothing to do", run: func(w *world) {
		b := w.unfanned(10)
		want(w, "the length of the batch", len(b.Events), 0)
		w.insertTasks(w.newTask())
		want(w, "the length of the batch with a task alone", len(w.unfanned(10).Events), 0)
	}},
	{name: "repeats the same batch until it is fanned out", run: func(w *world) {
		e := w.append(w.newEvent())[0]
		for range 2 {
			b := w.unfanned(10)
			want(w, "the length of the batch", len(b.Events), 1)
			want(w, "the event", b.Events[0].ID, e.ID)
			w.crash()
		}
	}},
	{name: "has one winner per batch", run: func(w *world) {
		e := w.append(w.newEvent())[0]
		first, second := w.unfanned(10), w.unfanned(10)
		w.must(w.s.FanOut(w.ctx, first, []flow.Job{w.newJob(e, "sub_A", flow.Immediate)}, w.now), "fan out")
		err := w.s.FanOut(w.ctx, second, []flow.Job{w.newJob(e, "sub_A", flow.Immediate), w.newJob(e, "sub_B", flow.Immediate)}, w.now)
		w.wantErr("fan out again", err, store.ErrConflict)
		w.wantJobsOf(e, "sub_A")
	}},
	{name: "refuses a batch of which a part is done", run: func(w *world) {
		es := w.append(w.newEvent(), w.newEvent(), w.newEvent())
		part := w.unfanned(1)
		whole := w.unfanned(3)
		w.must(w.s.FanOut(w.ctx, part, nil, w.now), "fan out")
		var jobs []flow.Job
		for _, e := range whole.Events {
			jobs = append(jobs, w.newJob(e, "sub_A", flow.Immediate))
		}
		w.wantErr("fan out the whole", w.s.FanOut(w.ctx, whole, jobs, w.now), store.ErrConflict)
		w.wantJobsOf(es[1])
		want(w, "events left", len(w.unfanned(10).Events), 2)
	}},
	{name: "has one winner among many at once", run: func(w *world) {
		e := w.append(w.newEvent())[0]
		b := w.unfanned(10)
		var wg sync.WaitGroup
		results := make(chan error, 8)
		for i := range 8 {
			j := w.newJob(e, fmt.Sprintf("sub_%d", i), flow.Immediate)
			wg.Go(func() { results <- w.s.FanOut(w.ctx, b, []flow.Job{j}, epoch) })
		}
		wg.Wait()
		close(results)
		won := 0
		for err := range results {
			if err == nil {
				won++
			} else if !errors.Is(err, store.ErrConflict) {
				w.fail("fan out: %v", err)
			}
		}
		want(w, "winners", won, 1)
		page, err := w.s.ListJobs(w.ctx, store.Everything, store.JobQuery{EventID: e.ID})
		w.must(err, "list jobs")
		want(w, "jobs", len(page.Jobs), 1)
	}},
	{name: "makes a job once for event, subscription and replay", run: func(w *world) {
		e := w.append(w.newEvent())[0]
		replay := func(j *flow.Job) { j.ReplayID = 77 }
		jobs := []flow.Job{
			w.newJob(e, "sub_A", flow.Immediate), w.newJob(e, "sub_A", flow.Immediate),
			w.newJob(e, "sub_B", flow.Immediate), w.newJob(e, "sub_A", flow.Immediate, replay), w.newJob(e, "sub_A", flow.Immediate, replay),
		}
		w.must(w.s.FanOut(w.ctx, w.unfanned(10), jobs, w.now), "fan out")
		w.wantJobsOf(e, "sub_A", "sub_A", "sub_B")
		w.stored(jobs)
		st, err := w.s.Stats(w.ctx)
		w.must(err, "stats")
		want(w, "open jobs", st.OpenJobs, 3)
		w.crash()
		w.wantJobsOf(e, "sub_A", "sub_A", "sub_B")
	}},
	{name: "gives jobs their ids and keeps what they were made with", run: func(w *world) {
		j := w.one(func(j *flow.Job) {
			j.ClientID, j.Due = "clt_A", w.now.Add(7e9)
			j.Policy = flow.Policy{MaxRetries: 9, Strategy: flow.ExponentialBackoff, Schedule: []flowDuration{1e9, 5e9}, Jitter: 0.25,
				MaxAge: 3600e9, Timeout: 12e9, RetryOn: []int{409, 422}}
			j.ExpiresAt = w.now.Add(3600e9)
		})
		for range 2 {
			got := w.job(j.ID)
			want(w, "kind", got.Kind(), "EVENT")
			want(w, "state", describe(got), "PENDING ticket 0 attempts 0 spent 0")
			want(w, "client", got.ClientID, "clt_A")
			want(w, "group", got.MessageGroup, "g")
			want(w, "lane", got.Lane, "sub_A")
			want(w, "subscription", got.SubscriptionID, "sub_A")
			want(w, "policy is kept", got.Policy.Equal(flow.Policy{MaxRetries: 9, Strategy: flow.ExponentialBackoff,
				Schedule: []flowDuration{1e9, 5e9}, Jitter: 0.25, MaxAge: 3600e9, Timeout: 12e9, RetryOn: []int{409, 422}}), true)
			w.wantTime("due", got.Due, w.now.Add(7e9))
			w.wantTime("expiresAt", got.ExpiresAt, w.now.Add(3600e9))
			w.wantTime("createdAt", got.CreatedAt, w.now)
			e, err := w.s.Event(w.ctx, store.Everything, got.EventID)
			w.must(err, "read the job's event")
			want(w, "position", got.Position, e.Position)
			w.crash()
		}
	}},
	{name: "lets the first of an ordered key go and the others wait", run: func(w *world) {
		for _, mode := range []flow.Mode{flow.NextOnError, flow.BlockOnError} {
			sub := "sub_" + mode.String()
			js := w.line(mode, sub, 3)
			w.wantHolder(js[0], js[1], js[2])
			g, err := w.gate(js[0].OrderKey)
			w.must(err, "read gate")
			want(w, "blocked", g.BlockedSince.IsZero(), true)
			want(w, "the gate's subscription", g.SubscriptionID, sub)
			want(w, "the gate's group", g.MessageGroup, "g")
			w.wantOffer(sub, 10, js[0])
			more := w.line(mode, sub, 1)
			w.wantHolder(js[0], js[1], js[2], more[0])
			w.crash()
			w.wantHolder(js[0], js[1], js[2], more[0])
		}
	}},
	{name: "keeps no order between groups, clients, subscriptions, nor without a group", run: func(w *world) {
		es := []flow.Event{w.newEvent(), w.newEvent()}
		for _, c := range []struct{ client, group string }{{"", "g"}, {"", "h"}, {"clt_A", "g"}, {"clt_B", "g"}} {
			es = append(es, w.newEvent(func(e *flow.Event) { e.ClientID, e.MessageGroup = c.client, c.group }))
		}
		w.append(es...)
		js := w.fanOut(func(e flow.Event) []flow.Job {
			return []flow.Job{w.newJob(e, "sub_A", flow.BlockOnError), w.newJob(e, "sub_B", flow.NextOnError)}
		})
		for _, j := range js {
			want(w, w.name(j.ID)+" waiting", j.Waiting, false)
		}
		want(w, "the offer", len(w.offer("sub_A", 100).Jobs), 6)
	}},
}

func (w *world) unfanned(limit int) store.Batch {
	w.Helper()
	b, err := w.s.Unfanned(w.ctx, limit)
	w.must(err, "unfanned")
	if len(b.Events) > limit {
		w.fail("unfanned returned %d events for a limit of %d", len(b.Events), limit)
	}
	return b
}

// wantJobsOf compares the subscriptions for which an event has jobs, sorted.
func (w *world) wantJobsOf(e flow.Event, subs ...string) {
	w.Helper()
	page, err := w.s.ListJobs(w.ctx, store.Everything, store.JobQuery{EventID: e.ID})
	w.must(err, "list jobs of an event")
	var got []string
	for _, v := range page.Jobs {
		got = append(got, v.Job.SubscriptionID)
	}
	want(w, "the event's jobs", sorted(got), sorted(subs))
}
