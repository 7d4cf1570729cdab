// Package store is the contract of the database: verbs, not a general
// transaction. Each arrow of the flow is one verb here that is atomic, or
// ordered so that a crash in its middle only repeats work; storetest tries
// every sentence of the contract, and a backend is one folder that calls it.
//
// Three ideas carry it.
//
// Compare-and-set. A verb names the state it expects: Start the ticket,
// Record the attempt, FanOut the batch it read, Write the version. A verb that comes
// late finds another state and changes nothing. Leadership, brokers and
// clocks are never trusted for correctness.
//
// Gates. Jobs that go in order share an order key, and the key's gate has
// one holder. Only the holder is ever Ready. All others are Waiting; when
// the holder ends, the same commit passes the gate to the next by position.
//
// Lanes. Jobs stand for a ticket in the lane of their subscription (a task
// in that of its target), so that finding work for one endpoint never means
// stepping over the backlog of another.
//
// Time is an argument of every verb that needs it: no backend asks a clock.
package store
