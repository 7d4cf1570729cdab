package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Two routers share a store. One of them is abandoned in the middle of its
// exchanges, or frozen past its leases and then woken: what it does then must
// change nothing.

// wantLate has a router do all that it can with what it held, and insists that
// nothing comes of it.
func (w *world) wantLate(held ...flow.Job) {
	w.Helper()
	before := map[flow.ID]string{}
	for _, j := range held {
		before[j.ID] = w.full(w.job(j.ID)) + fmt.Sprint(len(w.attempts(j.ID)))
	}
	for _, j := range held {
		for _, v := range []flow.Verdict{flow.Delivered, flow.Retry, flow.Deferred, flow.Reject, flow.Gone} {
			w.wantErr("a late outcome of "+w.name(j.ID), w.record(w.outcome(j, v)).Err, store.ErrConflict)
		}
		st := w.start(j.ID, j.Ticket, j.LeaseOwner)
		if st.Result != store.StartStale && st.Result != store.StartLeased {
			w.fail("%s was %s with a ticket of before", w.name(j.ID), startNames[st.Result])
		}
		w.park(j.ID, j.Ticket, w.now.Add(time.Hour))
		w.markQueued(store.Ticket{Job: j.ID, Number: j.Ticket})
	}
	for _, j := range held {
		want(w, w.name(j.ID), w.full(w.job(j.ID))+fmt.Sprint(len(w.attempts(j.ID))), before[j.ID])
	}
}

var rivalCases = []testCase{
	{name: "that take over refuse the late outcome of the former owner", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 3)
		w.queue(js[0].ID)
		held := w.wantStart(js[0].ID, 1, "r1", store.StartOK)
		w.sleep(time.Minute)
		taken := w.wantStart(js[0].ID, 1, "r2", store.StartOK)
		want(w, "the attempt of the takeover", taken.Attempts, 2)
		w.wantLate(held)
		w.wantHolder(js[0], js[1], js[2])
		w.end(taken, flow.Delivered)
		w.wantHolder(js[1], js[2])
		w.wantLate(held)
		w.wantHolder(js[1], js[2])
		var verdicts []flow.Verdict
		for _, a := range w.attempts(js[0].ID) {
			verdicts = append(verdicts, a.Verdict)
		}
		want(w, "the attempts", fmt.Sprint(verdicts), fmt.Sprint([]flow.Verdict{flow.Lost, flow.Delivered}))
	})},
	{name: "that go on after a recovery refuse a frozen owner", run: bothModes(func(w *world, mode flow.Mode) {
		lane := laneOf(mode)
		js := w.line(mode, lane, 3)
		free := w.groups(lane, mode, "x", "y")
		held := []flow.Job{w.begin(js[0].ID), w.begin(free[0].ID), w.begin(free[1].ID)}
		w.sleep(time.Minute)
		want(w, "recovered", w.recover(time.Time{}, 10), store.Recovered{Lost: 3})
		w.wantLate(held...)
		// One was delivered by the other, one is in its hands, one is PENDING.
		w.queue(js[0].ID)
		w.end(w.wantStart(js[0].ID, 2, "r2", store.StartOK), flow.Delivered)
		w.queue(free[0].ID)
		going := w.wantStart(free[0].ID, 2, "r2", store.StartOK)
		w.wantLate(held...)
		w.wantHolder(js[1], js[2])
		w.end(going, flow.Retry)
		w.wantLate(held...)
		w.crash()
		w.wantLate(held...)
		w.wantHolder(js[1], js[2])
	})},
	{name: "do not block a key by what comes too late", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 2)
		held := w.begin(js[0].ID)
		w.sleep(time.Minute)
		w.end(w.wantStart(js[0].ID, 1, "r2", store.StartOK), flow.Delivered)
		w.wantErr("a late dead letter", w.record(w.outcome(held, flow.Reject)).Err, store.ErrConflict)
		want(w, "blocked keys", len(w.blocked()), 0)
		w.wantHolder(js[1])
	}},
	{name: "are told apart from the same router's own earlier exchange", run: func(w *world) {
		j := w.one()
		held := w.begin(j.ID)
		w.sleep(time.Minute)
		again := w.wantStart(j.ID, 1, "r1", store.StartOK)
		w.wantLate(held)
		want(w, "state", w.end(again, flow.Delivered).Status, flow.Completed)
		w.wantLate(held)
	}},
	{name: "have one winner at the end of a lease", run: func(w *world) {
		for range 20 {
			j := w.one()
			held := w.begin(j.ID)
			w.sleep(time.Minute)
			late := w.outcome(held, flow.Delivered)
			recorded, started := make(chan error, 1), make(chan store.StartResult, 1)
			go func() {
				out, err := w.s.Record(w.ctx, []store.Outcome{late}, w.now)
				if err == nil {
					err = out[0].Err
				}
				recorded <- err
			}()
			go func() {
				out, err := w.s.Start(w.ctx, []store.Start{{Job: j.ID, Ticket: 1, Owner: "r2", Slack: slack}}, w.now)
				if err != nil || len(out) != 1 {
					close(started)
					return
				}
				started <- out[0].Result
			}()
			err := <-recorded
			result, answered := <-started
			want(w, "the start was answered", answered, true)
			switch {
			case err == nil && result == store.StartStale:
				w.wantStatus(j.ID, flow.Completed)
				want(w, "attempts", len(w.attempts(j.ID)), 1)
			case errors.Is(err, store.ErrConflict) && result == store.StartOK:
				want(w, "state", describe(w.job(j.ID)), "PROCESSING ticket 1 attempts 2 spent 0")
				want(w, "the owner", w.job(j.ID).LeaseOwner, "r2")
				w.end(w.job(j.ID), flow.Delivered)
				want(w, "attempts", len(w.attempts(j.ID)), 2)
			default:
				w.fail("the outcome was answered by %v and the takeover was %s", err, startNames[result])
			}
		}
	}},
	{name: "count a replay's job once, whoever ends it", run: func(w *world) {
		js := w.replayLine(flow.Immediate, "sub_A", 2)
		held := []flow.Job{w.begin(js[0].ID), w.begin(js[1].ID)}
		w.sleep(time.Minute)
		w.end(w.wantStart(js[0].ID, 1, "r2", store.StartOK), flow.Delivered)
		w.wantLate(held[0])
		w.wantEnded(2, 1, 0, 0, 0)
		w.recover(time.Time{}, 10)
		w.wantLate(held[1])
		w.wantEnded(2, 1, 0, 0, 0)
	}},
}
