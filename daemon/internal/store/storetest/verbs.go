package storetest

import (
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// start asks for the exchange of one ticket.
func (w *world) start(id flow.ID, ticket int64, owner string) store.Started {
	w.Helper()
	out, err := w.s.Start(w.ctx, []store.Start{{Job: id, Ticket: ticket, Owner: owner, Slack: slack}}, w.now)
	w.must(err, "start "+w.name(id))
	if len(out) != 1 {
		w.fail("start of one job answered %d times", len(out))
	}
	w.note("start %s with ticket %d for %s: %s; %s", w.name(id), ticket, owner, startNames[out[0].Result], describe(out[0].Job))
	return out[0]
}

var startNames = map[store.StartResult]string{
	store.StartOK: "ok", store.StartStale: "stale", store.StartLeased: "leased", store.StartEnded: "ended",
}

// wantStart starts and insists on a result.
func (w *world) wantStart(id flow.ID, ticket int64, owner string, result store.StartResult) flow.Job {
	w.Helper()
	st := w.start(id, ticket, owner)
	want(w, "the result of starting "+w.name(id), startNames[st.Result], startNames[result])
	return st.Job
}

// begin starts a job with its next ticket, for router r1.
func (w *world) begin(id flow.ID) flow.Job {
	w.Helper()
	return w.wantStart(id, w.job(id).Ticket+1, "r1", store.StartOK)
}

// attempt is what came of the exchange of a started job, half a second long.
func (w *world) attempt(j flow.Job, v flow.Verdict) flow.Attempt {
	a := flow.Attempt{JobID: j.ID, Number: j.Attempts, At: j.LastAttemptAt, Duration: 500 * time.Millisecond, Verdict: v, Router: j.LeaseOwner}
	switch v {
	case flow.Delivered:
		a.Status = 200
	case flow.Deferred:
		a.Status, a.Delay = 200, 30*time.Second
	case flow.Throttled:
		a.Status, a.Error, a.ErrorType = 429, "too many requests", flow.ErrorRateLimited
	case flow.Retry:
		a.Status, a.Error, a.ErrorType = 500, "server error", flow.ErrorServer
	case flow.Reject:
		a.Status, a.Error, a.ErrorType = 400, "bad request", flow.ErrorConfiguration
	case flow.Gone:
		a.Status, a.Error, a.ErrorType = 410, "gone", flow.ErrorClient
	}
	return a
}

// outcome is the outcome of a started job as a router computes it.
func (w *world) outcome(j flow.Job, v flow.Verdict) store.Outcome {
	a := w.attempt(j, v)
	return store.Outcome{Job: j.After(a, w.now, 0.5), Attempt: a, Owner: j.LeaseOwner}
}

// record writes one outcome and returns the answer for it.
func (w *world) record(o store.Outcome) store.Recorded {
	w.Helper()
	out, err := w.s.Record(w.ctx, []store.Outcome{o}, w.now)
	w.must(err, "record "+w.name(o.Job.ID))
	if len(out) != 1 {
		w.fail("record of one outcome answered %d times", len(out))
	}
	w.note("record attempt %d of %s by %s as %s: %s %v", o.Attempt.Number, w.name(o.Job.ID), o.Owner, o.Attempt.Verdict, describe(out[0].Job), out[0].Err)
	return out[0]
}

// end records the outcome of a started job and insists on success.
func (w *world) end(j flow.Job, v flow.Verdict) flow.Job {
	w.Helper()
	r := w.record(w.outcome(j, v))
	w.must(r.Err, "record "+w.name(j.ID))
	return r.Job
}

// deliver begins a job and ends it with a verdict.
func (w *world) deliver(id flow.ID, v flow.Verdict) flow.Job {
	w.Helper()
	return w.end(w.begin(id), v)
}

// queue hands a job over with its next ticket.
func (w *world) queue(id flow.ID) int64 {
	w.Helper()
	n := w.job(id).Ticket + 1
	w.markQueued(store.Ticket{Job: id, Number: n})
	want(w, "the state of "+w.name(id), w.job(id).Status, flow.Queued)
	return n
}

func (w *world) markQueued(ts ...store.Ticket) {
	w.Helper()
	w.must(w.s.MarkQueued(w.ctx, ts, w.now), "mark queued")
	for _, t := range ts {
		w.note("mark %s queued with ticket %d", w.name(t.Job), t.Number)
	}
}

func (w *world) park(id flow.ID, ticket int64, until time.Time) {
	w.Helper()
	w.must(w.s.Park(w.ctx, []store.Park{{Job: id, Ticket: ticket, Until: until}}, w.now), "park")
	w.note("park %s with ticket %d until %s", w.name(id), ticket, w.clock(until))
}

func (w *world) recover(staleBefore time.Time, limit int) store.Recovered {
	w.Helper()
	r, err := w.s.Recover(w.ctx, staleBefore, w.now, limit)
	w.must(err, "recover")
	w.note("recover what was queued before %s, at most %d: %+v", w.clock(staleBefore), limit, r)
	return r
}

func (w *world) retry(id flow.ID) flow.Job {
	w.Helper()
	j, err := w.s.Retry(w.ctx, store.Everything, id, w.now)
	w.must(err, "retry "+w.name(id))
	w.note("retry %s: %s", w.name(id), describe(j))
	return j
}

func (w *world) cancel(id flow.ID) flow.Job {
	w.Helper()
	j, err := w.s.Cancel(w.ctx, store.Everything, id, flow.ReasonCancelled, w.now)
	w.must(err, "cancel "+w.name(id))
	w.note("cancel %s: %s", w.name(id), describe(j))
	return j
}

func (w *world) cancelLane(lane string, limit int) int {
	w.Helper()
	n, err := w.s.CancelLane(w.ctx, lane, flow.ReasonSubscription, w.now, limit)
	w.must(err, "cancel lane "+lane)
	w.note("cancel lane %s, at most %d: %d", lane, limit, n)
	return n
}

// cancelWholeLane repeats until none is left.
func (w *world) cancelWholeLane(lane string, limit int) {
	w.Helper()
	for range 100 {
		n := w.cancelLane(lane, limit)
		if n > limit {
			w.fail("cancel lane cancelled %d, more than its limit of %d", n, limit)
		}
		if n == 0 {
			return
		}
	}
	w.fail("cancel lane never says that none is left")
}

func (w *world) skip(key flow.OrderKey, head flow.ID) error {
	err := w.s.Skip(w.ctx, store.Everything, key, head, w.now)
	w.note("skip %s: %v", w.name(head), err)
	return err
}

func (w *world) offer(lane string, window int) store.Offer {
	w.Helper()
	o, err := w.s.Offer(w.ctx, lane, window, w.now)
	w.must(err, "offer "+lane)
	w.note("offer of %s within %d: %s, out %d, next %s", lane, window, w.list(o.Jobs), o.Out, w.clock(o.Next))
	return o
}

// wantOffer compares the jobs that a lane may be handed.
func (w *world) wantOffer(lane string, window int, jobs ...flow.Job) store.Offer {
	w.Helper()
	o := w.offer(lane, window)
	want(w, "the offer of "+lane, w.list(o.Jobs), w.list(jobs))
	return o
}

func (w *world) gate(key flow.OrderKey) (store.Gate, error) {
	return w.s.Gate(w.ctx, store.Everything, key)
}

// wantHolder says who holds a gate, and that nobody else of the jobs may go.
func (w *world) wantHolder(holder flow.Job, others ...flow.Job) {
	w.Helper()
	g, err := w.gate(holder.OrderKey)
	w.must(err, "read the gate of "+w.name(holder.ID))
	want(w, "the holder of the gate", w.name(g.Holder), w.name(holder.ID))
	want(w, w.name(holder.ID)+" waiting", w.job(holder.ID).Waiting, false)
	for _, o := range others {
		want(w, w.name(o.ID)+" waiting", w.job(o.ID).Waiting, true)
	}
}

// wantStatus compares a job's state.
func (w *world) wantStatus(id flow.ID, s flow.Status) flow.Job {
	w.Helper()
	j := w.job(id)
	if j.Status != s {
		w.fail("%s is %s, want %s", w.name(id), describe(j), s)
	}
	return j
}

// block makes the head of a line a dead letter.
func (w *world) block(head flow.Job) flow.Job {
	w.Helper()
	j := w.deliver(head.ID, flow.Reject)
	want(w, "the state of "+w.name(head.ID), j.Status, flow.Failed)
	return j
}
