// Package router turns tickets into deliveries: it takes messages from the
// queue, starts their jobs, makes the HTTP exchanges and records what came of
// them.
//
//	queue ──receive──▶ board ──start──▶ workers ──▶ record ──▶ ack
//	                     │                │
//	                     └──▶ park, ack   └── endpoint
//
// The board is the only state: pools, in them a line per endpoint, in each
// line the messages that wait. A pool hands its next free slot to the next
// line in turn, so no endpoint can starve another. What waits is a value in a
// ring, never a goroutine; goroutines exist only for exchanges in flight and
// for the few committers, each of which takes everything that queued up while
// it was busy, so that load makes batches by itself and an idle router waits
// for nothing.
//
// Nothing is sent before Start has said StartOK, and Start happens only when
// a slot is free, or will be within a blink because the pool's exchanges are
// quick, so that the lease and its slack cover the exchange. An
// outcome that can not be written is repeated until it is, and until then the
// router starts nothing new. Messages that can not go now (paused, limited for
// more than a second, crowded out) are parked: their jobs are PENDING again,
// with nothing spent, and nobody's slot or memory is used.
//
// The exchange itself is package courier: the bytes, the connections, the
// egress rules.
//
// What happens can be watched: State and Flights copy what the board has, and
// each exchange is counted for its pool and its endpoint over rolling periods
// (package rolling), which outlive the board's own state of them.
//
// When the context of Run ends the router drains: it receives nothing more,
// returns what waits, finishes what is in flight within ShutdownTimeout, and
// records what it had to cut as lost, which spends nothing.
package router
