package storetest

import (
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

var retryCases = []testCase{
	{name: "makes a dead letter pending with nothing spent", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 2, func(j *flow.Job) { j.ExpiresAt = w.now.Add(24 * time.Hour) })
		w.deliver(js[0].ID, flow.Retry)
		w.sleep(time.Hour)
		w.deliver(js[0].ID, flow.Gone)
		w.sleep(48 * time.Hour)
		w.wantStart(js[1].ID, 1, "r1", store.StartEnded)
		for i, id := range []flow.ID{js[0].ID, js[1].ID} {
			got := w.retry(id)
			attempts := []int{2, 0}[i]
			for range 2 {
				want(w, "state", got.Status, flow.Pending)
				want(w, "attempts", got.Attempts, attempts)
				want(w, "spent", got.Spent, 0)
				want(w, "reason", got.Reason, flow.ReasonNone)
				w.wantTime("due", got.Due, w.now)
				w.wantTime("completedAt", got.CompletedAt, time.Time{})
				w.wantTime("firstAttemptAt", got.FirstAttemptAt, time.Time{})
				w.wantTime("expiresAt", got.ExpiresAt, time.Time{})
				w.crash()
				got = w.job(id)
			}
			want(w, "the next attempt", w.begin(id).Attempts, attempts+1)
		}
		want(w, "attempts on record", len(w.attempts(js[0].ID)) >= 2, true)
	}},
	{name: "asked twice is no error and changes nothing", run: func(w *world) {
		j := w.one()
		w.deliver(j.ID, flow.Reject)
		first := w.retry(j.ID)
		w.sleep(time.Minute)
		second := w.retry(j.ID)
		want(w, "the job", describe(second), describe(first))
		w.wantTime("due", second.Due, first.Due)
	}},
	{name: "has a job that waits for its next attempt go at once", run: func(w *world) {
		for _, mode := range []flow.Mode{flow.Immediate, flow.BlockOnError} {
			lane := "sub_" + string(mode)
			js := w.line(mode, lane, 2)
			w.deliver(js[0].ID, flow.Retry)
			before := w.job(js[0].ID)
			want(w, "it waits", before.Due.After(w.now), true)
			rest := js[1:]
			if mode != flow.Immediate {
				rest = nil
			}
			w.wantOffer(lane, 10, rest...)
			got := w.retry(js[0].ID)
			w.wantTime("due", got.Due, w.now)
			want(w, "spent", got.Spent, before.Spent)
			want(w, "attempts", got.Attempts, before.Attempts)
			w.wantOffer(lane, 10, append([]flow.Job{js[0]}, rest...)...)
			w.crash()
			w.wantTime("due", w.job(js[0].ID).Due, w.now)
			w.deliver(js[0].ID, flow.Delivered)
		}
	}},
	{name: "leaves the time that a sender chose", run: func(w *world) {
		j := w.line(flow.Immediate, "sub_A", 1, func(j *flow.Job) { j.Due = w.now.Add(time.Hour) })[0]
		w.wantTime("due", w.retry(j.ID).Due, j.Due)
	}},
	{name: "answers a job that is no dead letter as it is", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 5)
		w.queue(js[1].ID)
		w.begin(js[2].ID)
		w.deliver(js[3].ID, flow.Delivered)
		w.cancel(js[4].ID)
		for _, j := range js {
			before := describe(w.job(j.ID))
			want(w, w.name(j.ID), describe(w.retry(j.ID)), before)
			want(w, w.name(j.ID), describe(w.job(j.ID)), before)
		}
		_, err := w.s.Retry(w.ctx, store.Everything, 424242, w.now)
		w.wantErr("retry an unknown job", err, store.ErrNotFound)
	}},
	{name: "waits for its turn behind the holder, before all others", run: func(w *world) {
		js := w.line(flow.NextOnError, "sub_A", 4)
		w.block(js[0])
		w.block(js[1])
		running := w.begin(js[2].ID)
		for _, j := range []flow.Job{js[1], js[0]} {
			got := w.retry(j.ID)
			want(w, "state", got.Status, flow.Pending)
			want(w, "waiting", got.Waiting, true)
		}
		w.wantHolder(js[2], js[0], js[1], js[3])
		w.wantOffer("sub_A", 10)
		st := w.start(js[0].ID, w.job(js[0].ID).Ticket+1, "r2")
		if st.Result == store.StartOK {
			w.fail("a retried job was started beside the holder")
		}
		w.crash()
		running = w.job(running.ID)
		if running.Status == flow.Pending {
			running = w.begin(running.ID)
		}
		w.end(running, flow.Delivered)
		w.wantHolder(js[0], js[1], js[3])
		w.wantOffer("sub_A", 10, js[0])
		w.deliver(js[0].ID, flow.Delivered)
		w.wantHolder(js[1], js[3])
		w.deliver(js[1].ID, flow.Delivered)
		w.wantHolder(js[3])
	}},
	{name: "takes a gate that is free", run: func(w *world) {
		js := w.line(flow.NextOnError, "sub_A", 2)
		w.block(js[0])
		w.deliver(js[1].ID, flow.Delivered)
		got := w.retry(js[0].ID)
		want(w, "waiting", got.Waiting, false)
		w.wantHolder(js[0])
		later := w.line(flow.NextOnError, "sub_A", 1)
		w.wantHolder(js[0], later[0])
	}},
	{name: "counts the job as open again", run: func(w *world) {
		j := w.one()
		open := func(n int64) {
			w.Helper()
			st, err := w.s.Stats(w.ctx)
			w.must(err, "stats")
			want(w, "open jobs", st.OpenJobs, n)
		}
		open(1)
		w.deliver(j.ID, flow.Reject)
		open(0)
		w.retry(j.ID)
		open(1)
		w.retry(j.ID)
		open(1)
		w.crash()
		open(1)
		w.deliver(j.ID, flow.Delivered)
		open(0)
	}},
}

