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
// line in turn that may have it: package pace knows the rules by which an
// endpoint has a breaker, a slow start, a rate and a share of the slots.
// Replays have lines of their own, beneath the live ones. What waits is a value in a
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
// What an endpoint is held for is written down in the store, by a goroutine of
// its own and not under the board's lock, for the scheduler, for the next
// process and for other routers, whose holds are read when they change:
//
//	board ──chores──▶ keep ──▶ store.Holds ──Wakes──▶ watchHolds ──▶ board
//
// A delivery that is started may have to wait for its moment: it is staged. A
// worker that gets free takes it, or the pacer begins it when a rate limit's
// time has come. Each delivery on the board is in one phase:
//
//	held ─▶ waiting ─▶ picked ─▶ staged ─▶ running ─▶ held, and off the board
//	  │        │                    └─ put off: recorded as not sent
//	  └────────┴─ parked
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
