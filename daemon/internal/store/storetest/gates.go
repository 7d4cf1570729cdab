package storetest

import (
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// bothModes runs a case in each ordered mode.
func bothModes(run func(w *world, mode flow.Mode)) func(*world) {
	return func(w *world) {
		for _, mode := range []flow.Mode{flow.NextOnError, flow.BlockOnError} {
			w.note("in mode %s:", mode)
			run(w, mode)
		}
	}
}

func laneOf(mode flow.Mode) string { return "sub_" + mode.String() }

var gateCases = []testCase{
	{name: "pass to the next by position when the holder is delivered", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 4)
		for i, j := range js {
			w.wantHolder(j, js[i+1:]...)
			w.wantOffer(laneOf(mode), 10, j)
			w.deliver(j.ID, flow.Delivered)
			w.crash()
		}
		_, err := w.gate(js[0].OrderKey)
		w.wantErr("read the gate of a key without open work", err, store.ErrNotFound)
	})},
	{name: "stay with a holder that waits for its retry", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 2)
		for _, v := range []flow.Verdict{flow.Retry, flow.Throttled, flow.Deferred} {
			j := w.deliver(js[0].ID, v)
			want(w, "state after "+v.String(), j.Status, flow.Pending)
			w.wantHolder(js[0], js[1])
			o := w.wantOffer(laneOf(mode), 10)
			w.wantTime("next", o.Next, j.Due)
			w.sleep(j.Due.Sub(w.now))
			w.wantOffer(laneOf(mode), 10, js[0])
		}
	})},
	{name: "give a ticket and an exchange to nobody but the holder", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 3)
		for _, j := range js[1:] {
			st := w.start(j.ID, 1, "r1")
			if st.Result == store.StartOK || st.Result == store.StartEnded {
				w.fail("%s was started beside the holder", w.name(j.ID))
			}
			want(w, "its state", describe(w.job(j.ID)), "PENDING ticket 0 attempts 0 spent 0 waiting")
		}
		// The holder's own exchange does not let them in either.
		head := w.begin(js[0].ID)
		st := w.start(js[1].ID, 1, "r2")
		if st.Result == store.StartOK {
			w.fail("%s was started during an exchange of %s", w.name(js[1].ID), w.name(head.ID))
		}
		w.end(head, flow.Delivered)
		w.wantStart(js[1].ID, 1, "r2", store.StartOK)
	})},
	{name: "pass in NEXT_ON_ERROR when the holder becomes a dead letter", run: func(w *world) {
		js := w.line(flow.NextOnError, "sub_A", 3)
		w.block(js[0])
		w.wantHolder(js[1], js[2])
		want(w, "blocked keys", len(w.blocked()), 0)
		w.deliver(js[1].ID, flow.Gone)
		w.wantHolder(js[2])
	}},
	{name: "pass when the holder is cancelled", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 3)
		want(w, "state", w.cancel(js[0].ID).Status, flow.Cancelled)
		w.wantHolder(js[1], js[2])
		w.queue(js[1].ID)
		want(w, "state", w.cancel(js[1].ID).Status, flow.Cancelled)
		w.wantHolder(js[2])
		want(w, "state", w.cancel(js[2].ID).Status, flow.Cancelled)
		_, err := w.gate(js[0].OrderKey)
		w.wantErr("read the gate", err, store.ErrNotFound)
	})},
	{name: "stay when one that waits is cancelled", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 3)
		j := w.cancel(js[1].ID)
		want(w, "the cancelled one", describe(j), "CANCELLED ticket 0 attempts 0 spent 0 CANCELLED")
		w.wantHolder(js[0], js[2])
		w.deliver(js[0].ID, flow.Delivered)
		w.wantHolder(js[2])
	})},
	{name: "pass when the holder passes its absolute time in NEXT_ON_ERROR", run: func(w *world) {
		js := w.line(flow.NextOnError, "sub_A", 2, func(j *flow.Job) { j.ExpiresAt = w.now.Add(time.Minute) })
		w.sleep(time.Hour)
		w.wantStart(js[0].ID, 1, "r1", store.StartEnded)
		w.wantStatus(js[0].ID, flow.Expired)
		w.wantHolder(js[1])
	}},
	{name: "are one per key", run: func(w *world) {
		for i := range 3 {
			w.append(w.newEvent(func(e *flow.Event) { e.MessageGroup = fmt.Sprint(i % 2) }), w.newEvent(func(e *flow.Event) { e.MessageGroup = "0" }))
		}
		js := w.fanOut(func(e flow.Event) []flow.Job { return []flow.Job{w.newJob(e, "sub_A", flow.BlockOnError)} })
		// Groups 0 0 1 0 0 0: the heads are the first and the third.
		w.wantOffer("sub_A", 10, js[0], js[2])
		w.block(js[0])
		w.wantOffer("sub_A", 10, js[2])
		want(w, "the state of the other group's head", w.deliver(js[2].ID, flow.Delivered).Status, flow.Completed)
	}},
	{name: "are taken anew after a key has been idle", run: bothModes(func(w *world, mode flow.Mode) {
		for range 3 {
			j := w.line(mode, laneOf(mode), 1)[0]
			w.wantHolder(j)
			w.deliver(j.ID, flow.Delivered)
		}
	})},
}

