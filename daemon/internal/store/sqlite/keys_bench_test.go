package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// manyKeys fills a store with n order keys, each with one open job. With
// blocked, the job is a dead letter that blocks its key; else it is not due
// for long.
func manyKeys(b *testing.B, dir string, n int, blocked bool) *Store {
	b.Helper()
	st := open(b, dir, Options{Now: noon})
	const step = 10_000
	for made := 0; made < n; made += step {
		es := make([]flow.Event, min(step, n-made))
		for i := range es {
			es[i] = flow.Event{Type: "orders:fulfillment:shipment:shipped", Source: "/shop", Data: []byte("1"), MessageGroup: fmt.Sprint("idle-", made+i)}
		}
		appendAll(b, st, es)
		batch, err := st.Unfanned(b.Context(), step)
		must(b, err)
		jobs := jobsFor(batch, "sub_idle", flow.BlockOnError)
		for i := range jobs {
			jobs[i].Due = noon.Add(1000 * time.Hour)
		}
		must(b, st.FanOut(b.Context(), batch, jobs, noon))
	}
	if !blocked {
		return st
	}
	must(b, st.write(b.Context(), func(t *tx) error {
		if err := t.run("UPDATE gates SET blocked = " + fmt.Sprint(noon.UnixMilli()) + " + holder % 1000"); err != nil {
			return err
		}
		return t.run("UPDATE jobs SET status = 14, ready = 0, completed_at = " + fmt.Sprint(noon.UnixMilli()))
	}))
	must(b, st.Close())
	return open(b, dir, Options{Now: noon})
}

// busy makes, starts and ends jobs of a few keys, one of each at a time.
func busy(b *testing.B, st *Store, keys int) {
	b.Helper()
	es := make([]flow.Event, keys)
	for i := range es {
		es[i] = flow.Event{Type: "orders:fulfillment:shipment:shipped", Source: "/shop", Data: []byte("1"), MessageGroup: fmt.Sprint("busy-", i)}
	}
	appendAll(b, st, es)
	batch, err := st.Unfanned(b.Context(), keys)
	must(b, err)
	must(b, st.FanOut(b.Context(), batch, jobsFor(batch, "sub_busy", flow.BlockOnError), noon))
	o, err := st.Offer(b.Context(), "sub_busy", keys, noon)
	must(b, err)
	if len(o.Jobs) != keys {
		b.Fatalf("%d of %d jobs are on offer", len(o.Jobs), keys)
	}
	starts, outs := make([]store.Start, keys), make([]store.Outcome, keys)
	for i, j := range o.Jobs {
		starts[i] = store.Start{Job: j.ID, Ticket: j.Ticket + 1, Owner: "r1", Slack: flow.LeaseSlack}
	}
	started, err := st.Start(b.Context(), starts, noon)
	must(b, err)
	for i, s := range started {
		outs[i] = outcome(s.Job, flow.Delivered)
	}
	_, err = st.Record(b.Context(), outs, noon)
	must(b, err)
}

// BenchmarkKeys is what a job of a busy order key costs, and what it costs to
// look at blocked keys, beside many keys with nothing to do.
func BenchmarkKeys(b *testing.B) {
	for _, blocked := range []bool{false, true} {
		for _, n := range []int{1000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("blocked=%v/keys=%d", blocked, n), func(b *testing.B) {
				st := manyKeys(b, b.TempDir(), n, blocked)
				defer st.Close()
				b.Run("job", func(b *testing.B) {
					for b.Loop() {
						busy(b, st, 100)
					}
					b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*100), "µs/job")
				})
				b.Run("stats", func(b *testing.B) {
					for b.Loop() {
						_, err := st.Stats(b.Context())
						must(b, err)
					}
				})
				b.Run("blocked", func(b *testing.B) {
					for b.Loop() {
						_, err := st.Blocked(b.Context(), store.Everything, store.GateQuery{})
						must(b, err)
					}
				})
				b.Run("cancel", func(b *testing.B) {
					for b.Loop() {
						_, err := st.CancelLane(b.Context(), "sub_busy", flow.ReasonSubscription, noon, 1000)
						must(b, err)
					}
				})
			})
		}
	}
}

// BenchmarkOpen is what it costs to open a store with many open jobs.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprintf("jobs=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			must(b, manyKeys(b, dir, n, false).Close())
			for b.Loop() {
				must(b, open(b, dir, Options{Now: noon}).Close())
			}
		})
	}
}
