package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// replay is the id of the replay of most cases.
const replay flow.ID = 1 << 50

// replayJob makes the job of a replay for a subscription, or with "" for its
// own target.
func (w *world) replayJob(id flow.ID, e flow.Event, sub string, mode flow.Mode, mutate ...func(*flow.Job)) flow.Job {
	lane := flow.ReplayLane(id, sub)
	target := sub
	if target == "" {
		target = "https://elsewhere.example.com"
	}
	j := w.newJob(e, sub, mode, mutate...)
	j.ReplayID, j.Lane = id, lane
	j.OrderKey = flow.NewOrderKey(mode, target, e.ClientID, e.MessageGroup, id)
	return j
}

func (w *world) progress(id flow.ID) store.Progress {
	w.Helper()
	p, err := w.s.Progress(w.ctx, id)
	w.must(err, "read progress")
	return p
}

// advance does a step and insists on success.
func (w *world) advance(a store.Advance) store.Progress {
	w.Helper()
	p, err := w.s.Advance(w.ctx, a, w.now)
	w.must(err, "advance")
	w.note("advance %s from %d to %d with %d jobs and %d letters: %s", a.Work, a.From, a.To, len(a.Jobs), len(a.Letters), showProgress(p))
	want(w, "the progress that was answered and the one that is read", p, w.progress(a.Work))
	return p
}

func showProgress(p store.Progress) string {
	return fmt.Sprintf("cursor %d, examined %d, created %d: %d completed, %d failed, %d cancelled, %d expired, %d open",
		p.Cursor, p.Examined, p.Created, p.Completed, p.Failed, p.Cancelled, p.Expired, p.Open())
}

// wantEnded compares how the jobs of a replay have ended.
func (w *world) wantEnded(created, completed, failed, cancelled, expired int64) {
	w.Helper()
	p := w.progress(replay)
	got := [5]int64{p.Created, p.Completed, p.Failed, p.Cancelled, p.Expired}
	want(w, "created, completed, failed, cancelled, expired", got, [5]int64{created, completed, failed, cancelled, expired})
	want(w, "open jobs", p.Open(), created-completed-failed-cancelled-expired)
}

// replayLine makes n events of one group and the jobs of a replay for them, in
// one step, and returns them as stored.
func (w *world) replayLine(mode flow.Mode, sub string, n int) []flow.Job {
	w.Helper()
	events := make([]flow.Event, n)
	for i := range events {
		events[i] = w.newEvent(func(e *flow.Event) { e.MessageGroup = "g" })
	}
	events = w.append(events...)
	w.fanOut(func(flow.Event) []flow.Job { return nil })
	jobs := make([]flow.Job, n)
	for i, e := range events {
		jobs[i] = w.replayJob(replay, e, sub, mode)
	}
	from := w.progress(replay).Cursor
	w.advance(store.Advance{Work: replay, From: from, To: events[n-1].Position, Examined: n, Jobs: jobs})
	return w.stored(jobs)
}

