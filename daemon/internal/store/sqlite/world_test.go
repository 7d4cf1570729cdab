package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// noon is when every test begins.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	st, err := Open(filepath.Join(dir, "store.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// setup opens a store that is checked and closed when the test ends.
func setup(t testing.TB) *Store {
	t.Helper()
	st := open(t, t.TempDir(), Options{Now: noon})
	t.Cleanup(func() { shut(t, st) })
	return st
}

func shut(t testing.TB, st *Store) {
	t.Helper()
	if st.isClosed() == nil {
		wantConsistent(t, st)
	}
	if err := st.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// events makes n events of a group with deduplication ids "name.0", "name.1", …
func events(name, group string, n, bytes int) []flow.Event {
	data, _ := json.Marshal(string(make([]byte, max(bytes/6, 1)))) // each byte is written as six
	es := make([]flow.Event, n)
	for i := range es {
		es[i] = flow.Event{
			Type: "orders:fulfillment:shipment:shipped", Source: "/shop", Data: data, MessageGroup: group,
			DataContentType: "application/json", SpecVersion: "1.0", DeduplicationID: fmt.Sprintf("%s.%d", name, i),
		}
	}
	return es
}

func appendAll(t testing.TB, st *Store, es []flow.Event) {
	t.Helper()
	_, err := st.Append(t.Context(), es, noon)
	must(t, err)
}

// fanOut makes a job of each new event for a subscription.
func fanOut(t testing.TB, st *Store, sub string, mode flow.Mode) {
	t.Helper()
	for {
		b, err := st.Unfanned(t.Context(), 10_000)
		must(t, err)
		if len(b.Events) == 0 {
			return
		}
		must(t, st.FanOut(t.Context(), b, jobsFor(b, sub, mode), noon))
	}
}

func jobsFor(b store.Batch, sub string, mode flow.Mode) []flow.Job {
	jobs := make([]flow.Job, len(b.Events))
	for i, e := range b.Events {
		jobs[i] = flow.Job{
			Position: e.Position, EventID: e.ID, SubscriptionID: sub, Lane: sub, MessageGroup: e.MessageGroup, Mode: mode,
			OrderKey: flow.NewOrderKey(mode, sub, "", e.MessageGroup, 0),
			Policy:   flow.Policy{MaxRetries: 2, Schedule: []time.Duration{time.Minute}, Timeout: 30 * time.Second},
		}
	}
	return jobs
}

// line makes n jobs of one subscription and returns them by position.
func line(t testing.TB, st *Store, sub string, mode flow.Mode, n int) []flow.Job {
	t.Helper()
	appendAll(t, st, events(sub, "g", n, 100))
	fanOut(t, st, sub, mode)
	return jobsOf(t, st, sub)
}

func jobsOf(t testing.TB, st *Store, sub string) []flow.Job {
	t.Helper()
	var jobs []flow.Job
	for before := flow.ID(0); ; {
		page, err := st.ListJobs(t.Context(), store.Everything, store.JobQuery{SubscriptionID: sub, Limit: 1000, Before: before})
		must(t, err)
		for _, v := range page.Jobs {
			jobs = append([]flow.Job{v.Job}, jobs...)
		}
		if before = page.Next; before == 0 {
			return jobs
		}
	}
}

func job(t testing.TB, st *Store, id flow.ID) flow.Job {
	t.Helper()
	v, err := st.Job(t.Context(), store.Everything, id)
	must(t, err)
	return v.Job
}

func start(t testing.TB, st *Store, id flow.ID, ticket int64) flow.Job {
	t.Helper()
	got, err := st.Start(t.Context(), []store.Start{{Job: id, Ticket: ticket, Owner: "r1", Slack: flow.LeaseSlack}}, noon)
	must(t, err)
	if got[0].Result != store.StartOK {
		t.Fatalf("start of %s with ticket %d: result %d, job %+v", id, ticket, got[0].Result, got[0].Job)
	}
	return got[0].Job
}

func outcome(j flow.Job, v flow.Verdict) store.Outcome {
	a := flow.Attempt{JobID: j.ID, Number: j.Attempts, At: noon, Duration: time.Millisecond, Verdict: v, Status: 200, Router: "r1"}
	return store.Outcome{Job: j.After(a, noon, 0), Attempt: a, Owner: "r1"}
}

func record(t testing.TB, st *Store, j flow.Job, v flow.Verdict) flow.Job {
	t.Helper()
	got, err := st.Record(t.Context(), []store.Outcome{outcome(j, v)}, noon)
	must(t, err)
	must(t, got[0].Err)
	return got[0].Job
}

func markQueued(st *Store, ids ...flow.ID) error {
	var tickets []store.Ticket
	for _, id := range ids {
		tickets = append(tickets, store.Ticket{Job: id, Number: 1})
	}
	return st.MarkQueued(context.Background(), tickets, noon)
}

// together holds the writer until all verbs stand before it, so that they
// share one transaction, and returns their errors.
func together(t testing.TB, st *Store, verbs ...func() error) []error {
	t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- st.write(context.Background(), func(*tx) error {
			close(held)
			<-release
			return nil
		})
	}()
	<-held
	results := make([]chan error, len(verbs))
	for i, v := range verbs {
		results[i] = make(chan error, 1)
		go func() { results[i] <- v() }()
		until(t, "the verb stands before the writer", func() bool { return len(st.ops) == i+1 })
	}
	close(release)
	must(t, <-first)
	errs := make([]error, len(verbs))
	for i := range results {
		errs[i] = <-results[i]
	}
	return errs
}

