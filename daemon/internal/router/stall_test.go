package router

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// poisoned is a store in which one job makes a verb panic.
type poisoned struct {
	*fakeStore
	verb string
	job  atomic.Uint64
	hits atomic.Int32
}

func (p *poisoned) bite(verb string, id flow.ID) {
	if verb == p.verb && uint64(id) == p.job.Load() {
		p.hits.Add(1)
		panic("poison")
	}
}

func (p *poisoned) Start(ctx context.Context, starts []store.Start, now time.Time) ([]store.Started, error) {
	for _, s := range starts {
		p.bite("start", s.Job)
	}
	return p.fakeStore.Start(ctx, starts, now)
}

func (p *poisoned) Record(ctx context.Context, outcomes []store.Outcome, now time.Time) ([]store.Recorded, error) {
	for _, o := range outcomes {
		p.bite("record", o.Job.ID)
	}
	return p.fakeStore.Record(ctx, outcomes, now)
}

func TestAPanicInTheStoreKeepsBackOneJob(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"start", "record"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			var p *poisoned
			w := build(t, func(http.ResponseWriter, *http.Request) {}, func(o *Options) {
				p = &poisoned{fakeStore: o.Store.(*fakeStore), verb: verb}
				o.Store = p
			})
			bad := w.publish()
			p.job.Store(uint64(bad))
			var ids []flow.ID
			for range 20 {
				ids = append(ids, w.publish())
			}
			w.run()
			for range 20 {
				ids = append(ids, w.publish())
			}
			for _, id := range ids {
				w.final(id)
			}
			if j, _ := w.store.job(bad); j.Status.Final() || p.hits.Load() == 0 || w.metric("fc_router_panics_total") == 0 {
				t.Errorf("the poisoned job is %s after %d panics", j.Status, p.hits.Load())
			}
			eventually(t, "starts to be allowed again", func() bool { return w.router.unwritten.Load() == 0 })
			warned := false
			for _, warning := range w.warnings.all() {
				warned = warned || warning.Category == CategoryPanic
			}
			if !warned {
				t.Error("nobody was warned")
			}
			// When it is mended the job goes on.
			p.job.Store(0)
			w.store.mu.Lock()
			if j := w.store.jobs[bad]; j.Status == flow.Processing { // its lease ends
				j.Status = flow.Pending
				w.store.offer(j)
			}
			w.store.mu.Unlock()
			w.later.Add(int64(time.Hour))
			w.queue.ExpireLeases()
			w.final(bad)
		})
	}
}

func TestAPoolThatStandsStillSaysSo(t *testing.T) {
	t.Parallel()
	w := build(t, func(http.ResponseWriter, *http.Request) {})
	tb := newTable(2)
	b := w.router.board
	b.notable = false
	arrive := func(n int) {
		for range n {
			d := &delivery{id: tb.ids.New(noon), arrived: noon}
			b.hold(d)
			b.enqueue(d, tb.route("con_1"), noon)
		}
	}
	arrive(3)
	w.router.watch(noon.Add(stallAfter))
	if ws := w.warnings.all(); len(ws) != 0 {
		t.Errorf("too early: %+v", ws)
	}
	late := noon.Add(stallAfter + time.Second)
	w.router.watch(late)
	w.router.watch(late.Add(time.Second)) // says it once a minute
	if ws := w.warnings.all(); len(ws) != 1 || ws[0].Category != CategoryStall || !strings.Contains(ws[0].Message, "con_1") {
		t.Errorf("warnings: %+v", ws)
	}
	// Once what can go has gone, the rest waits for good reason.
	got, _, _ := b.pick(nil, 10, late)
	if len(got) != 2 {
		t.Fatalf("%d picked", len(got))
	}
	if ss, _ := b.stalls(late.Add(time.Minute)); len(ss) != 0 {
		t.Errorf("a full pool is called stalled: %+v", ss)
	}
	for _, d := range got {
		d.job = flow.Job{ID: d.id, Policy: flow.Policy{Timeout: 30 * time.Second}}
		b.begin(d, late)
	}
	if _, overdue := b.stalls(late.Add(30*time.Second + flow.LeaseSlack)); len(overdue) != 0 {
		t.Errorf("%d are overdue within their lease", len(overdue))
	}
	w.router.watch(late.Add(30*time.Second + flow.LeaseSlack + 1))
	if ws := w.warnings.all(); len(ws) != 2 || !strings.Contains(ws[1].Message, "2 exchanges are past") {
		t.Errorf("warnings: %+v", ws)
	}
}
