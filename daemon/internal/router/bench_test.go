package router

import (
	"testing"

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
