package storetest

import (
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// expungeWork is the id of the expunge of the cases.
const expungeWork flow.ID = 1 << 49

// erasePages are all that fits, of pages of a few.
func (w *world) erasePages(sc store.Scope, q store.EraseQuery) (found []store.Erasable, examined int) {
	w.Helper()
	if q.To == 0 {
		q.To = 1<<63 - 1
	}
	for range 1000 {
		page, err := w.s.Erasable(w.ctx, sc, q)
		w.must(err, "look for what to erase")
		if page.Next < q.After || len(page.Found) > store.PageLimit(q.Limit) {
			w.fail("a page after %d of %d ends at %d with %d", q.After, q.Limit, page.Next, len(page.Found))
		}
		found, examined = append(found, page.Found...), examined+page.Examined
		if page.Done {
			return found, examined
		}
		if page.Next == q.After {
			return found, examined // the fan-out is behind
		}
		q.After = page.Next
	}
	w.fail("a walk does not come to its end")
	return nil, 0
}

// erase does one step over some rows.
func (w *world) erase(cancel bool, ids ...flow.ID) store.Progress {
	w.Helper()
	p, err := w.s.Erase(w.ctx, w.eraseStep(cancel, ids...), w.now)
	w.must(err, "erase")
	want(w, "the progress that was answered and the one that is read", p, w.progress(expungeWork))
	return p
}

func (w *world) eraseStep(cancel bool, ids ...flow.ID) store.Erase {
	from := w.progress(expungeWork).Cursor
	return store.Erase{Work: expungeWork, From: from, To: max(from, int64(ids[len(ids)-1])), Examined: len(ids), Rows: ids, CancelOpen: cancel}
}

// private publishes an event that names a person wherever it can.
func (w *world) private(mutate ...func(*flow.Event)) flow.Event {
	w.Helper()
	e := w.newEvent(append([]func(*flow.Event){func(e *flow.Event) {
		e.Subject, e.MessageGroup, e.CorrelationID, e.CausationID = "ann", "ann", "ann", "c-1"
		e.ContextData = []flow.KeyValue{{Key: "name", Value: "Ann"}}
		e.DeduplicationID = fmt.Sprint("d-", w.serial)
	}}, mutate...)...)
	return w.append(e)[0]
}

var expungeCases = []testCase{
	{name: "finds events and tasks by what names them, in order, and no others", run: func(w *world) {
		ids := func(found []store.Erasable) (s string) {
			for _, f := range found {
				s += fmt.Sprint(w.name(f.ID), f.Task, f.Open, " ")
			}
			return s
		}
		a := w.private(func(e *flow.Event) { e.ClientID = "clt_A" })
		w.private(func(e *flow.Event) { e.ClientID, e.Subject, e.MessageGroup = "clt_A", "bob", "bobs" })
		b := w.private(func(e *flow.Event) { e.ClientID, e.Source = "clt_B", "/elsewhere" })
		w.fanOut(func(e flow.Event) []flow.Job { return nil })
		task := w.insertTasks(w.newTask(func(j *flow.Job) { j.ClientID, j.Task.Subject = "clt_A", "ann" }))[0]
		w.insertTasks(w.newTask(func(j *flow.Job) { j.ClientID = "clt_A" }))
		w.sleep(time.Hour)
		late := w.private(func(e *flow.Event) { e.ClientID = "clt_A" })
		w.fanOut(func(e flow.Event) []flow.Job { return []flow.Job{w.newJob(e, "sub_A", flow.Immediate)} })
		unseen := w.private(func(e *flow.Event) { e.ClientID = "clt_A" }) // not fanned out
		of := func(sc store.Scope, q store.EraseQuery) string {
			w.Helper()
			q.Limit = 2
			found, _ := w.erasePages(sc, q)
			for _, f := range found {
				if f.ID == unseen.ID {
					w.fail("an event that is not fanned out is found")
				}
			}
			return ids(found)
		}
		row := func(id flow.ID, task, open bool) store.Erasable {
			return store.Erasable{ID: id, Task: task, Open: open}
		}
		all := ids([]store.Erasable{row(a.ID, false, false), row(b.ID, false, false), row(task.ID, true, true), row(late.ID, false, true)})
		ofA := ids([]store.Erasable{row(a.ID, false, false), row(task.ID, true, true), row(late.ID, false, true)})
		want(w, "of the subject", of(store.Everything, store.EraseQuery{Subject: "ann"}), all)
		want(w, "of the subject and client", of(store.Everything, store.EraseQuery{Subject: "ann", ClientID: "clt_A"}), ofA)
		want(w, "within a scope", of(store.Scope{Clients: []string{"clt_A"}}, store.EraseQuery{Subject: "ann"}), ofA)
		want(w, "of a source", of(store.Everything, store.EraseQuery{Subject: "ann", Source: "/elsewhere"}), ids([]store.Erasable{row(b.ID, false, false)}))
		want(w, "of a group", of(store.Everything, store.EraseQuery{MessageGroup: "ann", ClientID: "clt_B"}), ids([]store.Erasable{row(b.ID, false, false)}))
		want(w, "of a type", of(store.Everything, store.EraseQuery{Subject: "ann", Type: "orders:*:*:nothing"}), "")
		want(w, "of a code", of(store.Everything, store.EraseQuery{Subject: "ann", Type: "report"}), ids([]store.Erasable{row(task.ID, true, true)}))
		want(w, "before a time", of(store.Everything, store.EraseQuery{Subject: "ann", ClientID: "clt_A", Before: w.now}), ids([]store.Erasable{row(a.ID, false, false), row(task.ID, true, true)}))
		want(w, "up to an id", of(store.Everything, store.EraseQuery{Subject: "ann", To: int64(b.ID)}), ids([]store.Erasable{row(a.ID, false, false), row(b.ID, false, false)}))
	}},
	{name: "erases what names a person from event, jobs and attempts, and leaves the rest", run: func(w *world) {
		e, other := w.private(), w.private(func(e *flow.Event) { e.Subject = "bob" })
		jobs := w.fanOut(func(e flow.Event) []flow.Job {
			return []flow.Job{w.newJob(e, "sub_A", flow.Immediate), w.newJob(e, "sub_B", flow.BlockOnError)}
		})
		for _, j := range jobs {
			begun := w.begin(j.ID)
			a := w.attempt(begun, flow.Delivered)
			a.Body, a.Header = []byte(`{"hello":"Ann"}`), []byte(`{"X-Name":"Ann"}`)
			got, err := w.s.Record(w.ctx, []store.Outcome{{Job: begun.After(a, w.now, 0), Attempt: a, Owner: begun.LeaseOwner}}, w.now)
			w.must(err, "record")
			w.must(got[0].Err, "record")
		}
		want(w, "erased", w.erase(false, e.ID).Erased, store.Erased{Matched: 1, Events: 1, Attempts: 2})
		for range 2 {
			got, err := w.event(e.ID)
			w.must(err, "read event")
			want(w, "what is left of it", fmt.Sprintf("%q %v %v", []string{got.Subject, got.MessageGroup, got.CorrelationID, got.CausationID, string(got.Data)}, got.ContextData, got.Expunged), `["" "" "" "c-1" ""] [] true`)
			want(w, "what stays", fmt.Sprint(got.ID, got.Position, got.Type, got.Source, got.DeduplicationID, got.CreatedAt), fmt.Sprint(e.ID, e.Position, e.Type, e.Source, e.DeduplicationID, e.CreatedAt))
			kept, err := w.event(other.ID)
			w.must(err, "read event")
			want(w, "the other event", fmt.Sprint(kept.Subject, kept.MessageGroup, string(kept.Data), len(kept.ContextData)), fmt.Sprint("bob", "ann", string(other.Data), 1))
			for _, j := range jobs {
				as, mine := w.attempts(j.ID), j.EventID == e.ID
				want(w, "kept of an attempt", fmt.Sprint(len(as), as[0].Status, as[0].Verdict, len(as[0].Body) == 0, len(as[0].Header) == 0), fmt.Sprint(1, 200, flow.Delivered, mine, mine))
				want(w, "the group of a job is gone", w.job(j.ID).MessageGroup == "", mine)
				w.wantStatus(j.ID, flow.Completed)
			}
			page, err := w.s.ListEvents(w.ctx, store.Everything, store.EventQuery{})
			w.must(err, "list events")
			want(w, "events", len(page.Events), 2)
			w.crash()
		}
		want(w, "erased again", w.erase(false, e.ID).Erased, store.Erased{Matched: 2, Events: 1, Attempts: 2})
		again, err := w.s.Append(w.ctx, []flow.Event{e}, w.now)
		w.must(err, "publish it again")
		want(w, "it is a duplicate still", fmt.Sprintf("%v %q %v", again[0].Duplicate, again[0].Event.Subject, again[0].Event.Expunged), `true "" true`)
	}},
	{name: "erases tasks", run: func(w *world) {
		task := w.insertTasks(w.newTask(func(j *flow.Job) { j.Task.Subject, j.Task.CorrelationID = "ann", "ann" }))[0]
		w.deliver(task.ID, flow.Reject)
		want(w, "erased", w.erase(false, task.ID).Erased, store.Erased{Matched: 1, Tasks: 1, Attempts: 1})
		for range 2 {
			j := w.wantStatus(task.ID, flow.Failed)
			got := j.Task
			want(w, "what is left of it", fmt.Sprintf("%q %v %v %v", []string{got.Payload, got.Subject, got.CorrelationID, j.LastError}, got.Headers, got.Metadata, got.Expunged), `["" "" "" ""] map[] map[] true`)
			want(w, "what stays", fmt.Sprint(got.Code, got.TargetURL, j.Reason), fmt.Sprint("report", task.Task.TargetURL, flow.ReasonConfiguration))
			want(w, "found by its correlation", len(w.page(store.JobQuery{CorrelationID: "ann"}).Jobs), 0)
			_, err := w.s.Retry(w.ctx, store.Everything, task.ID, w.now)
			w.wantErr("retry", err, store.ErrExpunged)
			w.crash()
		}
	}},
	{name: "keeps what an open job needs or what blocks a key, and counts it", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_B", 2)
		w.block(js[0])
		open := w.line(flow.Immediate, "sub_A", 1)[0]
		task := w.insertTasks(w.newTask())[0]
		want(w, "erased", w.erase(false, js[0].EventID, js[1].EventID, open.EventID, task.ID).Erased, store.Erased{Matched: 4, Kept: 4})
		w.crash()
		for _, j := range []flow.Job{js[1], open} {
			e, err := w.event(j.EventID)
			w.must(err, "read event")
			want(w, "it is whole", fmt.Sprint(e.Expunged, len(e.Data) > 0), "false true")
			w.wantStatus(j.ID, flow.Pending)
		}
		want(w, "blocked keys", len(w.blocked()), 1)
	}},
	{name: "ends open work when asked, and what waits behind goes", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_B", 3)
		w.block(js[0])
		w.queue(w.one().ID)
		queued := w.page(store.JobQuery{SubscriptionID: "sub_A"}).Jobs[0].Job
		want(w, "erased", w.erase(true, js[0].EventID, js[1].EventID, queued.EventID).Erased,
			store.Erased{Matched: 3, Events: 3, Attempts: 1, Cancelled: 3})
		w.crash()
		want(w, "the head's reason", w.wantStatus(js[0].ID, flow.Cancelled).Reason, flow.ReasonDiscarded)
		want(w, "the next one's reason", w.wantStatus(js[1].ID, flow.Cancelled).Reason, flow.ReasonCancelled)
		w.wantStatus(queued.ID, flow.Cancelled)
		w.wantHolder(js[2])
		w.deliver(js[2].ID, flow.Delivered)
	}},
	{name: "stops before what is in an exchange and goes on when that is over", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 3)
		begun := w.begin(js[1].ID)
		ids := []flow.ID{js[0].EventID, js[1].EventID, js[2].EventID}
		p := w.erase(true, ids...)
		want(w, "erased", p.Erased, store.Erased{Matched: 1, Events: 1, Cancelled: 2})
		if p.Cursor < int64(ids[0]) || p.Cursor >= int64(ids[1]) {
			w.fail("the cursor is %d, between %d and %d it should be", p.Cursor, ids[0], ids[1])
		}
		want(w, "erased meanwhile", w.erase(true, ids[1:]...).Erased, p.Erased)
		w.end(begun, flow.Retry)
		w.wantStatus(js[1].ID, flow.Cancelled)
		want(w, "erased", w.erase(true, ids[1:]...).Erased, store.Erased{Matched: 3, Events: 3, Attempts: 1, Cancelled: 3})
	}},
	{name: "survives a crash between two steps, and a step is not done twice", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 3)
		for i, j := range js {
			w.deliver(j.ID, flow.Delivered)
			step := w.eraseStep(false, j.EventID)
			w.erase(false, j.EventID)
			w.crash()
			_, err := w.s.Erase(w.ctx, step, w.now)
			w.wantErr("repeat the step", err, store.ErrConflict)
			want(w, "erased", w.progress(expungeWork).Erased.Events, int64(i+1))
		}
		w.must(w.s.Forget(w.ctx, expungeWork), "forget")
		want(w, "progress", w.progress(expungeWork), store.Progress{Work: expungeWork})
	}},
	{name: "lets a replay that had selected an event make no job of it", run: func(w *world) {
		js := w.line(flow.Immediate, "sub_A", 2)
		var jobs []flow.Job
		for _, j := range js {
			w.deliver(j.ID, flow.Delivered)
			e, err := w.event(j.EventID)
			w.must(err, "read event")
			jobs = append(jobs, w.replayJob(replay, e, "sub_A", flow.Immediate))
		}
		w.erase(false, js[0].EventID)
		p := w.advance(store.Advance{Work: replay, To: int64(js[1].EventID), Examined: 2, Jobs: jobs})
		want(w, "jobs made", p.Created, 1)
		want(w, "jobs", len(w.page(store.JobQuery{ReplayID: replay}).Jobs), 1)
	}},
}
