package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

var appendCases = []testCase{
	{name: "answers in the order of the call, with rising positions", run: func(w *world) {
		var all []flow.Event
		for range 5 {
			es := []flow.Event{w.newEvent(), w.newEvent(), w.newEvent()}
			for i, a := range w.appended(es...) {
				want(w, "duplicate", a.Duplicate, false)
				want(w, "subject", a.Event.Subject, es[i].Subject)
				all = append(all, a.Event)
			}
		}
		w.wantRising(all)
	}},
	{name: "keeps an event as it was given", run: func(w *world) {
		e := flow.Event{
			Type: "a:b:c:d", Source: "/s", Subject: "sübject", Time: epoch.Add(-1234567e6), Data: json.RawMessage("{ \"kept\" :  1.50 }\n"),
			DataContentType: "application/vnd.example+json", SpecVersion: "1.0", MessageGroup: "g", CorrelationID: "co", CausationID: "ca",
			DeduplicationID: "de", ClientID: "clt_A", ContextData: []flow.KeyValue{{Key: "k", Value: "v"}, {Key: "k", Value: "w"}},
			Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", CloudEventID: "ce 1",
		}
		stored := w.append(e)[0]
		w.wantEvent(stored, e)
		w.wantTime("createdAt", stored.CreatedAt, w.now)
		if stored.ID == 0 || stored.Position <= 0 {
			w.fail("id %s and position %d were not assigned", stored.ID, stored.Position)
		}
		for range 2 {
			read, err := w.s.Event(w.ctx, store.Everything, stored.ID)
			w.must(err, "read event")
			w.wantEvent(read, e)
			want(w, "id", read.ID, stored.ID)
			want(w, "position", read.Position, stored.Position)
			w.wantTime("createdAt", read.CreatedAt, stored.CreatedAt)
			w.crash() // what was answered is on the disk
		}
	}},
	{name: "keeps odd data", run: func(w *world) {
		for _, data := range []string{"null", `""`, "0", "[]", `"` + string(bytes.Repeat([]byte("x"), 1<<20)) + `"`} {
			e := w.append(w.newEvent(func(e *flow.Event) { e.Data = json.RawMessage(data) }))[0]
			read, err := w.s.Event(w.ctx, store.Everything, e.ID)
			w.must(err, "read event")
			if string(read.Data) != data {
				w.fail("data %.20s came back as %.20s", data, read.Data)
			}
		}
	}},
	{name: "answers a repeated deduplication id with the stored event", run: func(w *world) {
		id := func(s, client string) func(*flow.Event) {
			return func(e *flow.Event) { e.DeduplicationID, e.ClientID = s, client }
		}
		first := w.append(w.newEvent(id("d", "clt_A")))[0]
		for range 2 {
			out := w.appended(w.newEvent(id("x", "clt_A")), w.newEvent(id("d", "clt_A")), w.newEvent(), w.newEvent(id("x", "clt_A")))
			want(w, "the second is a duplicate", out[1].Duplicate, true)
			w.wantEvent(out[1].Event, first)
			want(w, "its id", out[1].Event.ID, first.ID)
			want(w, "its position", out[1].Event.Position, first.Position)
			want(w, "an event without deduplication id is a duplicate", out[2].Duplicate, false)
			want(w, "the fourth is a duplicate of the first", out[3].Duplicate, true)
			want(w, "its id", out[3].Event.ID, out[0].Event.ID)
			w.crash()
		}
		page, err := w.s.ListEvents(w.ctx, store.Everything, store.EventQuery{})
		w.must(err, "list events")
		want(w, "the number of stored events", len(page.Events), 4)
	}},
	{name: "deduplicates within a client only", run: func(w *world) {
		var es []flow.Event
		for _, client := range []string{"", "clt_A", "clt_B"} {
			es = append(es, w.newEvent(func(e *flow.Event) { e.DeduplicationID, e.ClientID = "d", client }))
		}
		out := w.appended(es...)
		want(w, "clt_A is a duplicate", out[1].Duplicate, false)
		want(w, "clt_B is a duplicate", out[2].Duplicate, false)
		want(w, "clt_B again is a duplicate", w.appended(es[2])[0].Duplicate, true)
		want(w, "anchor again is a duplicate", w.appended(es[0])[0].Duplicate, true)
	}},
	{name: "gives greater positions after a crash and after the clock went back", run: func(w *world) {
		es := w.append(w.newEvent(), w.newEvent())
		w.crash()
		es = append(es, w.append(w.newEvent())...)
		w.sleep(-48 * 3600e9)
		es = append(es, w.append(w.newEvent())...)
		w.reopen()
		es = append(es, w.append(w.newEvent())...)
		w.wantRising(es)
		b, err := w.s.Unfanned(w.ctx, 100)
		w.must(err, "unfanned")
		want(w, "the number of events to fan out", len(b.Events), len(es))
		w.wantRising(b.Events)
	}},
	{name: "serves many writers at once", run: func(w *world) {
		const writers, calls, size = 8, 10, 3
		var mu sync.Mutex
		var all []flow.Event
		var wg sync.WaitGroup
		failures := make(chan error, writers*calls)
		for g := range writers {
			wg.Go(func() {
				var last int64
				for c := range calls {
					var es []flow.Event
					for i := range size {
						es = append(es, flow.Event{Type: "a:b:c:d", Source: "/", Time: epoch, Data: json.RawMessage("1"),
							DataContentType: "application/json", SpecVersion: "1.0", Subject: fmt.Sprintf("%d/%d/%d", g, c, i)})
					}
					out, err := w.s.Append(w.ctx, es, epoch)
					if err != nil {
						failures <- err
						return
					}
					for i, a := range out {
						if a.Event.Position <= last || a.Event.Subject != es[i].Subject {
							failures <- fmt.Errorf("%s has position %d after %d", a.Event.Subject, a.Event.Position, last)
							return
						}
						last = a.Event.Position
						mu.Lock()
						all = append(all, a.Event)
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		close(failures)
		for err := range failures {
			w.fail("append: %v", err)
		}
		slices.SortFunc(all, func(a, b flow.Event) int { return int(a.Position - b.Position) })
		w.wantRising(all)
		b, err := w.s.Unfanned(w.ctx, 1000)
		w.must(err, "unfanned")
		want(w, "the number of events to fan out", len(b.Events), writers*calls*size)
		for i := range all {
			want(w, "the event in its place", b.Events[i].ID, all[i].ID)
		}
	}},
	{name: "has no answer for no event", run: func(w *world) {
		out, err := w.s.Append(w.ctx, nil, w.now)
		w.must(err, "append nothing")
		want(w, "the number of answers", len(out), 0)
		_, err = w.s.Event(w.ctx, store.Everything, 12345)
		w.wantErr("read an unknown event", err, store.ErrNotFound)
	}},
}

func (w *world) wantRising(es []flow.Event) {
	w.Helper()
	for i := 1; i < len(es); i++ {
		if es[i].Position <= es[i-1].Position || es[i].ID == es[i-1].ID {
			w.fail("position %d (id %s) follows %d (id %s)", es[i].Position, es[i].ID, es[i-1].Position, es[i-1].ID)
		}
	}
}

// wantEvent compares what the publisher gave.
func (w *world) wantEvent(got, wanted flow.Event) {
	w.Helper()
	w.wantTime("the event's time", got.Time, wanted.Time)
	got.Time, got.ID, got.Position, got.CreatedAt = wanted.Time, wanted.ID, wanted.Position, wanted.CreatedAt
	a, err := json.Marshal(got)
	w.must(err, "encode event")
	b, err := json.Marshal(wanted)
	w.must(err, "encode event")
	if !bytes.Equal(a, b) || !bytes.Equal(got.Data, wanted.Data) {
		w.fail("the event is\n%s, want\n%s", a, b)
	}
}
