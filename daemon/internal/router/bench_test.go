package router

import (
	"fmt"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier/couriertest"
)

// The whole way of a delivery through the router, between a queue and a store
// in memory.
func BenchmarkRouter(b *testing.B) {
	w := build(b, nil)
	w.store.declare(priority(32))
	w.subscribe(subID, "http://"+couriertest.Bare(b), inPool)
	ids := make([]flow.ID, b.N)
	for i := range ids {
		ids[i] = w.publish()
	}
	b.ReportAllocs()
	b.ResetTimer()
	w.run()
	last := ids[len(ids)-1]
	w.final(last)
	w.drained()
	b.StopTimer()
	w.end()
}

// What the board itself costs for a delivery, from its receipt to its end.
func BenchmarkBoard(b *testing.B) {
	for _, lines := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d endpoints", lines), func(b *testing.B) {
			w := newTable(32)
			routes := make([]*catalog.Route, lines)
			for i := range routes {
				routes[i] = w.route(fmt.Sprint("con_", i))
			}
			ds := make([]delivery, 64)
			var got []*delivery
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				w.now = w.now.Add(time.Millisecond)
				d := &ds[n%len(ds)]
				*d = delivery{arrived: w.now, attempt: fine}
				d.attempt.Duration = time.Millisecond
				w.b.hold(d)
				w.b.enqueue(d, routes[n%lines], w.now)
				got, _, _ = w.b.pick(got[:0], startBatch, w.now)
				for _, d := range got {
					for next := d; next != nil && w.b.begin(next, w.now); {
						next = w.b.finish(next, w.now)
						w.b.drop(d)
					}
				}
			}
		})
	}
}
