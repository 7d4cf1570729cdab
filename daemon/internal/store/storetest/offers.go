package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

var offerCases = []testCase{
	{name: "is due jobs by due time, then position", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 5)
		w.deliver(js[0].ID, flow.Retry) // due in a minute
		w.sleep(10 * time.Second)
		w.deliver(js[1].ID, flow.Retry) // due ten seconds after that
		o := w.wantOffer("sub_A", 10, js[2], js[3], js[4])
		w.wantTime("next", o.Next, epoch.Add(time.Minute))
		w.sleep(50 * time.Second)
		o = w.wantOffer("sub_A", 10, js[2], js[3], js[4], js[0])
		w.wantTime("next", o.Next, epoch.Add(70*time.Second))
		w.sleep(10 * time.Second)
		o = w.wantOffer("sub_A", 10, js[2], js[3], js[4], js[0], js[1])
		w.wantTime("next", o.Next, time.Time{})
		w.crash()
		w.wantOffer("sub_A", 10, js[2], js[3], js[4], js[0], js[1])
	}},
	{name: "is at most the window less what is out", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 8)
		w.wantOffer("sub_A", 3, js[0], js[1], js[2])
		w.queue(js[0].ID)
		w.begin(js[1].ID)
		o := w.wantOffer("sub_A", 3, js[2])
		want(w, "out", o.Out, 2)
		w.wantOffer("sub_A", 5, js[2], js[3], js[4])
		w.wantOffer("sub_A", 2)
		w.wantOffer("sub_A", 1)
		w.end(w.job(js[1].ID), flow.Delivered)
		o = w.wantOffer("sub_A", 3, js[2], js[3])
		want(w, "out", o.Out, 1)
		w.cancel(js[0].ID)
		want(w, "out after a cancel", w.offer("sub_A", 3).Out, 0)
	}},
	{name: "counts what is out through every verb", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 4)
		out := func(n int) {
			w.Helper()
			want(w, "out", w.offer("sub_A", 10).Out, n)
		}
		n := w.queue(js[0].ID)
		w.queue(js[1].ID)
		out(2)
		w.park(js[0].ID, n, w.now)
		out(1)
		w.sleep(10 * time.Minute)
		want(w, "stale", w.recover(w.now, 10).Stale, 1)
		out(0)
		w.begin(js[2].ID)
		out(1)
		w.sleep(time.Minute)
		want(w, "lost", w.recover(time.Time{}, 10).Lost, 1)
		out(0)
		w.begin(js[2].ID)
		w.sleep(time.Minute)
		w.wantStart(js[2].ID, w.job(js[2].ID).Ticket, "r2", store.StartOK) // a takeover
		out(1)
		w.end(w.job(js[2].ID), flow.Retry)
		out(0)
	}},
	{name: "of one lane does not show another's", run: func(w *world) {
		a := w.line(flow.Immediate, "sub_A", 1)[0]
		b := w.line(flow.Immediate, "sub_B", 1)[0]
		t := w.insertTasks(w.newTask())[0]
		w.wantOffer("sub_A", 10, a)
		w.wantOffer("sub_B", 10, b)
		w.wantOffer(t.Lane, 10, t)
		w.wantOffer("sub_C", 10)
	}},
	{name: "does not put a job away", run: func(w *world) {
		j := w.one()
		for range 3 {
			w.wantOffer("sub_A", 10, j)
		}
	}},
	{name: "shows what may be asked of a job", run: func(w *world) {
		j := w.one(func(j *flow.Job) { j.ExpiresAt = w.now.Add(time.Hour) })
		got := w.offer("sub_A", 10).Jobs[0]
		want(w, "ticket", got.Ticket, 0)
		want(w, "lane", got.Lane, "sub_A")
		want(w, "event", got.EventID, j.EventID)
		want(w, "policy", got.Policy.Equal(j.Policy), true)
		w.wantTime("expiresAt", got.ExpiresAt, j.ExpiresAt)
	}},
	{name: "has lanes with open work that may go, in order of their names", run: func(w *world) {
		var names []string
		for i := range 7 {
			lane := fmt.Sprintf("sub_%d", (i*5)%7)
			w.line(flow.Immediate, lane, 1)
			names = append(names, lane)
		}
		slices.Sort(names)
		for _, limit := range []int{1, 3, 100} {
			var got []string
			after := ""
			for {
				ls, err := w.s.Lanes(w.ctx, after, limit)
				w.must(err, "lanes")
				if len(ls) > limit {
					w.fail("%d lanes for a limit of %d", len(ls), limit)
				}
				if len(ls) == 0 {
					break
				}
				for _, l := range ls {
					got = append(got, l.Name)
				}
				after = ls[len(ls)-1].Name
				if len(got) > 100 {
					w.fail("the lanes never end: %v", got)
				}
			}
			want(w, fmt.Sprintf("the lanes by %d", limit), fmt.Sprint(got), fmt.Sprint(names))
		}
	}},
	{name: "has lanes that say when their first pending job is due", run: func(w *world) {
		j := w.one()
		w.wantTime("next of the due lane", w.lanes()["sub_A"], j.Due)
		started := w.begin(j.ID)
		next, ok := w.lanes()["sub_A"]
		want(w, "the lane of a job that is out is listed", ok, true)
		w.wantTime("next of a lane whose jobs are out", next, time.Time{})
		j = w.end(started, flow.Retry)
		w.wantTime("next of a lane that waits for a retry", w.lanes()["sub_A"], j.Due)
		w.cancel(j.ID)
		_, ok = w.lanes()["sub_A"]
		want(w, "a lane without open work is listed", ok, false)
	}},
	{name: "has no lane for what only waits", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 2)
		w.block(js[0])
		_, ok := w.lanes()["sub_A"]
		want(w, "a lane that is blocked is listed", ok, false)
		w.must(w.skip(js[0].OrderKey, js[0].ID), "skip")
		w.wantTime("next after the skip", w.lanes()["sub_A"], js[1].Due)
		w.crash()
		w.wantTime("next after a crash", w.lanes()["sub_A"], js[1].Due)
	}},
}

