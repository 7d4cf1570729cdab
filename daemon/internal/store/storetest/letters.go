package storetest

import (
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func (w *world) discard(id flow.ID, note string) flow.Job {
	w.Helper()
	j, err := w.s.Discard(w.ctx, store.Everything, id, note, w.now)
	w.must(err, "discard "+w.name(id))
	w.note("discard %s: %s", w.name(id), describe(j))
	return j
}

// letters makes unordered jobs that end with the verdicts; Lost stands for one
// that expires.
func (w *world) letters(sub string, verdicts ...flow.Verdict) []flow.Job {
	w.Helper()
	events := make([]flow.Event, len(verdicts))
	for i := range events {
		events[i] = w.newEvent()
	}
	w.append(events...)
	i := 0
	js := w.fanOut(func(e flow.Event) []flow.Job {
		i++
		return []flow.Job{w.newJob(e, sub, flow.Immediate, func(j *flow.Job) {
			if verdicts[i-1] == flow.Lost {
				j.ExpiresAt = w.now.Add(-time.Millisecond)
			}
		})}
	})
	for i, v := range verdicts {
		if v == flow.Lost {
			js[i] = w.wantStart(js[i].ID, 1, "r1", store.StartEnded)
			continue
		}
		js[i] = w.deliver(js[i].ID, v)
	}
	return js
}

// walk pages through the dead letters of a query.
func (w *world) walk(sc store.Scope, q store.JobQuery) (found []flow.Job) {
	w.Helper()
	for after := flow.ID(0); ; {
		page, err := w.s.Letters(w.ctx, sc, after, q)
		w.must(err, "letters")
		for _, v := range page.Jobs {
			if v.Job.ID <= after {
				w.fail("the letter %s stands before %s, after which was asked", v.Job.ID, after)
			}
			after = v.Job.ID
			found = append(found, v.Job)
		}
		if len(page.Jobs) > store.PageLimit(q.Limit) {
			w.fail("a page of %d letters for a limit of %d", len(page.Jobs), q.Limit)
		}
		if page.Next == 0 {
			return found
		}
		if page.Next < after {
			w.fail("the cursor is %s after the letter %s", page.Next, after)
		}
		after = page.Next
	}
}

var letterCases = []testCase{
	{name: "come oldest first, whatever ended them, and no other jobs do", run: func(w *world) {
		js := w.letters("sub_A", flow.Reject, flow.Lost, flow.Delivered, flow.Retry, flow.Gone, flow.Lost)
		w.cancel(js[3].ID)
		t := w.insertTasks(w.newTask())[0]
		w.deliver(t.ID, flow.Reject)
		for _, limit := range []int{1, 2, 50} {
			want(w, "the letters", w.list(w.walk(store.Everything, store.JobQuery{Limit: limit})), w.list([]flow.Job{js[0], js[1], js[4], js[5], t}))
		}
		w.retry(js[1].ID)
		w.discard(js[4].ID, "")
		w.crash()
		want(w, "the letters that are left", w.list(w.walk(store.Everything, store.JobQuery{})), w.list([]flow.Job{js[0], js[5], t}))
		v, err := w.s.Letters(w.ctx, store.Everything, 0, store.JobQuery{Limit: 1})
		w.must(err, "letters")
		if e := v.Jobs[0].Event; e == nil || e.ID != js[0].EventID || len(e.Data) != 0 {
			w.fail("the head of the letter's event is %+v", e)
		}
	}},
	{name: "are filtered and bounded from above", run: func(w *world) {
		a := w.letters("sub_A", flow.Reject, flow.Lost, flow.Gone)
		w.sleep(time.Hour)
		b := w.letters("sub_B", flow.Reject, flow.Gone)
		r := w.replayLine(flow.Immediate, "sub_B", 2)
		w.deliver(r[0].ID, flow.Reject)
		g := w.line(flow.Immediate, "sub_C", 1)
		w.deliver(g[0].ID, flow.Reject)
		for _, c := range []struct {
			q    store.JobQuery
			want []flow.Job
		}{
			{store.JobQuery{Status: []flow.Status{flow.Expired}}, a[1:2]},
			{store.JobQuery{Status: []flow.Status{flow.Failed, flow.Expired}, SubscriptionID: "sub_A"}, a},
			{store.JobQuery{Status: []flow.Status{flow.Pending}}, nil},
			{store.JobQuery{Reason: flow.ReasonGone}, []flow.Job{a[2], b[1]}},
			{store.JobQuery{Before: b[1].ID}, []flow.Job{a[0], a[1], a[2], b[0]}},
			{store.JobQuery{Since: epoch.Add(time.Minute)}, []flow.Job{b[0], b[1], r[0], g[0]}},
			{store.JobQuery{Until: epoch.Add(time.Minute)}, a},
			{store.JobQuery{SubscriptionID: "sub_B"}, []flow.Job{b[0], b[1], r[0]}},
			{store.JobQuery{ReplayID: replay}, r[:1]},
			{store.JobQuery{MessageGroup: "g", SubscriptionID: "sub_C"}, g},
			{store.JobQuery{EventID: b[0].EventID}, b[:1]},
		} {
			c.q.Limit = 2
			want(w, fmt.Sprintf("the letters of %+v", c.q), w.list(w.walk(store.Everything, c.q)), w.list(c.want))
		}
	}},
	{name: "are listed newest first by their states, with reason and replay", run: func(w *world) {
		a := w.letters("sub_A", flow.Reject, flow.Lost, flow.Gone, flow.Delivered)
		c := w.letters("sub_A", flow.Lost)
		r := w.replayLine(flow.Immediate, "sub_B", 1)
		w.deliver(r[0].ID, flow.Gone)
		for _, q := range []struct {
			q    store.JobQuery
			want []flow.Job
		}{
			{store.JobQuery{Status: []flow.Status{flow.Failed, flow.Expired}}, []flow.Job{r[0], c[0], a[2], a[1], a[0]}},
			{store.JobQuery{Status: []flow.Status{flow.Expired}}, []flow.Job{c[0], a[1]}},
			{store.JobQuery{Status: []flow.Status{flow.Failed}}, []flow.Job{r[0], a[2], a[0]}},
			{store.JobQuery{Status: []flow.Status{flow.Failed, flow.Expired}, Reason: flow.ReasonGone}, []flow.Job{r[0], a[2]}},
			{store.JobQuery{Reason: flow.ReasonExpiresAt}, []flow.Job{c[0], a[1]}},
			{store.JobQuery{Status: []flow.Status{flow.Failed, flow.Expired}, ReplayID: replay}, r},
		} {
			var got []flow.Job
			for q.q.Limit = 2; ; {
				page := w.page(q.q)
				for _, v := range page.Jobs {
					got = append(got, v.Job)
				}
				if page.Next == 0 {
					break
				}
				w.onward(int64(q.q.Before), int64(page.Next))
				q.q.Before = page.Next
			}
			want(w, fmt.Sprintf("the jobs of %+v", q.q), w.list(got), w.list(q.want))
		}
	}},
	{name: "are retried or discarded in one commit with the cursor, and counted", run: func(w *world) {
		for i, act := range []flow.LetterAct{flow.LettersRetry, flow.LettersDiscard} {
			task := replay + 10 + flow.ID(i)
			js := w.letters("sub_A", flow.Reject, flow.Delivered, flow.Lost, flow.Reject)
			w.retry(js[3].ID)
			ids := []flow.ID{js[0].ID, js[1].ID, js[2].ID, js[3].ID, js[0].ID, 424242}
			a := store.Advance{Work: task, To: int64(js[3].ID), Examined: 5, Letters: ids, Act: act, Note: "the receiver is gone"}
			p := w.advance(a)
			want(w, "progress", p, store.Progress{Work: task, Cursor: int64(js[3].ID), Examined: 5, Created: 2})
			_, err := w.s.Advance(w.ctx, a, w.now)
			w.wantErr("the same step again", err, store.ErrConflict)
			w.crash()
			want(w, "progress", w.progress(task), p)
			wanted := "PENDING ticket 1 attempts 1 spent 0"
			if act == flow.LettersDiscard {
				wanted = "CANCELLED ticket 1 attempts 1 spent 1 DISCARDED"
				want(w, "the note", w.job(js[0].ID).LastError, "the receiver is gone")
			}
			want(w, "the first", describe(w.job(js[0].ID)), wanted)
			w.wantStatus(js[1].ID, flow.Completed)
			w.wantStatus(js[3].ID, flow.Pending)
		}
	}},
	{name: "of ordered keys are retried in their order", run: bothModes(func(w *world, mode flow.Mode) {
		js := w.line(mode, laneOf(mode), 3)
		w.block(js[0])
		if mode == flow.NextOnError {
			w.block(js[1])
			w.advance(store.Advance{Work: replay, To: 1, Letters: []flow.ID{js[0].ID, js[1].ID}, Act: flow.LettersRetry})
			// The third has its turn already; they wait for theirs.
			w.wantHolder(js[2], js[0], js[1])
			w.deliver(js[2].ID, flow.Delivered)
			w.wantHolder(js[0], js[1])
			return
		}
		w.advance(store.Advance{Work: replay + 1, To: 1, Letters: []flow.ID{js[0].ID, js[1].ID}, Act: flow.LettersRetry})
		w.wantHolder(js[0], js[1], js[2])
		w.block(js[0])
		w.advance(store.Advance{Work: replay + 1, From: 1, To: 2, Letters: []flow.ID{js[0].ID}, Act: flow.LettersDiscard})
		w.wantHolder(js[1], js[2])
	})},
	{name: "are counted in stats, with the age of the oldest", run: func(w *world) {
		stats := func(n int64, oldest time.Time) {
			w.Helper()
			st, err := w.s.Stats(w.ctx)
			w.must(err, "stats")
			want(w, "dead letters", st.DeadLetters, n)
			w.wantTime("the oldest", st.OldestLetter, oldest)
		}
		stats(0, time.Time{})
		js := w.line(flow.Immediate, "sub_A", 4)
		// The order in which they end is not that in which they were made.
		ended := map[int]time.Time{}
		for _, i := range []int{2, 0, 3} {
			w.sleep(time.Minute)
			ended[i] = w.now
			w.deliver(js[i].ID, flow.Reject)
		}
		w.deliver(js[1].ID, flow.Delivered)
		for range 2 {
			stats(3, ended[2])
			w.crash()
		}
		w.retry(js[2].ID)
		stats(2, ended[0])
		w.discard(js[0].ID, "")
		stats(1, ended[3])
		w.cancelWholeLane("sub_A", 10)
		stats(1, ended[3])
		w.sleep(time.Hour)
		w.retry(js[3].ID)
		stats(0, time.Time{})
		w.deliver(js[3].ID, flow.Reject)
		stats(1, w.now)
	}},
}

var discardCases = []testCase{
	{name: "ends a dead letter cancelled, with the note", run: func(w *world) {
		js := w.letters("sub_A", flow.Reject, flow.Lost)
		w.sleep(time.Minute)
		for _, j := range js {
			got := w.discard(j.ID, "we apologised by telephone")
			for range 2 {
				want(w, "state", got.Status, flow.Cancelled)
				want(w, "reason", got.Reason, flow.ReasonDiscarded)
				want(w, "note", got.LastError, "we apologised by telephone")
				w.wantTime("completed", got.CompletedAt, w.now)
				w.crash()
				got = w.job(j.ID)
			}
		}
		// Without a note the last error stays.
		j := w.letters("sub_A", flow.Reject)[0]
		want(w, "the last error", w.discard(j.ID, "").LastError, "bad request")
	}},
	{name: "lets the next go if it blocks its key", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 3)
		w.block(js[0])
		w.wantWake("a discarded head", "sub_A", func() { w.discard(js[0].ID, "") })
		w.wantHolder(js[1], js[2])
		want(w, "blocked keys", len(w.blocked()), 0)
		w.deliver(js[1].ID, flow.Delivered)
		w.block(js[2])
		w.discard(js[2].ID, "")
		_, err := w.gate(js[0].OrderKey)
		w.wantErr("read the gate of a key without open work", err, store.ErrNotFound)
	}},
	{name: "disturbs no gate that it does not hold", run: func(w *world) {
		js := w.line(flow.NextOnError, "sub_A", 3)
		w.block(js[0])
		w.wantHolder(js[1], js[2])
		begun := w.begin(js[1].ID)
		w.discard(js[0].ID, "")
		w.wantHolder(js[1], js[2])
		w.end(begun, flow.Delivered)
		w.wantHolder(js[2])
	}},
	{name: "leaves any other job as it is", run: func(w *world) {
		js := w.letters("sub_A", flow.Delivered, flow.Retry, flow.Reject)
		w.discard(js[2].ID, "first")
		before := map[flow.ID]string{}
		for _, j := range js {
			before[j.ID] = w.full(w.job(j.ID))
		}
		for _, j := range js {
			want(w, "the answer", w.full(w.discard(j.ID, "second")), before[j.ID])
			want(w, "the job", w.full(w.job(j.ID)), before[j.ID])
		}
		_, err := w.s.Discard(w.ctx, store.Everything, 424242, "", w.now)
		w.wantErr("discard an unknown job", err, store.ErrNotFound)
	}},
	{name: "is for those who see the job", run: func(w *world) {
		j := w.one(func(j *flow.Job) { j.ClientID = "clt_A" })
		w.deliver(j.ID, flow.Reject)
		for _, sc := range []store.Scope{{}, {Clients: []string{"clt_B"}}} {
			_, err := w.s.Discard(w.ctx, sc, j.ID, "", w.now)
			w.wantErr("discard", err, store.ErrNotFound)
			want(w, "letters of others", len(w.walk(sc, store.JobQuery{})), 0)
		}
		own := store.Scope{Clients: []string{"clt_A"}}
		want(w, "letters of its own", len(w.walk(own, store.JobQuery{})), 1)
		w.wantStatus(j.ID, flow.Failed)
		_, err := w.s.Discard(w.ctx, own, j.ID, "", w.now)
		w.must(err, "discard its own")
		w.wantStatus(j.ID, flow.Cancelled)
	}},
}
