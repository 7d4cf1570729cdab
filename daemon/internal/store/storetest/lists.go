package storetest

import (
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

var listCases = []testCase{
	{name: "pages events newest first without gap or repetition", run: func(w *world) {
		var all []flow.Event
		for range 5 {
			all = append(all, w.append(w.newEvent(), w.newEvent(), w.newEvent(), w.newEvent())...)
			w.sleep(time.Second)
		}
		for _, limit := range []int{1, 7, 20, 0} {
			var got []flow.Event
			q := store.EventQuery{Limit: limit}
			for {
				page, err := w.s.ListEvents(w.ctx, store.Everything, q)
				w.must(err, "list events")
				got = append(got, page.Events...)
				if len(page.Events) > store.PageLimit(limit) || len(got) > len(all) {
					w.fail("a page of %d events for a limit of %d, %d in all", len(page.Events), limit, len(got))
				}
				if page.Next == 0 {
					break
				}
				w.onward(q.Before, page.Next)
				if q.Before == 0 {
					// What is appended meanwhile disturbs no page.
					w.append(w.newEvent())
				}
				q.Before = page.Next
			}
			want(w, "events in all", len(got), len(all))
			for i := range got {
				w.wantEvent(got[i], all[len(all)-1-i])
			}
			// Begin the next round with what is there now.
			page, err := w.s.ListEvents(w.ctx, store.Everything, store.EventQuery{Limit: 1000})
			w.must(err, "list events")
			all = nil
			for i := len(page.Events) - 1; i >= 0; i-- {
				all = append(all, page.Events[i])
			}
		}
	}},
	{name: "filters events", run: func(w *world) {
		w.append(w.newEvent(func(e *flow.Event) { e.Subject = "old" }))
		w.sleep(time.Hour)
		w.append(
			w.newEvent(func(e *flow.Event) { e.Subject, e.Type = "type", "billing:a:b:c" }),
			w.newEvent(func(e *flow.Event) { e.Subject, e.ClientID = "client", "clt_A" }),
			w.newEvent(func(e *flow.Event) { e.Subject, e.ClientID, e.Type = "other", "clt_B", "billing:x:y:z" }),
			w.newEvent(func(e *flow.Event) { e.Subject, e.CorrelationID = "correlation", "co" }),
			w.newEvent(func(e *flow.Event) { e.Subject, e.MessageGroup = "group", "g" }),
			w.newEvent(func(e *flow.Event) { e.Subject, e.Source = "source", "/elsewhere" }),
			w.newEvent(func(e *flow.Event) { e.Subject, e.CorrelationID, e.MessageGroup = "both", "co", "g" }),
		)
		w.sleep(time.Hour)
		w.append(w.newEvent(func(e *flow.Event) { e.Subject = "new" }))
		for _, c := range []struct {
			q    store.EventQuery
			want string
		}{
			{store.EventQuery{Type: types("billing:a:b:c")}, "type"},
			{store.EventQuery{Type: types("*:*:b:*")}, "type"},
			{store.EventQuery{Type: types("billing:a:b:d")}, ""},
			{store.EventQuery{Type: types("billing:x:*:*", "*:a:*:c")}, "other type"},
			{store.EventQuery{Type: store.TypeFilter{Applications: []string{"none", "billing"}, Subdomains: []string{"a"}, Aggregates: []string{"b", "c"}}}, "type"},
			{store.EventQuery{Type: store.TypeFilter{Applications: []string{"billing"}, Aggregates: []string{"a"}}}, ""},
			{store.EventQuery{Clients: []string{"clt_A", "clt_B", "clt_none"}}, "client other"},
			{store.EventQuery{Clients: []string{"clt_B"}, Type: types("billing:*:*:*")}, "other"},
			{store.EventQuery{Clients: []string{"clt_none"}}, ""},
			{store.EventQuery{Clients: []string{"clt_A", ""}, Since: epoch.Add(90 * time.Minute)}, "new"},
			{store.EventQuery{Clients: []string{"clt_A"}}, "client"},
			{store.EventQuery{CorrelationID: "co"}, "both correlation"},
			{store.EventQuery{MessageGroup: "g"}, "both group"},
			{store.EventQuery{CorrelationID: "co", MessageGroup: "g"}, "both"},
			{store.EventQuery{Subject: "source"}, "source"},
			{store.EventQuery{Source: "/elsewhere"}, "source"},
			{store.EventQuery{Since: epoch.Add(90 * time.Minute)}, "new"},
			{store.EventQuery{Until: epoch.Add(30 * time.Minute)}, "old"},
			{store.EventQuery{Since: epoch.Add(30 * time.Minute), Until: epoch.Add(90 * time.Minute), Type: types("orders:*:*:*")}, "both client correlation group source"},
		} {
			var got []string
			for limit := 1; ; {
				c.q.Limit = limit
				page, err := w.s.ListEvents(w.ctx, store.Everything, c.q)
				w.must(err, "list events")
				for _, e := range page.Events {
					got = append(got, e.Subject)
				}
				if page.Next == 0 {
					break
				}
				w.onward(c.q.Before, page.Next)
				c.q.Before = page.Next
			}
			want(w, fmt.Sprintf("the events of %+v", c.q), sorted(got), c.want)
		}
	}},
	{name: "pages jobs newest first without gap or repetition", run: func(w *world) {
		var all []flow.Job
		for range 4 {
			all = append(all, w.line(flow.Immediate, "sub_A", 3)...)
			all = append(all, w.insertTasks(w.newTask())...)
			w.sleep(time.Second)
		}
		for _, limit := range []int{1, 5, 16, 0} {
			var got []flow.Job
			q := store.JobQuery{Limit: limit}
			for {
				page, err := w.s.ListJobs(w.ctx, store.Everything, q)
				w.must(err, "list jobs")
				for _, v := range page.Jobs {
					got = append(got, v.Job)
				}
				if page.Next == 0 {
					break
				}
				w.onward(int64(q.Before), int64(page.Next))
				q.Before = page.Next
			}
			want(w, "jobs in all", len(got), len(all))
			for i := range got {
				want(w, "the job in its place", w.name(got[i].ID), w.name(all[len(all)-1-i].ID))
			}
		}
	}},
	{name: "shows a job with the head of its event, without data", run: func(w *world) {
		e := w.append(w.newEvent(func(e *flow.Event) { e.CorrelationID, e.ClientID, e.MessageGroup = "co", "clt_A", "g" }))[0]
		j := w.fanOut(func(e flow.Event) []flow.Job { return []flow.Job{w.newJob(e, "sub_A", flow.Immediate)} })[0]
		v, err := w.s.Job(w.ctx, store.Everything, j.ID)
		w.must(err, "read job")
		page, err := w.s.ListJobs(w.ctx, store.Everything, store.JobQuery{})
		w.must(err, "list jobs")
		for _, v := range append(page.Jobs, v) {
			if v.Event == nil || v.Event.ID != e.ID || v.Event.Type != e.Type || v.Event.CorrelationID != "co" || v.Event.Subject != e.Subject {
				w.fail("the head of the event is %+v", v.Event)
			}
			want(w, "bytes of data", len(v.Event.Data), 0)
		}
		_, err = w.s.Job(w.ctx, store.Everything, 424242)
		w.wantErr("read an unknown job", err, store.ErrNotFound)
		_, err = w.s.Attempts(w.ctx, store.Everything, 424242)
		w.wantErr("read the attempts of an unknown job", err, store.ErrNotFound)
		want(w, "attempts of a job that had none", len(w.attempts(j.ID)), 0)
	}},
	{name: "filters jobs", run: func(w *world) {
		w.line(flow.Immediate, "sub_old", 1)
		w.sleep(time.Hour)
		w.append(
			w.newEvent(func(e *flow.Event) { e.ClientID = "clt_A" }),
			w.newEvent(func(e *flow.Event) { e.CorrelationID, e.Type = "co", "billing:a:b:c" }),
			w.newEvent(func(e *flow.Event) { e.MessageGroup, e.Source = "h", "/elsewhere" }),
		)
		js := w.fanOut(func(e flow.Event) []flow.Job { return []flow.Job{w.newJob(e, "sub_A", flow.BlockOnError)} })
		js = append(js, w.insertTasks(w.newTask(), w.newTask(func(j *flow.Job) { j.Task.CorrelationID, j.Task.Code, j.Task.Source = "co", "a-code", "/elsewhere" }))...)
		w.deliver(js[0].ID, flow.Delivered)
		w.deliver(js[1].ID, flow.Reject)
		w.sleep(time.Hour)
		w.line(flow.Immediate, "sub_new", 1)
		a, b, c, t, u := w.name(js[0].ID), w.name(js[1].ID), w.name(js[2].ID), w.name(js[3].ID), w.name(js[4].ID)
		middle := store.JobQuery{Since: epoch.Add(30 * time.Minute), Until: epoch.Add(90 * time.Minute)}
		with := func(f func(q *store.JobQuery)) store.JobQuery { q := middle; f(&q); return q }
		for i, q := range []struct {
			q    store.JobQuery
			want []string
		}{
			{middle, []string{a, b, c, t, u}},
			{store.JobQuery{SubscriptionID: "sub_A"}, []string{a, b, c}},
			{store.JobQuery{SubscriptionID: "sub_A", Status: []flow.Status{flow.Completed}}, []string{a}},
			{store.JobQuery{Status: []flow.Status{flow.Failed}}, []string{b}},
			{with(func(q *store.JobQuery) { q.Status = []flow.Status{flow.Completed, flow.Pending} }), []string{a, c, t, u}},
			{store.JobQuery{EventID: js[1].EventID}, []string{b}},
			{store.JobQuery{Clients: []string{"clt_A"}}, []string{a}},
			{store.JobQuery{Clients: []string{"clt_A", "clt_B"}, Status: []flow.Status{flow.Completed}}, []string{a}},
			{with(func(q *store.JobQuery) { q.Clients = []string{""} }), []string{b, c, t, u}},
			{store.JobQuery{Type: types("billing:*:*:*")}, []string{b}},
			{store.JobQuery{Type: types("a-code")}, []string{u}},
			{store.JobQuery{Source: "/elsewhere"}, []string{c, u}},
			{store.JobQuery{CorrelationID: "co"}, []string{b, u}},
			{store.JobQuery{MessageGroup: "h"}, []string{c}},
			{store.JobQuery{OrderKey: js[2].OrderKey}, []string{c}},
			{store.JobQuery{OrderKey: js[2].OrderKey, Status: []flow.Status{flow.Failed}}, nil},
			{store.JobQuery{Until: epoch.Add(30 * time.Minute)}, []string{"j1"}},
		} {
			var got []string
			for {
				q.q.Limit = 1
				page, err := w.s.ListJobs(w.ctx, store.Everything, q.q)
				w.must(err, "list jobs")
				for _, v := range page.Jobs {
					got = append(got, w.name(v.Job.ID))
				}
				if page.Next == 0 {
					break
				}
				w.onward(int64(q.q.Before), int64(page.Next))
				q.q.Before = page.Next
			}
			want(w, fmt.Sprintf("the jobs of query %d", i), sorted(got), sorted(q.want))
		}
	}},
	{name: "examine a bounded number of rows a page and find everything in the end", run: func(w *world) {
		needle := w.append(w.newEvent(func(e *flow.Event) { e.Subject = "needle" }))[0]
		for range 11 {
			es := make([]flow.Event, 1000)
			for i := range es {
				es[i] = w.newEvent()
			}
			w.append(es...)
		}
		var got []flow.Event
		q := store.EventQuery{Subject: "needle", Limit: 10}
		for {
			page, err := w.s.ListEvents(w.ctx, store.Everything, q)
			w.must(err, "list events")
			got = append(got, page.Events...)
			if page.Next == 0 {
				want(w, "the last page is partial", page.Partial, false)
				break
			}
			want(w, "a page that stops before its limit is partial", page.Partial, true)
			w.onward(q.Before, page.Next)
			q.Before = page.Next
		}
		want(w, "events found", len(got), 1)
		want(w, "the event", got[0].ID, needle.ID)
		page, err := w.s.ListEvents(w.ctx, store.Everything, store.EventQuery{Limit: 5000})
		w.must(err, "list events")
		want(w, "events of the largest page", len(page.Events), 1000)
		want(w, "a full page is partial", page.Partial, false)
	}},
	{name: "counts in stats", run: func(w *world) {
		stats := func() store.Stats {
			st, err := w.s.Stats(w.ctx)
			w.must(err, "stats")
			return st
		}
		want(w, "the stats of an empty store without its bytes", func() store.Stats { s := stats(); s.Bytes = 0; return s }(), store.Stats{})
		es := w.append(w.newEvent(), w.newEvent(), w.newEvent())
		for range 2 {
			st := stats()
			want(w, "backlog", st.Backlog > 0, true)
			want(w, "last position", st.LastPosition, es[2].Position)
			want(w, "bytes are counted", st.Bytes > 0, true)
			w.crash()
		}
		js := w.fanOut(func(e flow.Event) []flow.Job { return []flow.Job{w.newJob(e, "sub_A", flow.Immediate)} })
		w.queue(js[0].ID)
		w.begin(js[1].ID)
		for range 2 {
			st := stats()
			want(w, "backlog", st.Backlog, 0)
			want(w, "open jobs", st.OpenJobs, 3)
			w.crash()
		}
		w.cancelWholeLane("sub_A", 10)
		w.sleep(time.Hour)
		w.recover(w.now, 10)
		want(w, "open jobs", stats().OpenJobs, 0)
	}},
}

// onward insists that a cursor moves towards the older end, so that paging
// comes to one.
func (w *world) onward(before, next int64) {
	w.Helper()
	if before != 0 && next >= before {
		w.fail("the cursor went from %d to %d", before, next)
	}
}

func types(patterns ...string) store.TypeFilter { return store.TypeFilter{Patterns: patterns} }

var tenancyCases = []testCase{
	{name: "shows each scope what is its own", run: func(w *world) {
		w.append(
			w.newEvent(func(e *flow.Event) { e.Subject, e.ClientID = "A", "clt_A" }),
			w.newEvent(func(e *flow.Event) { e.Subject, e.ClientID = "B", "clt_B" }),
			w.newEvent(func(e *flow.Event) { e.Subject = "none" }),
		)
		js := w.fanOut(func(e flow.Event) []flow.Job { return []flow.Job{w.newJob(e, "sub_A", flow.Immediate)} })
		js = append(js, w.insertTasks(w.newTask(func(j *flow.Job) { j.ClientID = "clt_A" }), w.newTask())...)
		for _, c := range []struct {
			name       string
			sc         store.Scope
			events     string
			jobs, seen int
		}{
			{"everything", store.Everything, "A B none", 5, 3},
			{"client A", store.Scope{Clients: []string{"clt_A"}}, "A", 2, 1},
			{"clients A and B", store.Scope{Clients: []string{"clt_B", "clt_A"}}, "A B", 3, 2},
			{"another client", store.Scope{Clients: []string{"clt_C"}}, "", 0, 0},
			{"an empty client", store.Scope{Clients: []string{""}}, "", 0, 0},
			{"nothing", store.Scope{}, "", 0, 0},
		} {
			page, err := w.s.ListEvents(w.ctx, c.sc, store.EventQuery{})
			w.must(err, "list events")
			var got []string
			for _, e := range page.Events {
				got = append(got, e.Subject)
			}
			want(w, "the events of "+c.name, sorted(got), c.events)
			jobs, err := w.s.ListJobs(w.ctx, c.sc, store.JobQuery{})
			w.must(err, "list jobs")
			want(w, "the jobs of "+c.name, len(jobs.Jobs), c.jobs)
			bySub, err := w.s.ListJobs(w.ctx, c.sc, store.JobQuery{SubscriptionID: "sub_A"})
			w.must(err, "list jobs")
			want(w, "the jobs of the subscription for "+c.name, len(bySub.Jobs), c.seen)
			for _, j := range js {
				wanted := store.ErrNotFound
				if c.sc.Sees(j.ClientID) {
					wanted = nil
				}
				_, err := w.s.Job(w.ctx, c.sc, j.ID)
				w.wantErr("read a job as "+c.name, err, wanted)
				_, err = w.s.Attempts(w.ctx, c.sc, j.ID)
				w.wantErr("read attempts as "+c.name, err, wanted)
				if j.EventID != 0 {
					_, err = w.s.Event(w.ctx, c.sc, j.EventID)
					w.wantErr("read an event as "+c.name, err, wanted)
				}
			}
		}
		// A filter for a client that is not in the scope shows nothing.
		page, err := w.s.ListEvents(w.ctx, store.Scope{Clients: []string{"clt_A"}}, store.EventQuery{Clients: []string{"clt_B"}})
		w.must(err, "list events")
		want(w, "events", len(page.Events), 0)
	}},
	{name: "lets nobody change what is another's", run: func(w *world) {
		mine := func(j *flow.Job) {
			j.ClientID = "clt_A"
			j.OrderKey = flow.NewOrderKey(j.Mode, j.Lane, "clt_A", "g", 0)
		}
		js := w.line(flow.BlockOnError, "sub_A", 3, mine)
		w.block(js[0])
		key := js[0].OrderKey
		own := store.Scope{Clients: []string{"clt_A"}}
		for _, sc := range []store.Scope{{}, {Clients: []string{"clt_B"}}} {
			_, err := w.s.Retry(w.ctx, sc, js[0].ID, w.now)
			w.wantErr("retry", err, store.ErrNotFound)
			_, err = w.s.Cancel(w.ctx, sc, js[1].ID, flow.ReasonCancelled, w.now)
			w.wantErr("cancel", err, store.ErrNotFound)
			_, err = w.s.Gate(w.ctx, sc, key)
			w.wantErr("gate", err, store.ErrNotFound)
			w.wantErr("skip", w.s.Skip(w.ctx, sc, key, js[0].ID, w.now), store.ErrNotFound)
			_, err = w.s.CancelWaiting(w.ctx, sc, key, w.now, 10)
			w.wantErr("cancel waiting", err, store.ErrNotFound)
			page, err := w.s.Blocked(w.ctx, sc, store.GateQuery{Limit: 10})
			gs := page.Gates
			w.must(err, "blocked")
			want(w, "blocked keys", len(gs), 0)
		}
		w.wantStatus(js[0].ID, flow.Failed)
		w.wantHolder(js[0], js[1], js[2])
		page, err := w.s.Blocked(w.ctx, own, store.GateQuery{Limit: 10})
		gs := page.Gates
		w.must(err, "blocked")
		want(w, "blocked keys of its own", len(gs), 1)
		want(w, "the gate's client", gs[0].ClientID, "clt_A")
		_, err = w.s.Cancel(w.ctx, own, js[1].ID, flow.ReasonCancelled, w.now)
		w.must(err, "cancel its own")
		n, err := w.s.CancelWaiting(w.ctx, own, key, w.now, 10)
		w.must(err, "cancel what waits of its own")
		want(w, "cancelled", n, 1)
		_, err = w.s.Retry(w.ctx, own, js[0].ID, w.now)
		w.must(err, "retry its own")
		w.block(js[0])
		w.must(w.s.Skip(w.ctx, own, key, js[0].ID, w.now), "skip its own")
	}},
}