var cancelCases = []testCase{
	{name: "ends a pending or queued job at once", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 2)
		w.queue(js[1].ID)
		for _, j := range js {
			got := w.cancel(j.ID)
			want(w, "state", got.Status, flow.Cancelled)
			want(w, "reason", got.Reason, flow.ReasonCancelled)
			w.wantTime("completedAt", got.CompletedAt, w.now)
			w.wantStart(j.ID, 1, "r1", store.StartStale)
			w.markQueued(store.Ticket{Job: j.ID, Number: 1})
			w.crash()
			w.wantStatus(j.ID, flow.Cancelled)
		}
	}},
	{name: "marks a job in its exchange, and a delivery stays a delivery", run: func(w *world) {
		j := w.begin(w.one().ID)
		got := w.cancel(j.ID)
		want(w, "state", got.Status, flow.Processing)
		want(w, "cancel asked", got.CancelAsked, true)
		// The router does not know that somebody asked.
		done := w.end(j, flow.Delivered)
		want(w, "the job", describe(done), "COMPLETED ticket 1 attempts 1 spent 1")
		want(w, "the job as read", describe(w.job(j.ID)), "COMPLETED ticket 1 attempts 1 spent 1")
	}},
	{name: "marks a job in its exchange, and anything else ends CANCELLED without a retry", run: func(w *world) {
		for _, v := range []flow.Verdict{flow.Retry, flow.Throttled, flow.Deferred, flow.Reject, flow.Gone} {
			j := w.begin(w.one().ID)
			w.cancel(j.ID)
			done := w.end(j, v)
			for _, got := range []flow.Job{done, w.job(j.ID)} {
				want(w, "state after "+v.String(), got.Status, flow.Cancelled)
				want(w, "reason", got.Reason, flow.ReasonCancelled)
				want(w, "cancel asked", got.CancelAsked, false)
			}
			want(w, "attempts on record", len(w.attempts(j.ID)), 1)
			w.wantOffer("sub_A", 10)
		}
	}},
	{name: "keeps the key closed until the exchange has ended", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 2)
		j := w.begin(js[0].ID)
		w.cancel(j.ID)
		w.wantHolder(js[0], js[1])
		w.wantOffer(laneOf(mode), 10)
		w.end(j, flow.Reject)
		w.wantStatus(js[0].ID, flow.Cancelled)
		w.wantHolder(js[1])
	})},
	{name: "survives a crash", run: func(w *world) {
		j := w.begin(w.one().ID)
		w.cancel(j.ID)
		w.crash()
		w.sleep(time.Minute)
		w.recover(w.now, 10)
		w.wantStatus(j.ID, flow.Cancelled)
	}},
	{name: "answers a final job as it is", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 3)
		w.deliver(js[0].ID, flow.Delivered)
		w.block(js[1])
		for _, j := range js[:2] {
			before := describe(w.job(j.ID))
			want(w, w.name(j.ID), describe(w.cancel(j.ID)), before)
			want(w, w.name(j.ID), describe(w.job(j.ID)), before)
		}
		w.wantHolder(js[1], js[2])
		_, err := w.s.Cancel(w.ctx, store.Everything, 424242, flow.ReasonCancelled, w.now)
		w.wantErr("cancel an unknown job", err, store.ErrNotFound)
	}},
	{name: "of a lane ends all its open jobs, the waiting and blocked included", run: func(w *world) {
		blocked := w.line(flow.BlockOnError, "sub_A", 4)
		w.block(blocked[0])
		loose := w.line(flow.Immediate, "sub_A", 4)
		w.queue(loose[1].ID)
		running := w.begin(loose[2].ID)
		w.deliver(loose[3].ID, flow.Delivered)
		other := w.line(flow.Immediate, "sub_B", 1)[0]
		w.cancelWholeLane("sub_A", 2)
		for _, j := range append(blocked[1:], loose[0], loose[1]) {
			got := w.wantStatus(j.ID, flow.Cancelled)
			want(w, "reason of "+w.name(j.ID), got.Reason, flow.ReasonSubscription)
		}
		want(w, "the running one", describe(w.job(running.ID)), "PROCESSING ticket 1 attempts 1 spent 0 cancel asked")
		w.wantStatus(loose[3].ID, flow.Completed)
		w.wantStatus(other.ID, flow.Pending)
		w.wantOffer("sub_A", 100)
		w.wantStatus(blocked[0].ID, flow.Failed)
		want(w, "keys that stay blocked", len(w.blocked()), 0)
		want(w, "the running one in the end", w.end(running, flow.Retry).Status, flow.Cancelled)
		st, err := w.s.Stats(w.ctx)
		w.must(err, "stats")
		want(w, "open jobs", st.OpenJobs, 1)
		w.crash()
		w.cancelWholeLane("sub_A", 100)
		w.wantStatus(other.ID, flow.Pending)
	}},
	{name: "of a lane gets past what is marked already", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 6)
		for _, j := range js[:3] {
			w.begin(j.ID)
		}
		w.cancelWholeLane("sub_A", 1)
		for i, j := range js {
			got := w.job(j.ID)
			want(w, w.name(j.ID)+" is marked", got.CancelAsked, i < 3)
			want(w, w.name(j.ID)+" is cancelled", got.Status == flow.Cancelled, i >= 3)
		}
	}},
	{name: "of a lane passes no gate to a job of the same lane that stays open", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 5)
		w.begin(js[0].ID)
		w.cancelWholeLane(laneOf(mode), 100)
		for _, j := range js[1:] {
			w.wantStatus(j.ID, flow.Cancelled)
		}
		w.end(w.job(js[0].ID), flow.Retry)
		w.wantStatus(js[0].ID, flow.Cancelled)
		_, err := w.gate(js[0].OrderKey)
		w.wantErr("read the gate", err, store.ErrNotFound)
	})},
}
