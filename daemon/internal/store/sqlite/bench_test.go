package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// BenchmarkLife is what a job costs in the store, from event to delivery, in
// batches as a busy system makes them.
func BenchmarkLife(b *testing.B) {
	st, err := Open(b.TempDir()+"/s.db", Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	ctx := context.Background()
	data := make([]byte, 1024)
	for i := range data {
		data[i] = 'a'
	}
	data[0], data[1023] = '"', '"'
	const n = 100
	b.ReportAllocs()
	must := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	for b.Loop() {
		now := time.Now()
		evs := make([]flow.Event, n)
		for i := range evs {
			evs[i] = flow.Event{Type: "orders:fulfillment:shipment:shipped", Source: "/shop", Data: data, DataContentType: "application/json", SpecVersion: "1.0"}
		}
		_, err := st.Append(ctx, evs, now)
		must(err)
		batch, err := st.Unfanned(ctx, n)
		must(err)
		jobs := make([]flow.Job, 0, n)
		for i := range batch.Events {
			e := &batch.Events[i]
			jobs = append(jobs, flow.Job{Position: e.Position, EventID: e.ID, SubscriptionID: "sub_0123456789ABC", Lane: "sub_0123456789ABC", Policy: flow.DefaultPolicy()})
		}
		must(st.FanOut(ctx, batch, jobs, now))
		o, err := st.Offer(ctx, "sub_0123456789ABC", 256, time.Now())
		must(err)
		if len(o.Jobs) != n {
			b.Fatalf("%d jobs on offer, %d out", len(o.Jobs), o.Out)
		}
		tk := make([]store.Ticket, n)
		ss := make([]store.Start, n)
		for i, j := range o.Jobs {
			tk[i] = store.Ticket{Job: j.ID, Number: j.Ticket + 1}
			ss[i] = store.Start{Job: j.ID, Ticket: j.Ticket + 1, Owner: "r1", Slack: flow.LeaseSlack}
		}
		must(st.MarkQueued(ctx, tk, now))
		started, err := st.Start(ctx, ss, now)
		must(err)
		outs := make([]store.Outcome, n)
		for i, s := range started {
			if s.Result != store.StartOK {
				b.Fatal(s.Result)
			}
			a := flow.Attempt{JobID: s.Job.ID, Number: s.Job.Attempts, At: now, Duration: time.Millisecond, Verdict: flow.Delivered, Status: 200, Router: "r1"}
			outs[i] = store.Outcome{Job: s.Job.After(a, now, 0), Attempt: a, Owner: "r1"}
		}
		rec, err := st.Record(ctx, outs, now)
		must(err)
		for _, r := range rec {
			must(r.Err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/job")
}
