package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// scan pages through the events of a query to the end.
func (w *world) scan(sc store.Scope, q store.ScanQuery) (subjects string, examined int) {
	w.Helper()
	var found []string
	for {
		page, err := w.s.Scan(w.ctx, sc, q)
		w.must(err, "scan")
		if len(page.Events) > store.PageLimit(q.Limit) || page.Examined > store.MaxExamined {
			w.fail("a page of %d events for a limit of %d, of %d rows", len(page.Events), q.Limit, page.Examined)
		}
		for _, e := range page.Events {
			if e.Position <= q.After || e.Position > page.Next {
				w.fail("the event at %d is on the page after %d that goes on after %d", e.Position, q.After, page.Next)
			}
			found = append(found, e.Subject)
		}
		examined += page.Examined
		if page.Done {
			return strings.Join(found, " "), examined
		}
		if page.Next <= q.After {
			w.fail("the scan does not get on from %d", q.After)
		}
		q.After = page.Next
	}
}

func (w *world) fanAllOut() { w.fanOut(func(flow.Event) []flow.Job { return nil }) }

func named(subject string, mutate ...func(*flow.Event)) func(*flow.Event) {
	return func(e *flow.Event) {
		e.Subject = subject
		for _, m := range mutate {
			m(e)
		}
	}
}

