package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// patience is how long a wake may take on a busy machine before a test gives
// up. No test waits for it to pass.
const patience = 20 * time.Second

// woken waits for a listener and returns what it was told.
func (w *world) woken(l *store.Listener, what string) ([]string, bool) {
	w.Helper()
	ctx, stop := context.WithTimeout(w.ctx, patience)
	defer stop()
	select {
	case <-l.C:
		return l.Take()
	case <-ctx.Done():
		w.fail("nobody was woken by %s", what)
		return nil, false
	}
}

// wantWake runs a verb and insists that a lane is woken by it.
func (w *world) wantWake(what, lane string, verb func()) {
	w.Helper()
	l := w.s.Wakes().Lanes.Listen()
	defer l.Close()
	verb()
	ctx, stop := context.WithTimeout(w.ctx, patience)
	defer stop()
	for {
		select {
		case <-l.C:
			if keys, all := l.Take(); all || slices.Contains(keys, lane) {
				return
			}
		case <-ctx.Done():
			w.fail("lane %s was not woken by %s", lane, what)
		}
	}
}

var wakeCases = []testCase{
	{name: "tell of events once they can be read", run: func(w *world) {
		l := w.s.Wakes().Events.Listen()
		defer l.Close()
		for n := range 20 {
			e := w.newEvent()
			failed := make(chan error, 1)
			go func() {
				_, err := w.s.Append(w.ctx, []flow.Event{e}, epoch)
				failed <- err
			}()
			// The wake may come before the answer, never before the commit.
			w.woken(l, "an append")
			want(w, "events to fan out", len(w.unfanned(1000).Events), n+1)
			w.must(<-failed, "append")
		}
	}},
	{name: "tell of resources once they can be read", run: func(w *world) {
		l := w.s.Wakes().Resources.Listen()
		defer l.Close()
		for n := range 10 {
			v := w.version()
			failed := make(chan error, 1)
			d := document("pool", fmt.Sprint(n), 1)
			go func() {
				_, err := w.s.Write(w.ctx, store.WriteSet{IfVersion: v, Put: []store.Document{d}}, epoch)
				failed <- err
			}()
			w.woken(l, "a write")
			ds, _, err := w.s.Documents(w.ctx)
			w.must(err, "documents")
			want(w, "documents", len(ds), n+1)
			w.must(<-failed, "write")
		}
	}},
	{name: "tell of lanes whose jobs became ready, ended or moved", run: func(w *world) {
		var js []flow.Job
		w.wantWake("a fan-out", "sub_A", func() { js = w.line(flow.Immediate, "sub_A", 3) })
		w.wantWake("a fan-out of an ordered job", "sub_B", func() { w.line(flow.BlockOnError, "sub_B", 1) })
		var task flow.Job
		w.wantWake("a task", w.newTask().Lane, func() { task = w.insertTasks(w.newTask())[0] })
		w.queue(js[0].ID)
		w.wantWake("a park", "sub_A", func() { w.park(js[0].ID, 1, w.now) })
		begun := w.begin(js[0].ID)
		w.wantWake("an outcome", "sub_A", func() { w.end(begun, flow.Reject) })
		w.wantWake("a retry", "sub_A", func() { w.retry(js[0].ID) })
		w.wantWake("a cancel", "sub_A", func() { w.cancel(js[0].ID) })
		w.queue(js[1].ID)
		w.begin(js[2].ID)
		w.sleep(time.Hour)
		w.wantWake("a recovery", "sub_A", func() { w.recover(w.now, 10) })
		w.wantWake("the end of a lane", "sub_A", func() { w.cancelWholeLane("sub_A", 10) })
		w.wantWake("the end of a task", task.Lane, func() { w.deliver(task.ID, flow.Delivered) })
	}},
	{name: "tell of the next when a gate passes", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 4)
		begun := w.begin(js[0].ID)
		w.wantWake("a delivery", "sub_A", func() { w.end(begun, flow.Delivered) })
		w.wantWake("a cancelled head", "sub_A", func() { w.cancel(js[1].ID) })
		w.block(js[2])
		w.wantWake("a skip", "sub_A", func() { w.must(w.skip(js[2].OrderKey, js[2].ID), "skip") })
		w.wantOffer("sub_A", 10, js[3])
		w.block(js[3])
		w.wantWake("a retried head", "sub_A", func() { w.retry(js[3].ID) })
	}},
	{name: "find the lane's work by the time they come", run: func(w *world) {
		js := w.line(flow.NextOnError, "sub_A", 12)
		l := w.s.Wakes().Lanes.Listen()
		defer l.Close()
		for i := range len(js) - 1 {
			o := w.outcome(w.begin(js[i].ID), flow.Delivered)
			failed := make(chan error, 1)
			go func() {
				_, err := w.s.Record(w.ctx, []store.Outcome{o}, w.now)
				failed <- err
			}()
			// Whoever looks at each wake, and only then, misses nothing.
			for found := false; !found; {
				w.woken(l, "an outcome whose next is ready")
				found = len(w.offer("sub_A", 10).Jobs) > 0
			}
			w.must(<-failed, "record")
			w.wantOffer("sub_A", 10, js[i+1])
		}
	}},
}

