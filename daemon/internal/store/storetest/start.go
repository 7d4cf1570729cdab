package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

var startCases = []testCase{
	{name: "begins a pending job with the ticket before", run: func(w *world) {
		j := w.one()
		st := w.start(j.ID, 1, "r1")
		want(w, "result", startNames[st.Result], "ok")
		w.wantStarted(st.Job, 1, 1)
		w.wantStarted(w.job(j.ID), 1, 1)
		if st.Event == nil {
			w.fail("the answer has no event")
		}
		e, err := w.s.Event(w.ctx, store.Everything, j.EventID)
		w.must(err, "read event")
		w.wantEvent(*st.Event, e)
		want(w, "the event", st.Event.ID, j.EventID)
	}},
	{name: "begins a queued job with its ticket", run: func(w *world) {
		j := w.one()
		w.queue(j.ID)
		w.sleep(time.Second)
		w.wantStarted(w.wantStart(j.ID, 1, "r1", store.StartOK), 1, 1)
		got := w.job(j.ID)
		w.wantStarted(got, 1, 1)
		w.wantTime("first attempt", got.FirstAttemptAt, w.now)
	}},
	{name: "finds a ticket stale that is not the job's", run: func(w *world) {
		j := w.one()
		for _, n := range []int64{-1, 0, 2, 3} {
			w.wantStart(j.ID, n, "r1", store.StartStale)
		}
		w.queue(j.ID)
		w.park(j.ID, 1, w.now)
		w.queue(j.ID)
		for _, n := range []int64{0, 1, 3} {
			w.wantStart(j.ID, n, "r1", store.StartStale)
		}
		want(w, "the job", describe(w.job(j.ID)), "QUEUED ticket 2 attempts 0 spent 0")
		w.wantStart(j.ID, 2, "r1", store.StartOK)
		w.wantStart(j.ID, 1, "r2", store.StartStale)
		w.sleep(time.Hour)
		w.wantStart(j.ID, 1, "r2", store.StartStale)
		w.wantStarted(w.job(j.ID), 2, 1, epoch)
	}},
	{name: "finds a final or unknown job stale", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 4)
		w.deliver(js[0].ID, flow.Delivered)
		w.deliver(js[1].ID, flow.Reject)
		w.cancel(js[2].ID)
		for _, n := range []int64{1, 2} {
			for _, j := range js[:3] {
				st := w.start(j.ID, n, "r1")
				want(w, "result", startNames[st.Result], "stale")
				want(w, "the job of the answer", st.Job.ID, j.ID)
				want(w, "it has an event", st.Event != nil, false)
			}
		}
		st := w.start(424242, 1, "r1")
		want(w, "result", startNames[st.Result], "stale")
		want(w, "the job of the answer", st.Job.ID, 0)
	}},
	{name: "lets a job that is leased be", run: func(w *world) {
		j := w.one()
		begun := w.wantStart(j.ID, 1, "r1", store.StartOK)
		for _, owner := range []string{"r2", "r1"} {
			st := w.start(j.ID, 1, owner)
			want(w, "result for "+owner, startNames[st.Result], "leased")
			w.wantTime("until", st.Until, begun.LeaseUntil)
			want(w, "it has an event", st.Event != nil, false)
		}
		w.sleep(44 * time.Second)
		w.wantStart(j.ID, 1, "r2", store.StartLeased)
		w.wantStarted(w.job(j.ID), 1, 1, epoch)
		w.end(begun, flow.Delivered)
	}},
	{name: "takes over a job whose lease has ended", run: func(w *world) {
		j := w.one()
		w.queue(j.ID)
		first := w.wantStart(j.ID, 1, "r1", store.StartOK)
		w.sleep(46 * time.Second)
		second := w.wantStart(j.ID, 1, "r2", store.StartOK)
		want(w, "attempt", second.Attempts, 2)
		want(w, "owner", second.LeaseOwner, "r2")
		want(w, "spent", second.Spent, 0)
		want(w, "lost in a row", w.job(j.ID).Lost, 1)
		w.wantTime("lease", second.LeaseUntil, w.now.Add(45*time.Second))
		as := w.attempts(j.ID)
		want(w, "attempts on record", len(as), 1)
		want(w, "verdict", as[0].Verdict, flow.Lost)
		want(w, "number", as[0].Number, 1)
		want(w, "router", as[0].Router, "r1")
		want(w, "error type", as[0].ErrorType, flow.ErrorUnknown)
		w.wantTime("at", as[0].At, epoch)
		// The router that was thought dead comes late.
		want(w, "the late answer is a conflict", w.record(w.outcome(first, flow.Delivered)).Err != nil, true)
		want(w, "the state", w.end(second, flow.Delivered).Status, flow.Completed)
		want(w, "lost in a row", w.job(j.ID).Lost, 0)
	}},
	{name: "ends a job FAILED after ten routers lost in a row", run: func(w *world) {
		j := w.one()
		w.wantStart(j.ID, 1, "r1", store.StartOK)
		for n := 2; n <= flow.MaxLost; n++ {
			w.sleep(time.Minute)
			w.wantStart(j.ID, 1, fmt.Sprintf("r%d", n), store.StartOK)
		}
		w.sleep(time.Minute)
		st := w.start(j.ID, 1, "r11")
		want(w, "result", startNames[st.Result], "ended")
		want(w, "it has an event", st.Event != nil, false)
		got := w.wantStatus(j.ID, flow.Failed)
		want(w, "reason", got.Reason, flow.ReasonRouterLost)
		want(w, "attempts", got.Attempts, flow.MaxLost)
		want(w, "spent", got.Spent, 0)
		want(w, "attempts on record", len(w.attempts(j.ID)), flow.MaxLost)
	}},
	{name: "ends a job EXPIRED whose absolute time has passed", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 3, func(j *flow.Job) { j.ExpiresAt = w.now.Add(time.Hour) })
		w.queue(js[1].ID)
		running := w.begin(js[2].ID)
		w.sleep(time.Hour)
		for _, j := range js[:2] {
			st := w.start(j.ID, 1, "r1")
			want(w, "result", startNames[st.Result], "ended")
			got := w.wantStatus(j.ID, flow.Expired)
			want(w, "reason", got.Reason, flow.ReasonExpiresAt)
			want(w, "attempts", got.Attempts, 0)
		}
		// What is under way is not cut short.
		want(w, "the state of the third", w.end(running, flow.Delivered).Status, flow.Completed)
	}},
	{name: "does not expire a job before its time", run: func(w *world) {
		j := w.one(func(j *flow.Job) { j.ExpiresAt = w.now.Add(time.Hour) })
		w.sleep(time.Hour - time.Second)
		w.wantStart(j.ID, 1, "r1", store.StartOK)
	}},
	{name: "answers a batch in its order", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 4)
		w.cancel(js[1].ID)
		out, err := w.s.Start(w.ctx, []store.Start{
			{Job: js[3].ID, Ticket: 1, Owner: "r1", Slack: slack}, {Job: js[1].ID, Ticket: 1, Owner: "r1", Slack: slack},
			{Job: 424242, Ticket: 1, Owner: "r1", Slack: slack}, {Job: js[0].ID, Ticket: 1, Owner: "r1", Slack: slack},
			{Job: js[3].ID, Ticket: 1, Owner: "r1", Slack: slack}, {Job: js[2].ID, Ticket: 7, Owner: "r1", Slack: slack},
		}, w.now)
		w.must(err, "start")
		var got []string
		for _, st := range out {
			got = append(got, w.name(st.Job.ID)+" "+startNames[st.Result])
		}
		want(w, "the answers", fmt.Sprint(got), fmt.Sprint([]string{w.name(js[3].ID) + " ok", w.name(js[1].ID) + " stale",
			" stale", w.name(js[0].ID) + " ok", w.name(js[3].ID) + " leased", w.name(js[2].ID) + " stale"}))
	}},
	{name: "has one winner among many routers", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 5)
		var wg sync.WaitGroup
		results := make(chan []store.Started, 8)
		failures := make(chan error, 8)
		for r := range 8 {
			var starts []store.Start
			for _, j := range js {
				starts = append(starts, store.Start{Job: j.ID, Ticket: 1, Owner: fmt.Sprintf("r%d", r), Slack: slack})
			}
			wg.Go(func() {
				out, err := w.s.Start(w.ctx, starts, epoch)
				if err != nil {
					failures <- err
				}
				results <- out
			})
		}
		wg.Wait()
		close(results)
		close(failures)
		for err := range failures {
			w.fail("start: %v", err)
		}
		won := map[flow.ID]int{}
		for out := range results {
			for _, st := range out {
				if st.Result == store.StartOK {
					won[st.Job.ID]++
				}
			}
		}
		for _, j := range js {
			want(w, "winners of "+w.name(j.ID), won[j.ID], 1)
			w.wantStarted(w.job(j.ID), 1, 1, epoch)
		}
	}},
	{name: "is on the disk when it answers", run: func(w *world) {
		j := w.one()
		w.wantStart(j.ID, 1, "r1", store.StartOK)
		w.crash()
		got := w.job(j.ID)
		want(w, "attempts", got.Attempts, 1)
		want(w, "ticket", got.Ticket, 1)
		if got.Status == flow.Processing {
			w.wantStarted(got, 1, 1)
		}
	}},
}

// wantStarted checks a job that has been begun now, or at the time given.
func (w *world) wantStarted(j flow.Job, ticket int64, attempt int, at ...time.Time) {
	w.Helper()
	begun := append(at, w.now)[0]
	want(w, "state", j.Status, flow.Processing)
	want(w, "ticket", j.Ticket, ticket)
	want(w, "attempt", j.Attempts, attempt)
	want(w, "it has an owner", j.LeaseOwner != "", true)
	w.wantTime("last attempt", j.LastAttemptAt, begun)
	w.wantTime("lease", j.LeaseUntil, begun.Add(45*time.Second))
}

func (w *world) attempts(id flow.ID) []flow.Attempt {
	w.Helper()
	as, err := w.s.Attempts(w.ctx, store.Everything, id)
	w.must(err, "attempts of "+w.name(id))
	return as
}