var blockedCases = []testCase{
	{name: "a dead letter in BLOCK_ON_ERROR blocks its key", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 3)
		w.sleep(time.Minute)
		w.block(js[0])
		since := w.now
		w.wantHolder(js[0], js[1], js[2])
		for range 2 {
			g, err := w.gate(js[0].OrderKey)
			w.must(err, "read gate")
			w.wantTime("blocked since", g.BlockedSince, since)
			bs := w.blocked()
			want(w, "blocked keys", len(bs), 1)
			want(w, "the head", bs[0].Holder, js[0].ID)
			want(w, "the group", bs[0].MessageGroup, "g")
			want(w, "the subscription", bs[0].SubscriptionID, "sub_A")
			st, err := w.s.Stats(w.ctx)
			w.must(err, "stats")
			want(w, "blocked keys in stats", st.BlockedKeys, 1)
			w.wantOffer("sub_A", 10)
			later := w.line(flow.BlockOnError, "sub_A", 1)
			want(w, "a later one waits", later[0].Waiting, true)
			w.sleep(time.Hour)
			w.crash()
		}
	}},
	{name: "an expired head blocks too", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 2, func(j *flow.Job) { j.ExpiresAt = w.now.Add(time.Minute) })
		w.sleep(time.Minute)
		w.wantStart(js[0].ID, 1, "r1", store.StartEnded)
		w.wantHolder(js[0], js[1])
		want(w, "blocked keys", len(w.blocked()), 1)
	}},
	{name: "a blocked key alone stays blocked and later work waits", run: func(w *world) {
		j := w.line(flow.BlockOnError, "sub_A", 1)[0]
		w.block(j)
		want(w, "blocked keys", len(w.blocked()), 1)
		w.crash()
		later := w.line(flow.BlockOnError, "sub_A", 1)[0]
		want(w, "a later one waits", later.Waiting, true)
		w.wantHolder(j, later)
	}},
	{name: "retrying the head lets it go again, before the others", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 3)
		w.block(js[0])
		w.sleep(time.Hour)
		j := w.retry(js[0].ID)
		want(w, "the head", describe(j), "PENDING ticket 1 attempts 1 spent 0")
		w.wantTime("due", j.Due, w.now)
		want(w, "blocked keys", len(w.blocked()), 0)
		w.wantHolder(js[0], js[1], js[2])
		w.wantOffer("sub_A", 10, js[0])
		w.deliver(js[0].ID, flow.Delivered)
		w.wantHolder(js[1], js[2])
		st, err := w.s.Stats(w.ctx)
		w.must(err, "stats")
		want(w, "blocked keys in stats", st.BlockedKeys, 0)
	}},
	{name: "a head that fails again blocks again", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 2)
		for range 3 {
			w.block(js[0])
			want(w, "blocked keys", len(w.blocked()), 1)
			w.wantHolder(js[0], js[1])
			w.retry(js[0].ID)
		}
	}},
	{name: "skipping the head lets the next go", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 3)
		key := js[0].OrderKey
		if err := w.skip(key, js[0].ID); err == nil {
			w.fail("a key that is not blocked was skipped")
		}
		w.block(js[0])
		w.wantErr("skip one that waits", w.skip(key, js[1].ID), store.ErrConflict)
		w.must(w.skip(key, js[0].ID), "skip the head")
		j := w.wantStatus(js[0].ID, flow.Cancelled)
		want(w, "its reason", j.Reason, flow.ReasonSkipped)
		w.wantHolder(js[1], js[2])
		want(w, "blocked keys", len(w.blocked()), 0)
		if err := w.skip(key, js[0].ID); err == nil {
			w.fail("the same head was skipped twice")
		}
		w.wantHolder(js[1], js[2])
		w.crash()
		w.wantHolder(js[1], js[2])
	}},
	{name: "skipping the last head ends the gate", run: func(w *world) {
		j := w.line(flow.BlockOnError, "sub_A", 1)[0]
		w.block(j)
		w.must(w.skip(j.OrderKey, j.ID), "skip")
		_, err := w.gate(j.OrderKey)
		w.wantErr("read gate", err, store.ErrNotFound)
		w.wantHolder(w.line(flow.BlockOnError, "sub_A", 1)[0])
	}},
	{name: "cancelling what waits leaves the head", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 6)
		w.block(js[0])
		n, err := w.s.CancelWaiting(w.ctx, store.Everything, js[0].OrderKey, w.now, 2)
		w.must(err, "cancel waiting")
		want(w, "cancelled", n, 2)
		for total := n; ; total += n {
			n, err = w.s.CancelWaiting(w.ctx, store.Everything, js[0].OrderKey, w.now, 2)
			w.must(err, "cancel waiting")
			if n == 0 {
				want(w, "cancelled in all", total, 5)
				break
			}
			if n > 2 || total > 10 {
				w.fail("cancelled %d with a limit of 2, %d before", n, total)
			}
		}
		w.wantStatus(js[0].ID, flow.Failed)
		for _, j := range js[1:] {
			w.wantStatus(j.ID, flow.Cancelled)
		}
		want(w, "blocked keys", len(w.blocked()), 1)
		w.retry(js[0].ID)
		w.deliver(js[0].ID, flow.Delivered)
		_, err = w.gate(js[0].OrderKey)
		w.wantErr("read gate", err, store.ErrNotFound)
	}},
	{name: "cancelling what waits behind an exchange leaves the exchange", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 3)
		head := w.begin(js[0].ID)
		n, err := w.s.CancelWaiting(w.ctx, store.Everything, js[0].OrderKey, w.now, 100)
		w.must(err, "cancel waiting")
		want(w, "cancelled", n, 2)
		want(w, "the head", w.end(head, flow.Delivered).Status, flow.Completed)
	})},
}