var replayCases = []testCase{
	{name: "makes jobs in a lane of its own that know event, subscription and replay", run: func(w *world) {
		e := w.append(w.newEvent(func(e *flow.Event) { e.ClientID, e.MessageGroup = "clt_A", "g" }))[0]
		live := w.fanOut(func(e flow.Event) []flow.Job { return []flow.Job{w.newJob(e, "sub_A", flow.BlockOnError)} })[0]
		jobs := []flow.Job{
			w.replayJob(replay, e, "sub_A", flow.BlockOnError), w.replayJob(replay, e, "", flow.NextOnError), w.replayJob(replay+1, e, "sub_A", flow.Immediate),
		}
		w.advance(store.Advance{Work: replay, To: e.Position, Examined: 1, Jobs: jobs})
		stored := w.stored(jobs)
		for range 2 {
			for i, j := range stored {
				got := w.job(j.ID)
				want(w, "state", describe(got), "PENDING ticket 0 attempts 0 spent 0")
				want(w, "kind", got.Kind(), "EVENT")
				want(w, "event", got.EventID, e.ID)
				want(w, "position", got.Position, e.Position)
				want(w, "replay", got.ReplayID, jobs[i].ReplayID)
				want(w, "subscription", got.SubscriptionID, jobs[i].SubscriptionID)
				want(w, "lane", got.Lane, jobs[i].Lane)
				want(w, "client", got.ClientID, "clt_A")
				want(w, "order key", got.OrderKey, jobs[i].OrderKey)
				w.wantOffer(j.Lane, 10, got)
			}
			w.wantOffer("sub_A", 10, live)
			w.crash()
		}
		g, err := w.gate(stored[0].OrderKey)
		w.must(err, "gate")
		want(w, "the gate's replay, lane and subscription", fmt.Sprint(g.ReplayID, g.Lane, g.SubscriptionID), fmt.Sprint(replay, jobs[0].Lane, "sub_A"))
		g, err = w.gate(stored[1].OrderKey)
		w.must(err, "gate")
		want(w, "the gate's replay, lane and subscription", fmt.Sprint(g.ReplayID, g.Lane, g.SubscriptionID), fmt.Sprint(replay, jobs[1].Lane, ""))
		begun := w.begin(stored[1].ID)
		want(w, "the started job's subscription", begun.SubscriptionID, "")
		started := w.start(stored[0].ID, 1, "r1")
		if started.Event == nil || started.Event.ID != e.ID || len(started.Event.Data) == 0 {
			w.fail("the event of a started job of a replay is %+v", started.Event)
		}
	}},
	{name: "keeps order among its own and stands in nobody else's", run: bothModes(func(w *world, mode flow.Mode) {
		sub := laneOf(mode)
		live := w.line(mode, sub, 2)
		js := w.replayLine(mode, sub, 3)
		w.wantHolder(live[0], live[1])
		w.wantHolder(js[0], js[1], js[2])
		w.deliver(js[0].ID, flow.Delivered)
		w.wantHolder(js[1], js[2])
		w.wantHolder(live[0], live[1])
		w.deliver(live[0].ID, flow.Delivered)
		w.crash()
		w.wantHolder(live[1])
		w.wantHolder(js[1], js[2])
	})},
	{name: "leaves a job that exists and does not count it again", run: func(w *world) {
		js := w.replayLine(flow.Immediate, "sub_A", 3)
		w.deliver(js[0].ID, flow.Delivered)
		again := make([]flow.Job, len(js))
		for i, j := range js {
			e, err := w.s.Event(w.ctx, store.Everything, j.EventID)
			w.must(err, "event")
			again[i] = w.replayJob(replay, e, "sub_A", flow.Immediate)
		}
		p := w.progress(replay)
		again = append(again, again[2])
		w.advance(store.Advance{Work: replay, From: p.Cursor, To: p.Cursor + 1, Examined: 3, Jobs: again})
		w.wantEnded(3, 1, 0, 0, 0)
		w.wantStatus(js[0].ID, flow.Completed)
		want(w, "jobs", len(w.page(store.JobQuery{ReplayID: replay}).Jobs), 3)
		want(w, "examined", w.progress(replay).Examined, 6)
	}},
	{name: "is cancelled by its lane, with what waits and what is blocked", run: func(w *world) {
		block := w.replayLine(flow.BlockOnError, "sub_A", 4)
		free := w.replayLine(flow.Immediate, "sub_A", 3)
		other := w.replayLine(flow.Immediate, "sub_B", 1)[0]
		live := w.line(flow.BlockOnError, "sub_A", 2)
		w.block(block[0])
		w.queue(free[0].ID)
		begun := w.begin(free[1].ID)
		lane := flow.ReplayLane(replay, "sub_A")
		n, total := -1, 0
		for n != 0 {
			var err error
			n, err = w.s.CancelLane(w.ctx, lane, flow.ReasonReplay, w.now, 2)
			w.must(err, "cancel lane")
			total += n
		}
		want(w, "cancelled", total, 6)
		for _, id := range []flow.ID{block[1].ID, block[2].ID, block[3].ID, free[0].ID, free[2].ID} {
			want(w, "reason", w.wantStatus(id, flow.Cancelled).Reason, flow.ReasonReplay)
		}
		w.wantStatus(block[0].ID, flow.Failed)
		w.wantStatus(other.ID, flow.Pending)
		w.wantHolder(live[0], live[1])
		want(w, "blocked keys", len(w.blocked()), 0)
		w.wantEnded(8, 0, 1, 5, 0)
		w.end(begun, flow.Retry)
		w.wantEnded(8, 0, 1, 6, 0)
		w.crash()
		w.wantEnded(8, 0, 1, 6, 0)
	}},
	{name: "is found by its jobs, and they by their subscription", run: func(w *world) {
		live := w.line(flow.Immediate, "sub_A", 2)
		js := w.replayLine(flow.Immediate, "sub_A", 3)
		own := w.replayLine(flow.Immediate, "", 2)
		w.deliver(js[1].ID, flow.Reject)
		newest := func(of ...[]flow.Job) (names []string) {
			for _, jobs := range of {
				for i := len(jobs) - 1; i >= 0; i-- {
					names = append(names, w.name(jobs[i].ID))
				}
			}
			return names
		}
		for _, c := range []struct {
			q    store.JobQuery
			want []string
		}{
			{store.JobQuery{ReplayID: replay}, newest(own, js)},
			{store.JobQuery{ReplayID: replay + 1}, nil},
			{store.JobQuery{ReplayID: replay, SubscriptionID: "sub_A"}, newest(js)},
			{store.JobQuery{SubscriptionID: "sub_A"}, newest(js, live)},
			{store.JobQuery{SubscriptionID: "sub_A", Status: []flow.Status{flow.Pending}}, newest(js[2:], js[:1], live)},
			{store.JobQuery{ReplayID: replay, Status: []flow.Status{flow.Failed}}, newest(js[1:2])},
			{store.JobQuery{ReplayID: replay, Status: []flow.Status{flow.Pending, flow.Failed}}, newest(own, js)},
		} {
			var got []string
			for c.q.Limit = 1; ; {
				page := w.page(c.q)
				for _, v := range page.Jobs {
					got = append(got, w.name(v.Job.ID))
				}
				if page.Next == 0 {
					break
				}
				w.onward(int64(c.q.Before), int64(page.Next))
				c.q.Before = page.Next
			}
			want(w, fmt.Sprintf("the jobs of %+v", c.q), strings.Join(got, " "), strings.Join(c.want, " "))
		}
	}},
}