var scanCases = []testCase{
	{name: "goes in position order, above one and up to another", run: func(w *world) {
		es := w.append(w.newEvent(named("a")), w.newEvent(named("b")), w.newEvent(named("c")), w.newEvent(named("d")), w.newEvent(named("e")))
		w.fanAllOut()
		for _, limit := range []int{1, 2, 50} {
			for _, c := range []struct {
				after, to int64
				want      string
			}{
				{0, 0, "a b c d e"},
				{0, es[4].Position, "a b c d e"},
				{es[1].Position, es[3].Position, "c d"},
				{es[1].Position - 1, es[1].Position, "b"},
				{es[4].Position, 0, ""},
				{es[3].Position, es[3].Position, ""},
				{0, 1<<63 - 1, "a b c d e"},
			} {
				got, _ := w.scan(store.Everything, store.ScanQuery{After: c.after, To: c.to, Limit: limit})
				want(w, fmt.Sprintf("the events above %d up to %d", c.after, c.to), got, c.want)
			}
		}
	}},
	{name: "never passes the place of the fan-out", run: func(w *world) {
		es := w.append(w.newEvent(named("a")), w.newEvent(named("b")), w.newEvent(named("c")))
		q := store.ScanQuery{To: es[2].Position}
		step := func(wanted string, done bool) {
			w.Helper()
			page, err := w.s.Scan(w.ctx, store.Everything, q)
			w.must(err, "scan")
			var got []string
			for _, e := range page.Events {
				got = append(got, e.Subject)
			}
			want(w, "the events", strings.Join(got, " "), wanted)
			want(w, "done", page.Done, done)
			want(w, "examined", page.Examined, len(got))
			q.After = page.Next
		}
		step("", false)
		b := w.unfanned(2)
		w.must(w.s.FanOut(w.ctx, b, nil, w.now), "fan out")
		step("a b", false)
		step("", false)
		w.crash()
		step("", false)
		w.fanAllOut()
		step("c", true)
		// What lies above, and tasks, which have positions too, do not keep it.
		w.append(w.newEvent())
		t := w.insertTasks(w.newTask())[0]
		step("", true)
		w.fanAllOut()
		q.To = t.Position
		_, err := w.s.Scan(w.ctx, store.Everything, q)
		w.must(err, "scan")
		got, _ := w.scan(store.Everything, store.ScanQuery{After: es[2].Position, To: t.Position})
		want(w, "events up to a task", len(strings.Fields(got)), 1)
	}},
	{name: "filters by type, client, time and scope, and counts what it looked at", run: func(w *world) {
		w.append(w.newEvent(named("old")))
		w.sleep(time.Hour)
		w.append(
			w.newEvent(named("type", func(e *flow.Event) { e.Type = "billing:a:b:c" })),
			w.newEvent(named("A", func(e *flow.Event) { e.ClientID = "clt_A" })),
			w.newEvent(named("B", func(e *flow.Event) { e.ClientID = "clt_B" })),
			w.newEvent(named("none")),
		)
		w.sleep(time.Hour)
		w.append(w.newEvent(named("new")))
		w.fanAllOut()
		for _, c := range []struct {
			sc       store.Scope
			q        store.ScanQuery
			want     string
			examined int
		}{
			{store.Everything, store.ScanQuery{}, "old type A B none new", 6},
			{store.Everything, store.ScanQuery{Type: "billing:*:*:*"}, "type", 6},
			{store.Everything, store.ScanQuery{Type: "orders:*:*:*", ClientID: "clt_A"}, "A", 6},
			{store.Everything, store.ScanQuery{ClientID: "clt_C"}, "", 6},
			{store.Everything, store.ScanQuery{Since: epoch.Add(time.Minute)}, "type A B none new", 5},
			{store.Everything, store.ScanQuery{Until: epoch.Add(time.Minute)}, "old", 1},
			{store.Everything, store.ScanQuery{Since: epoch.Add(time.Minute), Until: epoch.Add(90 * time.Minute)}, "type A B none", 4},
			{store.Scope{Clients: []string{"clt_A"}}, store.ScanQuery{}, "A", 6},
			{store.Scope{Clients: []string{"clt_A"}}, store.ScanQuery{ClientID: "clt_B"}, "", 6},
			{store.Scope{}, store.ScanQuery{}, "", 6},
		} {
			for _, limit := range []int{1, 3, 50} {
				c.q.Limit = limit
				got, examined := w.scan(c.sc, c.q)
				want(w, fmt.Sprintf("the events of %+v", c.q), got, c.want)
				want(w, fmt.Sprintf("the rows of %+v", c.q), examined, c.examined)
			}
		}
	}},
	{name: "brings data only when asked", run: func(w *world) {
		e := w.append(w.newEvent())[0]
		w.fanAllOut()
		for _, data := range []bool{true, false} {
			page, err := w.s.Scan(w.ctx, store.Everything, store.ScanQuery{Data: data})
			w.must(err, "scan")
			if data {
				w.wantEvent(page.Events[0], e)
			} else {
				want(w, "bytes of data", len(page.Events[0].Data), 0)
				want(w, "the event", page.Events[0].ID, e.ID)
			}
		}
	}},
	{name: "finds the events of dead letters, of some lanes or of all that are no replay's", run: func(w *world) {
		w.append(w.newEvent(named("both")), w.newEvent(named("A")), w.newEvent(named("B")), w.newEvent(named("neither")), w.newEvent(named("replayed")), w.newEvent(named("expired")))
		var es []flow.Event
		js := w.fanOut(func(e flow.Event) []flow.Job {
			es = append(es, e)
			expire := func(j *flow.Job) {
				if e.Subject == "expired" {
					j.ExpiresAt = w.now.Add(-time.Millisecond)
				}
			}
			return []flow.Job{w.newJob(e, "sub_A", flow.Immediate, expire), w.newJob(e, "sub_B", flow.Immediate)}
		})
		r := w.replayJob(replay, es[4], "sub_A", flow.Immediate)
		w.advance(store.Advance{Work: replay, To: es[4].Position, Jobs: []flow.Job{r}})
		w.deliver(w.stored([]flow.Job{r})[0].ID, flow.Reject)
		for _, i := range []int{0, 1, 2, 5} { // both's two, A's first, B's second
			w.deliver(js[i].ID, flow.Reject)
		}
		w.deliver(js[6].ID, flow.Delivered)
		w.wantStart(js[10].ID, 1, "r1", store.StartEnded)
		for range 2 {
			for _, c := range []struct {
				q    store.ScanQuery
				want string
			}{
				{store.ScanQuery{Failed: true}, "both A B expired"},
				{store.ScanQuery{FailedIn: []string{"sub_A"}}, "both A expired"},
				{store.ScanQuery{FailedIn: []string{"sub_B"}}, "both B"},
				{store.ScanQuery{FailedIn: []string{"sub_A", "sub_B"}}, "both A B expired"},
				{store.ScanQuery{FailedIn: []string{r.Lane}}, "replayed"},
				{store.ScanQuery{FailedIn: []string{"sub_C"}}, ""},
			} {
				for _, limit := range []int{1, 50} {
					c.q.Limit = limit
					got, _ := w.scan(store.Everything, c.q)
					want(w, fmt.Sprintf("the events of %+v", c.q), got, c.want)
				}
			}
			w.crash()
		}
		w.retry(js[0].ID)
		got, _ := w.scan(store.Everything, store.ScanQuery{FailedIn: []string{"sub_A"}})
		want(w, "the events after a retry", got, "A expired")
	}},
	{name: "ends a page early when its data grows large", run: func(w *world) {
		large := func(e *flow.Event) { e.Data = []byte(`"` + strings.Repeat("x", 1<<20-2) + `"`) }
		for range 10 {
			w.append(w.newEvent(named("large", large)))
		}
		w.fanAllOut()
		page, err := w.s.Scan(w.ctx, store.Everything, store.ScanQuery{Data: true})
		w.must(err, "scan")
		want(w, "the events of the first page", len(page.Events), store.MaxScanned>>20)
		want(w, "the first page is the last", page.Done, false)
		got, _ := w.scan(store.Everything, store.ScanQuery{Data: true})
		want(w, "the events", got, strings.TrimSpace(strings.Repeat("large ", 10)))
		page, err = w.s.Scan(w.ctx, store.Everything, store.ScanQuery{})
		w.must(err, "scan")
		want(w, "the events of a page without data", len(page.Events), 10)
	}},
	{name: "looks at a bounded number of rows a page and finds everything in the end", run: func(w *world) {
		for range 10 {
			es := make([]flow.Event, 1010)
			for i := range es {
				es[i] = w.newEvent()
			}
			w.append(es...)
		}
		w.append(w.newEvent(named("needle", func(e *flow.Event) { e.ClientID = "clt_A" })))
		for len(w.unfanned(1).Events) > 0 {
			b := w.unfanned(5000)
			w.must(w.s.FanOut(w.ctx, b, nil, w.now), "fan out")
		}
		page, err := w.s.Scan(w.ctx, store.Everything, store.ScanQuery{ClientID: "clt_A"})
		w.must(err, "scan")
		want(w, "rows of the first page", page.Examined, store.MaxExamined)
		want(w, "the first page is the last", page.Done, false)
		got, examined := w.scan(store.Everything, store.ScanQuery{ClientID: "clt_A"})
		want(w, "the events", got, "needle")
		want(w, "rows", examined, 10_101)
	}},
}
