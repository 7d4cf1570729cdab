package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

var recordCases = []testCase{
	{name: "ends an exchange and keeps what came of it", run: func(w *world) {
		j := w.begin(w.one().ID)
		w.sleep(2 * time.Second)
		o := w.outcome(j, flow.Delivered)
		o.Attempt.Timing = flow.Timing{DNS: 1e6, Connect: 2e6, TLS: 3e6, FirstByte: 4e6}
		o.Attempt.Header = json.RawMessage(`{"Content-Type":["text/plain"]}`)
		o.Attempt.Body = []byte("ok \xff\x00")
		r := w.record(o)
		w.must(r.Err, "record")
		for range 2 {
			for _, got := range []flow.Job{r.Job, w.job(j.ID)} {
				want(w, "the job", describe(got), "COMPLETED ticket 1 attempts 1 spent 1")
				want(w, "owner", got.LeaseOwner, "")
				w.wantTime("lease", got.LeaseUntil, time.Time{})
				w.wantTime("completedAt", got.CompletedAt, epoch.Add(2*time.Second))
				w.wantTime("lastAttemptAt", got.LastAttemptAt, epoch)
				want(w, "duration", got.Duration, 500*time.Millisecond)
			}
			as := w.attempts(j.ID)
			want(w, "attempts on record", len(as), 1)
			w.wantAttempt(as[0], o.Attempt)
			w.crash()
		}
	}},
	{name: "makes a job pending again as the state machine says", run: func(w *world) {
		j := w.begin(w.one().ID)
		w.sleep(2 * time.Second)
		got := w.end(j, flow.Retry)
		want(w, "the job", describe(got), "PENDING ticket 1 attempts 1 spent 1")
		w.wantTime("due", got.Due, w.now.Add(time.Minute))
		want(w, "last error", got.LastError, "server error")
		w.crash()
		got = w.job(j.ID)
		want(w, "the job", describe(got), "PENDING ticket 1 attempts 1 spent 1")
		w.wantTime("due", got.Due, w.now.Add(time.Minute))
		want(w, "last error", got.LastError, "server error")
		w.wantAttempt(w.attempts(j.ID)[0], w.attempt(j, flow.Retry))
	}},
	{name: "follows a job through all its exchanges", run: func(w *world) {
		id := w.one().ID
		for _, step := range []struct {
			verdict flow.Verdict
			job     string
		}{
			{flow.Retry, "PENDING ticket 1 attempts 1 spent 1"},
			{flow.Deferred, "PENDING ticket 2 attempts 2 spent 1"},
			{flow.Throttled, "PENDING ticket 3 attempts 3 spent 1"},
			{flow.Retry, "PENDING ticket 4 attempts 4 spent 2"},
			{flow.Retry, "FAILED ticket 5 attempts 5 spent 3 RETRIES_EXHAUSTED"},
		} {
			got := w.deliver(id, step.verdict)
			want(w, "the job", describe(got), step.job)
			want(w, "the job as read", describe(w.job(id)), step.job)
			w.sleep(time.Hour)
		}
		for i, a := range w.attempts(id) {
			want(w, "the attempt's number", a.Number, i+1)
		}
	}},
	{name: "refuses a late outcome and changes nothing", run: func(w *world) {
		j := w.begin(w.one().ID)
		check := func(what string, o store.Outcome) {
			w.Helper()
			before, attempts := describe(w.job(j.ID)), len(w.attempts(j.ID))
			w.note("%s:", what)
			w.wantErr("record "+what, w.record(o).Err, store.ErrConflict)
			want(w, "the job after "+what, describe(w.job(j.ID)), before)
			want(w, "attempts on record after "+what, len(w.attempts(j.ID)), attempts)
		}
		other := w.outcome(j, flow.Delivered)
		other.Owner = "r2"
		check("the outcome of another owner", other)
		wrong := w.outcome(j, flow.Delivered)
		wrong.Attempt.Number, wrong.Job.Attempts = 2, 2
		check("the outcome of another attempt", wrong)
		late := w.outcome(j, flow.Delivered)
		got := w.end(j, flow.Retry)
		want(w, "the job", describe(got), "PENDING ticket 1 attempts 1 spent 1")
		check("the outcome of an ended exchange", late)
		w.sleep(time.Hour)
		second := w.begin(j.ID)
		check("the outcome of an earlier attempt by the same owner", late)
		w.end(second, flow.Delivered)
		check("an outcome for a final job", w.outcome(second, flow.Delivered))
		unknown := w.outcome(second, flow.Delivered)
		unknown.Job.ID, unknown.Attempt.JobID = 424242, 424242
		if err := w.record(unknown).Err; err == nil {
			w.fail("the outcome of an unknown job was taken")
		}
	}},
	{name: "takes an outcome after the lease if nobody took over", run: func(w *world) {
		j := w.begin(w.one().ID)
		w.sleep(time.Hour)
		want(w, "the state", w.end(j, flow.Delivered).Status, flow.Completed)
		want(w, "lost", w.recover(w.now, 10).Lost, 0)
	}},
	{name: "answers each outcome of a batch by itself, in order", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 3)
		for i := range js {
			js[i] = w.begin(js[i].ID)
		}
		bad := w.outcome(js[1], flow.Delivered)
		bad.Owner = "nobody"
		out, err := w.s.Record(w.ctx, []store.Outcome{w.outcome(js[2], flow.Retry), bad, w.outcome(js[0], flow.Delivered)}, w.now)
		w.must(err, "record")
		want(w, "answers", len(out), 3)
		want(w, "the first", fmt.Sprint(w.name(out[0].Job.ID), out[0].Job.Status, out[0].Err), fmt.Sprint(w.name(js[2].ID), flow.Pending, nil))
		w.wantErr("the second", out[1].Err, store.ErrConflict)
		want(w, "the third", fmt.Sprint(w.name(out[2].Job.ID), out[2].Job.Status, out[2].Err), fmt.Sprint(w.name(js[0].ID), flow.Completed, nil))
		w.wantStatus(js[1].ID, flow.Processing)
	}},
	{name: "keeps the first 3 and the last 20 attempts", run: func(w *world) {
		j := w.one(func(j *flow.Job) { j.Policy.MaxAge = 0 })
		for n := 1; n <= 30; n++ {
			w.deliver(j.ID, flow.Throttled)
			w.sleep(time.Minute)
			if n == 10 || n == 23 {
				want(w, "attempts kept", len(w.attempts(j.ID)), n)
			}
		}
		var numbers []int
		for _, a := range w.attempts(j.ID) {
			numbers = append(numbers, a.Number)
		}
		want(w, "attempts kept", fmt.Sprint(numbers), "[1 2 3 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30]")
		want(w, "attempts made", w.job(j.ID).Attempts, 30)
	}},
	{name: "passes the gate in the same commit", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 3)
		w.deliver(js[0].ID, flow.Delivered)
		w.crash()
		w.wantHolder(js[1], js[2])
		w.wantOffer(laneOf(mode), 10, js[1])
	})},
	{name: "passes the gate within a batch", run: func(w *world) {
		a := w.line(flow.NextOnError, "sub_A", 2)
		b := w.line(flow.BlockOnError, "sub_B", 2)
		x, y := w.begin(a[0].ID), w.begin(b[0].ID)
		out, err := w.s.Record(w.ctx, []store.Outcome{w.outcome(x, flow.Reject), w.outcome(y, flow.Delivered)}, w.now)
		w.must(err, "record")
		want(w, "errors", fmt.Sprint(out[0].Err, out[1].Err), "<nil> <nil>")
		w.wantHolder(a[1])
		w.wantHolder(b[1])
	}},
}