func (w *world) page(q store.JobQuery) store.JobPage {
	w.Helper()
	page, err := w.s.ListJobs(w.ctx, store.Everything, q)
	w.must(err, "list jobs")
	return page
}

var progressCases = []testCase{
	{name: "is zero before the first step, but for the id", run: func(w *world) {
		want(w, "progress", w.progress(replay), store.Progress{Work: replay})
	}},
	{name: "has one winner per step", run: func(w *world) {
		js := w.replayLine(flow.Immediate, "sub_A", 1)
		p := w.progress(replay)
		want(w, "cursor", p.Cursor, js[0].Position)
		e := w.append(w.newEvent())[0]
		w.fanOut(func(flow.Event) []flow.Job { return nil })
		for _, from := range []int64{0, 1, p.Cursor - 1, p.Cursor + 1} {
			_, err := w.s.Advance(w.ctx, store.Advance{Work: replay, From: from, To: e.Position, Examined: 1,
				Jobs: []flow.Job{w.replayJob(replay, e, "sub_A", flow.Immediate)}}, w.now)
			w.wantErr("advance from elsewhere", err, store.ErrConflict)
		}
		_, err := w.s.Advance(w.ctx, store.Advance{Work: replay + 1, From: 1, To: 2}, w.now)
		w.wantErr("a first step that is not from 0", err, store.ErrConflict)
		want(w, "progress", w.progress(replay), p)
		want(w, "progress of another", w.progress(replay+1), store.Progress{Work: replay + 1})
		want(w, "jobs", len(w.page(store.JobQuery{ReplayID: replay}).Jobs), 1)
		if _, err := w.s.Advance(w.ctx, store.Advance{Work: replay, From: p.Cursor, To: p.Cursor - 1}, w.now); err == nil {
			w.fail("a cursor went back")
		}
	}},
	{name: "has one winner among many at once", run: func(w *world) {
		e := w.append(w.newEvent())[0]
		w.fanOut(func(flow.Event) []flow.Job { return nil })
		results := make(chan error, 8)
		for i := range 8 {
			a := store.Advance{Work: replay, To: e.Position, Examined: 1, Jobs: []flow.Job{w.replayJob(replay, e, fmt.Sprintf("sub_%d", i), flow.Immediate)}}
			go func() {
				_, err := w.s.Advance(w.ctx, a, epoch)
				results <- err
			}()
		}
		won := 0
		for range 8 {
			if err := <-results; err == nil {
				won++
			} else {
				w.wantErr("advance", err, store.ErrConflict)
			}
		}
		want(w, "winners", won, 1)
		w.wantEnded(1, 0, 0, 0, 0)
		want(w, "jobs", len(w.page(store.JobQuery{ReplayID: replay}).Jobs), 1)
	}},
	{name: "counts each end in the commit in which it comes", run: func(w *world) {
		js := w.replayLine(flow.Immediate, "sub_A", 8)
		w.wantEnded(8, 0, 0, 0, 0)
		w.deliver(js[0].ID, flow.Delivered)
		w.wantEnded(8, 1, 0, 0, 0)
		w.deliver(js[1].ID, flow.Reject)
		w.wantEnded(8, 1, 1, 0, 0)
		w.deliver(js[2].ID, flow.Retry)
		w.wantEnded(8, 1, 1, 0, 0)
		w.cancel(js[2].ID)
		w.wantEnded(8, 1, 1, 1, 0)
		begun := w.begin(js[3].ID)
		w.cancel(js[3].ID)
		w.wantEnded(8, 1, 1, 1, 0)
		w.end(begun, flow.Retry)
		w.wantEnded(8, 1, 1, 2, 0)
		// Several in one call, one of them late.
		a, b := w.begin(js[4].ID), w.begin(js[5].ID)
		out, err := w.s.Record(w.ctx, []store.Outcome{w.outcome(a, flow.Delivered), w.outcome(b, flow.Delivered), w.outcome(a, flow.Delivered)}, w.now)
		w.must(err, "record")
		w.wantErr("record again", out[2].Err, store.ErrConflict)
		w.wantEnded(8, 3, 1, 2, 0)
		w.crash()
		w.wantEnded(8, 3, 1, 2, 0)
	}},
	{name: "counts what expires and what its routers lose", run: func(w *world) {
		e := w.append(w.newEvent())[0]
		w.fanOut(func(flow.Event) []flow.Job { return nil })
		late := w.replayJob(replay, e, "sub_A", flow.Immediate, func(j *flow.Job) { j.ExpiresAt = w.now.Add(time.Minute) })
		lost := w.replayJob(replay, e, "sub_B", flow.Immediate)
		w.advance(store.Advance{Work: replay, To: e.Position, Jobs: []flow.Job{late, lost}})
		js := w.stored([]flow.Job{late, lost})
		w.sleep(time.Hour)
		w.wantStart(js[0].ID, 1, "r1", store.StartEnded)
		w.wantEnded(2, 0, 0, 0, 1)
		for range flow.MaxLost {
			w.begin(js[1].ID)
			w.sleep(time.Hour)
			w.recover(time.Time{}, 10)
		}
		w.wantStatus(js[1].ID, flow.Failed)
		w.wantEnded(2, 0, 1, 0, 1)
	}},
	{name: "counts what ends because its process was lost", run: func(w *world) {
		js := w.replayLine(flow.Immediate, "sub_A", 2)
		begun := w.begin(js[1].ID)
		w.cancel(js[1].ID)
		for range flow.MaxLost {
			w.begin(js[0].ID)
			w.crash()
			w.sleep(time.Hour)
			w.recover(time.Time{}, 10)
		}
		want(w, "the reason", w.wantStatus(js[0].ID, flow.Failed).Reason, flow.ReasonRouterLost)
		w.wantEnded(2, 0, 1, 1, 0)
		w.crash()
		w.wantEnded(2, 0, 1, 1, 0)
		w.wantLate(begun)
	}},
	{name: "takes a dead letter that is retried for open, and one that is given up for cancelled", run: func(w *world) {
		js := w.replayLine(flow.BlockOnError, "sub_A", 4)
		w.block(js[0])
		w.wantEnded(4, 0, 1, 0, 0)
		w.retry(js[0].ID)
		w.wantEnded(4, 0, 0, 0, 0)
		w.retry(js[0].ID)
		w.wantEnded(4, 0, 0, 0, 0)
		w.block(js[0])
		w.must(w.skip(js[0].OrderKey, js[0].ID), "skip")
		w.wantEnded(4, 0, 0, 1, 0)
		w.block(js[1])
		w.discard(js[1].ID, "no longer wanted")
		w.wantEnded(4, 0, 0, 2, 0)
		w.discard(js[1].ID, "again")
		n, err := w.s.CancelWaiting(w.ctx, store.Everything, js[2].OrderKey, w.now, 10)
		w.must(err, "cancel waiting")
		want(w, "cancelled", n, 1)
		w.wantEnded(4, 0, 0, 3, 0)
		w.deliver(js[2].ID, flow.Delivered)
		w.wantEnded(4, 1, 0, 3, 0)
		w.crash()
		w.wantEnded(4, 1, 0, 3, 0)
	}},
	{name: "keeps the counts of several apart", run: func(w *world) {
		es := w.append(w.newEvent(), w.newEvent())
		w.fanOut(func(flow.Event) []flow.Job { return nil })
		var all []flow.Job
		for _, id := range []flow.ID{replay, replay + 1, replay + 2} {
			jobs := []flow.Job{w.replayJob(id, es[0], "sub_A", flow.Immediate), w.replayJob(id, es[1], "sub_A", flow.Immediate)}
			w.advance(store.Advance{Work: id, To: es[1].Position, Examined: 2, Jobs: jobs})
			all = append(all, w.stored(jobs)...)
		}
		var outs []store.Outcome
		for i, v := range []flow.Verdict{flow.Delivered, flow.Delivered, flow.Delivered, flow.Reject, flow.Reject, flow.Reject} {
			outs = append(outs, w.outcome(w.begin(all[i].ID), v))
		}
		_, err := w.s.Record(w.ctx, outs, w.now)
		w.must(err, "record")
		for i, wanted := range [][2]int64{{2, 0}, {1, 1}, {0, 2}} {
			p := w.progress(replay + flow.ID(i))
			want(w, "completed and failed", [2]int64{p.Completed, p.Failed}, wanted)
			want(w, "open", p.Open(), 0)
		}
	}},
	{name: "is forgotten when asked, and stays so when a job ends later", run: func(w *world) {
		js := w.replayLine(flow.Immediate, "sub_A", 2)
		w.advance(store.Advance{Work: replay + 1, To: 5, Examined: 3})
		begun := w.begin(js[0].ID)
		w.must(w.s.Forget(w.ctx, replay, replay+7), "forget")
		w.must(w.s.Forget(w.ctx), "forget nothing")
		w.end(begun, flow.Delivered)
		want(w, "progress", w.progress(replay), store.Progress{Work: replay})
		want(w, "progress of another", w.progress(replay+1), store.Progress{Work: replay + 1, Cursor: 5, Examined: 3})
		w.crash()
		want(w, "progress", w.progress(replay), store.Progress{Work: replay})
	}},
	{name: "survives a crash between two steps, and the step is repeated", run: func(w *world) {
		es := w.append(w.newEvent(), w.newEvent(), w.newEvent())
		w.fanOut(func(flow.Event) []flow.Job { return nil })
		from := int64(0)
		for _, e := range es {
			a := store.Advance{Work: replay, From: from, To: e.Position, Examined: 1, Jobs: []flow.Job{w.replayJob(replay, e, "sub_A", flow.Immediate)}}
			w.advance(a)
			w.crash()
			// Whoever does not know whether it was done is told.
			_, err := w.s.Advance(w.ctx, a, w.now)
			w.wantErr("repeat the step", err, store.ErrConflict)
			from = w.progress(replay).Cursor
			want(w, "cursor", from, e.Position)
		}
		w.wantEnded(3, 0, 0, 0, 0)
		want(w, "jobs", len(w.page(store.JobQuery{ReplayID: replay}).Jobs), 3)
	}},
}