func (w *world) lanes() map[string]time.Time {
	w.Helper()
	ls, err := w.s.Lanes(w.ctx, "", 1000)
	w.must(err, "lanes")
	m := map[string]time.Time{}
	for _, l := range ls {
		m[l.Name] = l.Next
	}
	return m
}

var ticketCases = []testCase{
	{name: "mark a job queued that is pending with the ticket before", run: func(w *world) {
		j := w.one()
		w.markQueued(store.Ticket{Job: j.ID, Number: 1})
		for range 2 {
			got := w.job(j.ID)
			if w.f.SingleOwner && got.Status == flow.Pending {
				break // after the crash it is given back
			}
			want(w, "the job", describe(got), "QUEUED ticket 1 attempts 0 spent 0")
			w.wantTime("queuedAt", got.QueuedAt, w.now)
			w.crash()
		}
	}},
	{name: "leave every other job as it is, without an error", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 3)
		w.queue(js[0].ID)
		w.begin(js[1].ID)
		w.deliver(js[2].ID, flow.Delivered)
		before := []string{describe(w.job(js[0].ID)), describe(w.job(js[1].ID)), describe(w.job(js[2].ID))}
		w.sleep(time.Minute)
		for _, n := range []int64{0, 1, 2, 3, -1} {
			w.markQueued(store.Ticket{Job: js[0].ID, Number: n}, store.Ticket{Job: js[1].ID, Number: n}, store.Ticket{Job: js[2].ID, Number: n},
				store.Ticket{Job: 424242, Number: n})
		}
		for i, j := range js {
			want(w, w.name(j.ID), describe(w.job(j.ID)), before[i])
		}
	}},
	{name: "are marked one by one within a batch", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 3)
		w.markQueued(store.Ticket{Job: js[0].ID, Number: 1}, store.Ticket{Job: js[1].ID, Number: 2}, store.Ticket{Job: js[2].ID, Number: 1})
		w.wantStatus(js[0].ID, flow.Queued)
		w.wantStatus(js[1].ID, flow.Pending)
		w.wantStatus(js[2].ID, flow.Queued)
	}},
	{name: "that are started before the mark are not queued by it", run: func(w *world) {
		j := w.one()
		w.wantStart(j.ID, 1, "r1", store.StartOK)
		w.markQueued(store.Ticket{Job: j.ID, Number: 1})
		j = w.wantStatus(j.ID, flow.Processing)
		j = w.end(j, flow.Retry)
		w.markQueued(store.Ticket{Job: j.ID, Number: 1})
		want(w, "the job", describe(w.job(j.ID)), "PENDING ticket 1 attempts 1 spent 1")
		w.markQueued(store.Ticket{Job: j.ID, Number: 2})
		w.wantStatus(j.ID, flow.Queued)
	}},
	{name: "are given back by a park with nothing else spent", run: func(w *world) {
		j := w.one()
		w.queue(j.ID)
		w.park(j.ID, 1, w.now.Add(time.Minute))
		got := w.job(j.ID)
		want(w, "the job", describe(got), "PENDING ticket 1 attempts 0 spent 0")
		w.wantTime("due", got.Due, w.now.Add(time.Minute))
		w.wantOffer("sub_A", 10)
		w.wantStart(j.ID, 1, "r1", store.StartStale)
		w.sleep(time.Minute)
		w.wantOffer("sub_A", 10, j)
		w.wantStart(j.ID, 2, "r1", store.StartOK)
	}},
	{name: "are given back before they are marked", run: func(w *world) {
		j := w.one()
		w.park(j.ID, 1, w.now.Add(time.Minute))
		got := w.job(j.ID)
		want(w, "the job", describe(got), "PENDING ticket 1 attempts 0 spent 0")
		w.wantTime("due", got.Due, w.now.Add(time.Minute))
		w.markQueued(store.Ticket{Job: j.ID, Number: 1})
		w.wantStatus(j.ID, flow.Pending)
	}},
	{name: "that are stale park nothing", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 3)
		w.queue(js[0].ID)
		w.begin(js[1].ID)
		w.deliver(js[2].ID, flow.Delivered)
		for _, n := range []int64{0, 2, 3} {
			w.park(js[0].ID, n, w.now.Add(time.Hour))
		}
		w.park(js[1].ID, 1, w.now.Add(time.Hour))
		w.park(js[2].ID, 1, w.now.Add(time.Hour))
		w.park(424242, 1, w.now.Add(time.Hour))
		w.wantStatus(js[0].ID, flow.Queued)
		w.wantStatus(js[1].ID, flow.Processing)
		w.wantStatus(js[2].ID, flow.Completed)
	}},
	{name: "keep the gate while they are parked", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 2)
		w.queue(js[0].ID)
		w.park(js[0].ID, 1, w.now.Add(time.Minute))
		w.wantHolder(js[0], js[1])
		o := w.wantOffer(laneOf(mode), 10)
		w.wantTime("next", o.Next, w.now.Add(time.Minute))
	})},
}