func (w *world) wantAttempt(got, wanted flow.Attempt) {
	w.Helper()
	w.wantTime("the attempt's time", got.At, wanted.At)
	if got.JobID != wanted.JobID || got.Number != wanted.Number || got.Duration != wanted.Duration || got.Timing != wanted.Timing ||
		got.Verdict != wanted.Verdict || got.Status != wanted.Status || string(got.Header) != string(wanted.Header) ||
		!bytes.Equal(got.Body, wanted.Body) || got.Error != wanted.Error || got.ErrorType != wanted.ErrorType || got.Router != wanted.Router {
		w.fail("the attempt is\n%+v, want\n%+v", got, wanted)
	}
}

var recoverCases = []testCase{
	{name: "makes a job pending whose message must be lost", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 2)
		w.queue(js[0].ID)
		w.sleep(10 * time.Minute)
		w.queue(js[1].ID)
		w.sleep(time.Second)
		r := w.recover(w.now.Add(-5*time.Minute), 100)
		want(w, "recovered", r, store.Recovered{Stale: 1})
		want(w, "the first", describe(w.job(js[0].ID)), "PENDING ticket 1 attempts 0 spent 0")
		w.wantStatus(js[1].ID, flow.Queued)
		w.wantOffer("sub_A", 10, js[0])
		// The old ticket is acked as stale if it turns up; the new one counts.
		w.wantStart(js[0].ID, 1, "r1", store.StartStale)
		w.wantStart(js[0].ID, 2, "r1", store.StartOK)
		want(w, "recovered again", w.recover(w.now.Add(-5*time.Minute), 100), store.Recovered{})
	}},
	{name: "makes a job pending whose router is lost", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 2)
		j := w.begin(js[0].ID)
		w.sleep(time.Minute)
		other := w.begin(js[1].ID)
		r := w.recover(time.Time{}, 100)
		want(w, "recovered", r, store.Recovered{Lost: 1})
		got := w.job(j.ID)
		want(w, "the first", describe(got), "PENDING ticket 1 attempts 1 spent 0")
		want(w, "lost in a row", got.Lost, 1)
		want(w, "owner", got.LeaseOwner, "")
		w.wantStatus(other.ID, flow.Processing)
		as := w.attempts(j.ID)
		want(w, "attempts on record", len(as), 1)
		want(w, "verdict", as[0].Verdict, flow.Lost)
		want(w, "router", as[0].Router, "r1")
		w.wantErr("the late outcome", w.record(w.outcome(j, flow.Delivered)).Err, store.ErrConflict)
		w.wantStart(j.ID, 1, "r2", store.StartStale)
		want(w, "the next attempt", w.wantStart(j.ID, 2, "r2", store.StartOK).Attempts, 2)
	}},
	{name: "ends a job FAILED after ten routers lost in a row", run: func(w *world) {
		j := w.line(flow.BlockOnError, "sub_A", 2)[0]
		for n := range flow.MaxLost {
			want(w, "the attempt", w.begin(j.ID).Attempts, n+1)
			w.sleep(time.Minute)
			want(w, "recovered", w.recover(time.Time{}, 100), store.Recovered{Lost: 1})
		}
		got := w.wantStatus(j.ID, flow.Failed)
		want(w, "reason", got.Reason, flow.ReasonRouterLost)
		want(w, "blocked keys", len(w.blocked()), 1)
	}},
	{name: "looks at no more than its limit", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 6)
		for _, j := range js[:3] {
			w.queue(j.ID)
		}
		for _, j := range js[3:] {
			w.begin(j.ID)
		}
		w.sleep(time.Hour)
		done := store.Recovered{}
		for range 10 {
			r := w.recover(w.now, 2)
			if r.Stale+r.Lost > 2 {
				w.fail("recovered %+v with a limit of 2", r)
			}
			done.Stale += r.Stale
			done.Lost += r.Lost
		}
		want(w, "recovered in the end", done, store.Recovered{Stale: 3, Lost: 3})
		want(w, "the offer", len(w.offer("sub_A", 10).Jobs), 6)
	}},
	{name: "keeps the gate with its holder", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 2)
		w.queue(js[0].ID)
		w.sleep(time.Hour)
		w.recover(w.now, 100)
		w.wantHolder(js[0], js[1])
		w.begin(js[0].ID)
		w.sleep(time.Hour)
		w.recover(w.now, 100)
		w.wantHolder(js[0], js[1])
		w.wantOffer(laneOf(mode), 10, js[0])
		w.deliver(js[0].ID, flow.Delivered)
		w.wantHolder(js[1])
	})},
	{name: "ends a lost job that somebody cancelled", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 3)
		w.begin(js[0].ID)
		w.cancel(js[0].ID)
		w.sleep(time.Minute)
		want(w, "recovered", w.recover(time.Time{}, 100), store.Recovered{Lost: 1})
		w.wantStatus(js[0].ID, flow.Cancelled)
		w.wantHolder(js[1], js[2])
		w.begin(js[1].ID)
		w.cancel(js[1].ID)
		w.sleep(time.Minute)
		w.wantStart(js[1].ID, 1, "r2", store.StartEnded)
		w.wantStatus(js[1].ID, flow.Cancelled)
		w.wantHolder(js[2])
	}},
	{name: "has nothing to do for a new owner: opening returns every lease", needs: func(f Features) bool { return f.SingleOwner }, run: func(w *world) {
		for _, how := range []func(){w.crash, w.reopen} {
			lane := fmt.Sprintf("sub_%d", len(w.names))
			js := w.line(flow.BlockOnError, lane, 2)
			loose := w.line(flow.Immediate, lane+"x", 1)[0]
			w.queue(loose.ID)
			w.begin(js[0].ID)
			w.sleep(time.Second)
			how()
			w.wantHolder(js[0], js[1])
			// Whatever opening itself did and whatever is left to a first
			// Recover, no lease and no stale age is waited for.
			w.recover(w.now, 100)
			got := w.job(js[0].ID)
			want(w, "the leased job", describe(got), "PENDING ticket 1 attempts 1 spent 0")
			want(w, "lost in a row", got.Lost, 1)
			as := w.attempts(js[0].ID)
			want(w, "attempts on record", len(as), 1)
			want(w, "verdict", as[0].Verdict, flow.Lost)
			// Whether the hand-over is remembered is the backend's affair:
			// forgotten, the old message is as good as a new one.
			got = w.wantStatus(loose.ID, flow.Pending)
			want(w, "attempts of the queued job", got.Attempts, 0)
			if got.Ticket != 0 && got.Ticket != 1 {
				w.fail("the queued job has ticket %d after its hand-over with 1", got.Ticket)
			}
			w.wantOffer(lane, 10, js[0])
			w.wantOffer(lane+"x", 10, loose)
			want(w, "out", w.offer(lane, 10).Out+w.offer(lane+"x", 10).Out, 0)
		}
	}},
	{name: "finds leases as they were when there may be other owners", needs: func(f Features) bool { return !f.SingleOwner }, run: func(w *world) {
		j := w.begin(w.one().ID)
		w.crash()
		w.wantStart(j.ID, 1, "r2", store.StartLeased)
		want(w, "the state", w.end(j, flow.Delivered).Status, flow.Completed)
	}},
}