// verbs are all verbs that touch the database, harmless.
func (w *world) verbs() map[string]func(context.Context) error {
	j := flow.Job{ID: 1, Attempts: 1}
	return map[string]func(context.Context) error{
		"Append": func(ctx context.Context) error {
			_, err := w.s.Append(ctx, []flow.Event{w.newEvent()}, w.now)
			return err
		},
		"Event": func(ctx context.Context) error { _, err := w.s.Event(ctx, store.Everything, 1); return err },
		"ListEvents": func(ctx context.Context) error {
			_, err := w.s.ListEvents(ctx, store.Everything, store.EventQuery{})
			return err
		},
		"Unfanned": func(ctx context.Context) error { _, err := w.s.Unfanned(ctx, 1); return err },
		"InsertTasks": func(ctx context.Context) error {
			_, err := w.s.InsertTasks(ctx, []flow.Job{w.newTask()}, w.now)
			return err
		},
		"Lanes": func(ctx context.Context) error { _, err := w.s.Lanes(ctx, "", 1); return err },
		"Offer": func(ctx context.Context) error { _, err := w.s.Offer(ctx, "sub_A", 1, w.now); return err },
		"MarkQueued": func(ctx context.Context) error {
			return w.s.MarkQueued(ctx, []store.Ticket{{Job: 1, Number: 9}}, w.now)
		},
		"Start": func(ctx context.Context) error {
			_, err := w.s.Start(ctx, []store.Start{{Job: 1, Ticket: 9}}, w.now)
			return err
		},
		"Record": func(ctx context.Context) error {
			_, err := w.s.Record(ctx, []store.Outcome{{Job: j, Attempt: flow.Attempt{JobID: 1, Number: 1}}}, w.now)
			return err
		},
		"Park":    func(ctx context.Context) error { return w.s.Park(ctx, []store.Park{{Job: 1, Ticket: 9}}, w.now) },
		"Recover": func(ctx context.Context) error { _, err := w.s.Recover(ctx, time.Time{}, w.now, 1); return err },
		"Retry":   func(ctx context.Context) error { _, err := w.s.Retry(ctx, store.Everything, 1, w.now); return err },
		"Cancel": func(ctx context.Context) error {
			_, err := w.s.Cancel(ctx, store.Everything, 1, flow.ReasonCancelled, w.now)
			return err
		},
		"CancelLane": func(ctx context.Context) error {
			_, err := w.s.CancelLane(ctx, "none", flow.ReasonCancelled, w.now, 1)
			return err
		},
		"Job": func(ctx context.Context) error { _, err := w.s.Job(ctx, store.Everything, 1); return err },
		"ListJobs": func(ctx context.Context) error {
			_, err := w.s.ListJobs(ctx, store.Everything, store.JobQuery{})
			return err
		},
		"Attempts": func(ctx context.Context) error { _, err := w.s.Attempts(ctx, store.Everything, 1); return err },
		"Blocked": func(ctx context.Context) error {
			_, err := w.s.Blocked(ctx, store.Everything, store.GateQuery{Limit: 1})
			return err
		},
		"Gate": func(ctx context.Context) error {
			_, err := w.s.Gate(ctx, store.Everything, flow.OrderKey{1})
			return err
		},
		"Skip": func(ctx context.Context) error { return w.s.Skip(ctx, store.Everything, flow.OrderKey{1}, 1, w.now) },
		"CancelWaiting": func(ctx context.Context) error {
			_, err := w.s.CancelWaiting(ctx, store.Everything, flow.OrderKey{1}, w.now, 1)
			return err
		},
		"Hold": func(ctx context.Context) error {
			return w.s.Hold(ctx, store.Hold{Endpoint: "e", Until: w.now, Reason: "PAUSED"})
		},
		"Release": func(ctx context.Context) error { return w.s.Release(ctx, "e", "") },
		"Out":     func(ctx context.Context) error { _, err := w.s.Out(ctx, "sub_A"); return err },
		"Discard": func(ctx context.Context) error {
			_, err := w.s.Discard(ctx, store.Everything, 1, "", w.now)
			return err
		},
		"ReportAudit": func(ctx context.Context) error {
			_, err := w.s.ReportAudit(ctx, []store.AuditEntry{entry(w, "1", "CREATE", "")}, w.now)
			return err
		},
		"AuditEntry":  func(ctx context.Context) error { _, err := w.s.AuditEntry(ctx, store.Everything, 1); return err },
		"AuditFacets": func(ctx context.Context) error { _, err := w.s.AuditFacets(ctx, store.Everything); return err },
		"EventFacets": func(ctx context.Context) error { _, err := w.s.EventFacets(ctx, store.Everything); return err },
		"Totals":      func(ctx context.Context) error { _, err := w.s.Totals(ctx, store.Everything); return err },
		"Rollups": func(ctx context.Context) error {
			_, err := w.s.Rollups(ctx, store.Everything, store.RollupQuery{})
			return err
		},
		"Entry": func(ctx context.Context) error {
			_, err := w.s.Entry(ctx, store.EntryKey{Space: "s", Key: "k"}, w.now)
			return err
		},
		"SwapEntries": func(ctx context.Context) error {
			return w.s.SwapEntries(ctx, nil, []store.EntryKey{{Space: "s", Key: "k"}}, w.now)
		},
		"DropEntries": func(ctx context.Context) error {
			_, err := w.s.DropEntries(ctx, store.EntryQuery{Space: "s", Owner: "o"})
			return err
		},
		"ListEntries": func(ctx context.Context) error {
			_, err := w.s.ListEntries(ctx, store.EntryQuery{Space: "s"}, w.now)
			return err
		},
		"ExpireEntries": func(ctx context.Context) error { _, err := w.s.ExpireEntries(ctx, w.now, 1); return err },
		"Purge":         func(ctx context.Context) error { _, err := w.s.Purge(ctx, store.Purge{}); return err },
		"Shrink":        func(ctx context.Context) error { _, err := w.s.Shrink(ctx, 0); return err },
		"Scan": func(ctx context.Context) error {
			_, err := w.s.Scan(ctx, store.Everything, store.ScanQuery{})
			return err
		},
		"Letters": func(ctx context.Context) error {
			_, err := w.s.Letters(ctx, store.Everything, 0, store.JobQuery{})
			return err
		},
		"Progress": func(ctx context.Context) error { _, err := w.s.Progress(ctx, 1); return err },
		"Advance": func(ctx context.Context) error {
			_, err := w.s.Advance(ctx, store.Advance{Work: 1, From: -7}, w.now)
			return err
		},
		"Forget":    func(ctx context.Context) error { return w.s.Forget(ctx, 1) },
		"Stats":     func(ctx context.Context) error { _, err := w.s.Stats(ctx); return err },
		"Version":   func(ctx context.Context) error { _, err := w.s.Version(ctx); return err },
		"ListHolds": func(ctx context.Context) error { _, err := w.s.ListHolds(ctx, w.now); return err },
		"Documents": func(ctx context.Context) error { _, _, err := w.s.Documents(ctx); return err },
		"Write": func(ctx context.Context) error {
			_, err := w.s.Write(ctx, store.WriteSet{IfVersion: -7}, w.now)
			return err
		},
		"Audit": func(ctx context.Context) error {
			_, err := w.s.Audit(ctx, store.Everything, store.AuditQuery{Limit: 1})
			return err
		},
		"Acquire": func(ctx context.Context) error { _, err := w.s.Acquire(ctx, "n", "o", w.now, w.now); return err },
		"Drop":    func(ctx context.Context) error { return w.s.Drop(ctx, "n", "o") },
		"Health":  func(ctx context.Context) error { return w.s.Health(ctx) },
	}
}

