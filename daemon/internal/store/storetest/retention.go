package storetest

import (
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// purge does steps of a kind to their end, for what is older than an age.
func (w *world) purge(kind store.PurgeKind, age time.Duration, clients ...string) store.Purged {
	return w.purgeAs(store.Purge{Kind: kind, Before: w.now.Add(-age), Clients: clients, Except: len(clients) == 0, Limit: 2})
}

func (w *world) purgeAs(p store.Purge) (sum store.Purged) {
	for range 1000 {
		done, err := w.s.Purge(w.ctx, p)
		w.must(err, "purge")
		if done.Examined > p.Limit || done.Removed+done.Kept > done.Examined || done.Next < p.After {
			w.fail("a step of %d rows did %+v", p.Limit, done)
		}
		sum.Removed += done.Removed
		sum.Kept += done.Kept
		if sum.FirstKept == 0 {
			sum.FirstKept, sum.OldestKept = done.FirstKept, done.OldestKept
		}
		if done.Done {
			return sum
		}
		p.After = done.Next
	}
	w.fail("a purge does not come to its end")
	return sum
}

func (w *world) event(id flow.ID) (flow.Event, error) { return w.s.Event(w.ctx, store.Everything, id) }

var retentionCases = []testCase{
	{name: "removes what is older than its age, and nothing else", run: func(w *world) {
		old := w.line(flow.Immediate, "sub_A", 3)
		task := w.insertTasks(w.newTask())[0]
		for _, j := range append(old, task) {
			w.deliver(j.ID, flow.Retry)
			w.sleep(time.Hour)
			w.deliver(j.ID, flow.Delivered)
		}
		w.write(store.WriteSet{IfVersion: w.version(), Audit: []store.AuditEntry{entry(w, "1", "CREATE", "clt_A")}})
		w.sleep(24 * time.Hour)
		young := w.line(flow.Immediate, "sub_A", 1)[0]
		w.deliver(young.ID, flow.Delivered)
		w.write(store.WriteSet{IfVersion: w.version(), Audit: []store.AuditEntry{entry(w, "2", "CREATE", "clt_A")}})

		const age = 12 * time.Hour
		want(w, "payloads removed", w.purge(store.PurgePayloads, age).Removed, 3)
		want(w, "payloads of tasks removed", w.purge(store.PurgeTaskPayloads, age).Removed, 1)
		for range 2 {
			e, err := w.event(old[0].EventID)
			w.must(err, "read event")
			want(w, "the event", fmt.Sprint(e.Expunged, len(e.Data), e.Type != ""), "true 0 true")
			e, err = w.event(young.EventID)
			w.must(err, "read event")
			want(w, "the young event", fmt.Sprint(e.Expunged, len(e.Data) > 0), "false true")
			got := w.job(task.ID)
			want(w, "the task", fmt.Sprintf("%v %q %v", got.Task.Expunged, got.Task.Payload, got.Task.TargetURL != ""), `true "" true`)
			want(w, "attempts", len(w.attempts(old[0].ID)), 2)
			w.crash()
		}
		want(w, "payloads removed again", w.purge(store.PurgePayloads, age).Removed, 0)
		want(w, "jobs with attempts", w.purge(store.PurgeAttempts, age).Removed, 4)
		want(w, "attempts", len(w.attempts(old[0].ID)), 0)
		want(w, "attempts of the young job", len(w.attempts(young.ID)), 1)
		want(w, "events removed", w.purge(store.PurgeEvents, age).Removed, 3)
		_, err := w.event(old[0].EventID)
		w.wantErr("read a removed event", err, store.ErrNotFound)
		w.wantStatus(old[0].ID, flow.Completed) // its jobs have an age of their own
		want(w, "jobs removed", w.purge(store.PurgeJobs, age).Removed, 4)
		want(w, "audit entries removed", w.purge(store.PurgeAudit, age).Removed, 1)
		w.crash()
		want(w, "jobs left", len(w.page(store.JobQuery{}).Jobs), 1)
		want(w, "audit entries left", len(w.audit(store.Everything, 0, 10)), 1)
		for _, id := range []flow.ID{old[0].ID, task.ID} {
			_, err := w.s.Job(w.ctx, store.Everything, id)
			w.wantErr("read a removed job", err, store.ErrNotFound)
		}
		_, err = w.event(young.EventID)
		w.must(err, "read the young event")
	}},
	{name: "keeps what is still needed, and says since when", run: func(w *world) {
		made := w.now
		open := w.line(flow.Immediate, "sub_A", 1)[0]
		blocked := w.line(flow.BlockOnError, "sub_B", 2)
		w.block(blocked[0])
		parked := w.insertTasks(w.newTask())[0]
		w.append(w.newEvent()) // and not fanned out
		w.sleep(48 * time.Hour)
		for name, c := range map[string]struct {
			kind store.PurgeKind
			kept int
		}{
			"payloads":          {store.PurgePayloads, 4},
			"events":            {store.PurgeEvents, 4},
			"jobs":              {store.PurgeJobs, 4},
			"attempts":          {store.PurgeAttempts, 1},
			"payloads of tasks": {store.PurgeTaskPayloads, 1},
		} {
			got := w.purge(c.kind, time.Hour)
			want(w, name+" removed", got.Removed, 0)
			want(w, name+" kept", got.Kept, c.kept)
			if got.OldestKept.Before(made) || got.OldestKept.After(made.Add(time.Hour)) {
				w.fail("%s: the oldest that is kept is of %s", name, w.clock(got.OldestKept))
			}
		}
		w.crash()
		for _, j := range []flow.Job{open, blocked[1], parked} {
			w.wantStatus(j.ID, flow.Pending)
		}
		for _, id := range []flow.ID{open.EventID, blocked[0].EventID, blocked[1].EventID} {
			e, err := w.event(id)
			w.must(err, "read event")
			want(w, "the data is there", len(e.Data) > 0 && !e.Expunged, true)
		}
		want(w, "the head can be retried", w.retry(blocked[0].ID).Status, flow.Pending)
		w.deliver(blocked[0].ID, flow.Delivered)
		w.deliver(blocked[1].ID, flow.Delivered)
		w.sleep(48 * time.Hour)
		want(w, "jobs removed when they have ended", w.purge(store.PurgeJobs, time.Hour).Removed, 2)
	}},
	{name: "counts the age of a job from its end", run: func(w *world) {
		j := w.one()
		w.sleep(48 * time.Hour)
		w.deliver(j.ID, flow.Delivered)
		w.sleep(time.Minute)
		want(w, "removed", w.purge(store.PurgeJobs, time.Hour).Removed, 0)
		w.sleep(time.Hour)
		want(w, "removed an hour later", w.purge(store.PurgeJobs, time.Hour).Removed, 1)
	}},
	{name: "goes by client", run: func(w *world) {
		for _, client := range []string{"clt_A", "clt_B", ""} {
			w.append(w.newEvent(func(e *flow.Event) { e.ClientID = client }), w.newEvent(func(e *flow.Event) { e.ClientID = client }))
		}
		w.fanAllOut()
		w.sleep(48 * time.Hour)
		want(w, "of one client", w.purge(store.PurgeEvents, time.Hour, "clt_A").Removed, 2)
		want(w, "of one client again", w.purge(store.PurgeEvents, time.Hour, "clt_A").Removed, 0)
		want(w, "of anchor level", w.purge(store.PurgePayloads, time.Hour, "").Removed, 2)
		got := w.purgeAs(store.Purge{Kind: store.PurgeEvents, Before: w.now.Add(-time.Hour), Clients: []string{"clt_B"}, Except: true, Limit: 2})
		want(w, "of all but one", got.Removed, 2)
		left := w.page(store.JobQuery{})
		want(w, "jobs", len(left.Jobs), 0)
		page, err := w.s.ListEvents(w.ctx, store.Everything, store.EventQuery{})
		w.must(err, "list events")
		want(w, "events left", len(page.Events), 2)
	}},
	{name: "leaves nothing to send again of a payload that is gone", run: func(w *world) {
		letter := w.letters("sub_A", flow.Reject, flow.Reject)
		task := w.insertTasks(w.newTask())[0]
		w.deliver(task.ID, flow.Reject)
		w.sleep(48 * time.Hour)
		w.purge(store.PurgePayloads, time.Hour)
		w.purge(store.PurgeTaskPayloads, time.Hour)
		for _, id := range []flow.ID{letter[0].ID, task.ID} {
			_, err := w.s.Retry(w.ctx, store.Everything, id, w.now)
			w.wantErr("retry a job whose payload is gone", err, store.ErrExpunged)
			w.wantStatus(id, flow.Failed)
		}
		page, err := w.s.Scan(w.ctx, store.Everything, store.ScanQuery{Limit: 100, Data: true})
		w.must(err, "scan")
		for _, e := range page.Events {
			want(w, "an event that a replay finds", fmt.Sprint(e.Expunged, len(e.Data)), "true 0")
		}
		w.purge(store.PurgeEvents, time.Hour)
		_, err = w.s.Retry(w.ctx, store.Everything, letter[1].ID, w.now)
		w.wantErr("retry a job whose event is gone", err, store.ErrExpunged)
		want(w, "a dead letter can be given up", w.discard(letter[1].ID, "gone").Status, flow.Cancelled)
		stats, err := w.s.Stats(w.ctx)
		w.must(err, "stats")
		want(w, "dead letters", stats.DeadLetters, 2)
		w.sleep(48 * time.Hour)
		w.purge(store.PurgeJobs, time.Hour)
		stats, err = w.s.Stats(w.ctx)
		w.must(err, "stats")
		want(w, "dead letters when they are removed", stats.DeadLetters, 0)
	}},
	{name: "frees a deduplication id with its event", run: func(w *world) {
		e := w.newEvent(func(e *flow.Event) { e.DeduplicationID = "once" })
		w.append(e)
		w.fanAllOut()
		w.sleep(48 * time.Hour)
		w.purge(store.PurgePayloads, time.Hour)
		want(w, "duplicate while the event is there", w.appended(e)[0].Duplicate, true)
		w.fanAllOut()
		w.purge(store.PurgeEvents, time.Hour)
		want(w, "duplicate when it is gone", w.appended(e)[0].Duplicate, false)
	}},
	{name: "ends a step early, and goes on where it ended", run: func(w *world) {
		old := w.line(flow.Immediate, "sub_A", 5)
		for _, j := range old {
			if j.ID != old[2].ID {
				w.deliver(j.ID, flow.Delivered)
			}
		}
		w.sleep(48 * time.Hour)
		p := store.Purge{Kind: store.PurgeJobs, Before: w.now.Add(-time.Hour), Except: true, Limit: 50, Within: 1} // a nanosecond
		done, err := w.s.Purge(w.ctx, p)
		w.must(err, "purge")
		if done.Removed+done.Kept == 0 {
			w.fail("a step without time did nothing: %+v", done)
		}
		want(w, "jobs left", len(w.page(store.JobQuery{}).Jobs), len(old)-done.Removed)
		p.After = done.Next
		rest := w.purgeAs(p)
		want(w, "jobs removed", done.Removed+rest.Removed, 4)
		want(w, "jobs kept", done.Kept+rest.Kept, 1)
		w.wantStatus(old[2].ID, flow.Pending)
	}},
	{name: "shrinks when it is asked to", run: func(w *world) {
		for range 40 {
			w.append(w.newEvent(func(e *flow.Event) { e.Data = []byte(`"` + string(make20k()) + `"`) }))
		}
		w.fanAllOut()
		w.sleep(48 * time.Hour)
		w.purge(store.PurgeEvents, time.Hour)
		left, err := w.s.Shrink(w.ctx, 0)
		w.must(err, "shrink")
		after, err := w.s.Shrink(w.ctx, 10)
		w.must(err, "shrink")
		if left > 10 && after != left-10 {
			w.fail("of %d unused pages %d are left after 10 were given back", left, after)
		}
	}},
}

func make20k() []byte {
	b := make([]byte, 20_000)
	for i := range b {
		b[i] = 'x'
	}
	return b
}