// until waits for a fact that nothing signals. Its end is far away, since a
// busy machine is no fault.
func until(t testing.TB, what string, fact func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(3 * time.Minute)
	for !fact() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// wantConsistent compares what an idle store has in memory with its file, and
// the gates with the jobs.
func wantConsistent(t testing.TB, st *Store) {
	t.Helper()
	// What callers left behind who gave up is done with first: memory follows
	// only when a transaction has ended.
	if err := st.write(context.Background(), func(*tx) error { return nil }); err != nil {
		t.Errorf("check the store: %v", err)
	}
	err := st.write(context.Background(), func(x *tx) error {
		c := &consistency{TB: t, st: st, tx: x}
		c.counters()
		c.jobs()
		c.gates()
		c.events()
		c.works()
		return nil
	})
	if err != nil {
		t.Errorf("check the store: %v", err)
	}
}

type consistency struct {
	testing.TB
	st  *Store
	tx  *tx
	all map[flow.ID]flow.Job // as on disk
	out map[string]int
}

func (c *consistency) number(sql string) int64 {
	c.Helper()
	n, err := c.tx.number(sql)
	if err != nil {
		c.Errorf("%s: %v", sql, err)
	}
	return n
}

func (c *consistency) same(what string, memory, disk int64) {
	c.Helper()
	if memory != disk {
		c.Errorf("%s: %d in memory, %d on disk", what, memory, disk)
	}
}

func (c *consistency) counters() {
	c.Helper()
	fanned := c.number("SELECT value FROM meta WHERE key = 'fanned'")
	c.same("the place in the stream", c.st.fanned.Load(), fanned)
	c.same("the resource version", c.st.version.Load(), c.number("SELECT value FROM meta WHERE key = 'resources'"))
	c.same("the backlog", c.st.backlog.Load(), c.number(fmt.Sprintf("SELECT count(*) FROM events WHERE position > %d", fanned)))
	c.same("open jobs", c.st.open.Load(), c.number("SELECT count(*) FROM jobs WHERE status < 13"))
	c.same("blocked keys", c.st.blockedKeys.Load(), c.number("SELECT count(*) FROM gates WHERE blocked IS NOT NULL"))
	c.same("dead letters", c.st.deadLetters.Load(), c.number("SELECT count(*) FROM jobs WHERE status = 14 OR status = 16"))
	if last, got := c.number("SELECT ifnull(max(position), 0) FROM events"), c.st.last.Load(); got < last {
		c.Errorf("the last position is %d in memory, %d on disk", got, last)
	}
}

func (c *consistency) jobs() {
	c.Helper()
	c.all, c.out = map[flow.ID]flow.Job{}, map[string]int{}
	err := c.tx.q("SELECT " + jobCols + ", ready FROM jobs").each(func(s *sqlite.Stmt) bool {
		j := c.st.pol.scanJob(s)
		c.all[j.ID] = j
		if ready := s.ColumnInt64(27) == 1; ready != (!j.Waiting && !j.Status.Final()) {
			c.Errorf("job %s is %s, waiting %v, and ready %v", j.ID, j.Status, j.Waiting, ready)
		}
		return true
	})
	if err != nil {
		c.Errorf("read jobs: %v", err)
	}
	c.st.live.mu.RLock()
	defer c.st.live.mu.RUnlock()
	for id, m := range c.st.live.jobs {
		d, ok := c.all[id]
		if !ok {
			c.Errorf("job %s is in memory and not on disk", id)
			continue
		}
		if isOut(m.Status) {
			c.out[m.Lane]++
		}
		asDisk := *m
		if m.Status == flow.Queued {
			asDisk.Status, asDisk.Ticket = flow.Pending, m.Ticket-1
		}
		if asDisk.Status != d.Status || asDisk.Ticket != d.Ticket || m.Waiting != d.Waiting || m.Attempts != d.Attempts ||
			m.Spent != d.Spent || m.Lost != d.Lost || m.CancelAsked != d.CancelAsked || ceilMilli(m.Due) != ceilMilli(d.Due) ||
			m.Lane != d.Lane || m.OrderKey != d.OrderKey || !m.Policy.Equal(d.Policy) {
			c.Errorf("job %s in memory is\n%+v, on disk\n%+v", id, *m, d)
		}
	}
	for id, d := range c.all {
		m := c.st.live.jobs[id]
		if d.Status == flow.Processing && m == nil || d.Status.Final() && m != nil {
			c.Errorf("job %s is %s; in memory: %v", id, d.Status, m != nil)
		}
	}
	for lane, n := range c.out {
		c.same("jobs out of "+lane, int64(c.st.live.out[lane]), int64(n))
	}
	c.same("lanes with jobs out", int64(len(c.st.live.out)), int64(len(c.out)))
}

func (c *consistency) gates() {
	c.Helper()
	gates := map[flow.OrderKey]store.Gate{}
	if err := c.tx.q("SELECT " + gateCols + " FROM gates").each(func(s *sqlite.Stmt) bool {
		g := scanGate(s)
		gates[g.Key] = g
		return true
	}); err != nil {
		c.Errorf("read gates: %v", err)
	}
	for _, j := range c.all {
		if !j.Ordered() || j.Status.Final() {
			continue
		}
		if g, ok := gates[j.OrderKey]; !ok || (g.Holder == j.ID) == j.Waiting {
			c.Errorf("job %s, waiting %v, has the gate %+v", j.ID, j.Waiting, g)
		}
	}
	for _, g := range gates {
		j := c.all[g.Holder]
		if blocked := !g.BlockedSince.IsZero(); blocked && !j.Status.DeadLetter() || !blocked && j.Status.Final() {
			c.Errorf("the gate %+v, blocked %v, has a holder that is %s", g, blocked, j.Status)
		}
	}
}

func (c *consistency) events() {
	c.Helper()
	c.st.cache.mu.RLock()
	defer c.st.cache.mu.RUnlock()
	c.same("events in the cache", int64(len(c.st.cache.events)),
		c.number(fmt.Sprintf("SELECT count(*) FROM events WHERE position > %d", c.st.cache.from)))
	total := 0
	for _, e := range c.st.cache.events {
		total += eventBytes(e)
	}
	c.same("bytes of the cache", int64(c.st.cache.bytes), int64(total))
	if total > c.st.cache.limit {
		c.Errorf("the cache holds %d bytes, its limit is %d", total, c.st.cache.limit)
	}
}

// works counts the jobs of replays by hand.
func (c *consistency) works() {
	c.Helper()
	ids, err := c.tx.q("SELECT id FROM works").ids()
	if err != nil {
		c.Errorf("read works: %v", err)
	}
	for _, id := range ids {
		got, err := c.tx.progress(id)
		if err != nil {
			c.Errorf("read progress: %v", err)
		}
		counted := store.Progress{Work: id, Cursor: got.Cursor, Examined: got.Examined}
		for _, j := range c.all {
			if j.ReplayID != id {
				continue
			}
			counted.Created++
			switch j.Status {
			case flow.Completed:
				counted.Completed++
			case flow.Failed:
				counted.Failed++
			case flow.Cancelled:
				counted.Cancelled++
			case flow.Expired:
				counted.Expired++
			}
		}
		if counted.Created > 0 && counted != got { // a letter task has no jobs of its own
			c.Errorf("the progress is\n%+v, counted\n%+v", got, counted)
		}
	}
}