var lifecycleCases = []testCase{
	{name: "is healthy while it is open", run: func(w *world) {
		w.must(w.s.Health(w.ctx), "health")
	}},
	{name: "refuses every verb after it was closed", run: func(w *world) {
		verbs := w.verbs()
		w.must(w.s.Close(), "close")
		for name, verb := range verbs {
			w.wantErr(name+" on a closed store", verb(w.ctx), store.ErrClosed)
		}
		if err := w.s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			w.fail("close again: %v", err)
		}
	}},
	{name: "waits for running verbs when it closes, and loses none", run: func(w *world) {
		var mu sync.Mutex
		accepted := map[string]bool{}
		var wg sync.WaitGroup
		failures := make(chan error, 8)
		begun := make(chan struct{}, 8)
		for g := range 8 {
			wg.Go(func() {
				for n := 0; ; n++ {
					id := fmt.Sprintf("%d/%d", g, n)
					_, err := w.s.Append(w.ctx, []flow.Event{{Type: "a:b:c:d", Source: "/", Subject: id, Time: epoch, Data: []byte("1")}}, epoch)
					if errors.Is(err, store.ErrClosed) {
						return
					}
					if err != nil {
						failures <- err
						return
					}
					mu.Lock()
					accepted[id] = true
					mu.Unlock()
					if n == 3 {
						begun <- struct{}{}
					}
				}
			})
		}
		ctx, stop := context.WithTimeout(w.ctx, patience)
		defer stop()
		for range 4 {
			select {
			case <-begun:
			case <-ctx.Done():
				w.fail("the writers do not get on")
			}
		}
		w.must(w.s.Close(), "close")
		wg.Wait()
		close(failures)
		for err := range failures {
			w.fail("append while closing: %v", err)
		}
		w.open()
		for last := int64(0); ; {
			b := w.unfanned(1000)
			if len(b.Events) == 0 {
				break
			}
			for _, e := range b.Events {
				if e.Position <= last {
					w.fail("position %d was fanned out already", e.Position)
				}
				last = e.Position
				delete(accepted, e.Subject)
			}
			w.must(w.s.FanOut(w.ctx, b, nil, w.now), "fan out")
		}
		want(w, "accepted events that are gone", len(accepted), 0)
	}},
	{name: "lets a caller give up without hurting its neighbours", run: func(w *world) {
		gone, give := context.WithCancel(w.ctx)
		give()
		var wg sync.WaitGroup
		failures := make(chan error, 64)
		for i := range 32 {
			ctx := w.ctx
			if i%2 == 0 {
				ctx = gone
			}
			wg.Go(func() {
				es := []flow.Event{{Type: "a:b:c:d", Source: "/", DeduplicationID: fmt.Sprint(i), Time: epoch, Data: []byte("1")}}
				if _, err := w.s.Append(ctx, es, epoch); err != nil && ctx != gone {
					failures <- err
				}
				// Whether it was committed or not, repeating it is safe.
				out, err := w.s.Append(w.ctx, es, epoch)
				if err != nil {
					failures <- err
				} else if ctx != gone && !out[0].Duplicate {
					failures <- fmt.Errorf("event %d was lost", i)
				}
			})
		}
		wg.Wait()
		close(failures)
		for err := range failures {
			w.fail("append beside callers that gave up: %v", err)
		}
		want(w, "events", len(w.unfanned(1000).Events), 32)
		// A verb of a caller that gave up answers, one way or the other.
		for name, verb := range w.verbs() {
			done := make(chan error, 1)
			go func() { done <- verb(gone) }()
			ctx, stop := context.WithTimeout(w.ctx, patience)
			select {
			case <-done:
			case <-ctx.Done():
				w.fail("%s does not come back to a caller that gave up", name)
			}
			stop()
		}
		w.must(w.s.Health(w.ctx), "health")
	}},
	{name: "keeps everything over a close and a crash", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 3)
		w.block(js[0])
		t := w.insertTasks(w.newTask())[0]
		w.deliver(t.ID, flow.Retry)
		before := []string{describe(w.job(js[0].ID)), describe(w.job(js[1].ID)), describe(w.job(t.ID))}
		for _, how := range []func(){w.reopen, w.crash, w.crash, w.reopen} {
			how()
			for i, id := range []flow.ID{js[0].ID, js[1].ID, t.ID} {
				want(w, w.name(id), describe(w.job(id)), before[i])
			}
			w.wantHolder(js[0], js[1], js[2])
			w.wantTime("next", w.offer(t.Lane, 10).Next, epoch.Add(time.Minute))
		}
	}},
	{name: "keeps two stores on one database in step", needs: func(f Features) bool { return f.Shared }, run: func(w *world) {
		other := w.f.Open(w.host, w.dir, w.now)
		w.host.Cleanup(func() { _ = other.Close() })
		l := other.Wakes().Events.Listen()
		defer l.Close()
		j := w.one()
		w.woken(l, "an append in another process")
		out, err := other.Start(w.ctx, []store.Start{{Job: j.ID, Ticket: 1, Owner: "r2", Slack: slack}}, w.now)
		w.must(err, "start in another process")
		want(w, "result", startNames[out[0].Result], "ok")
		w.wantStart(j.ID, 1, "r1", store.StartLeased)
	}},
}
