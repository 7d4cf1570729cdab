// Package sqlite is the store in one SQLite file, for one process.
//
// One goroutine writes. Callers hand it their verbs, and all verbs that are
// waiting when it is free become one transaction with one fsync (group
// commit), each in a savepoint of its own, so that one failure touches no
// neighbour. The promise of a durable answer is therefore cheap: the busier
// the store, the more callers share the price of a commit.
//
// Readers have connections of their own and see the last commit. They look at
// a bounded number of rows, so that they never hold back a checkpoint for
// long. Checkpoints are made by a connection of their own, outside callers'
// commits.
//
// Because there is one writer, positions are simply ids: the writer makes
// them, strictly increasing, whatever the clock does, and commit order is
// position order. A fan-out cursor is enough to say what was done.
//
// A lock on the file proves that a former owner is dead. Opening therefore
// returns every lease at once: QUEUED and PROCESSING jobs become PENDING,
// and their old tickets are stale.
//
// What a job costs: one insert with four small index entries, an update for
// each change of state, one row for each attempt. The payload is stored once,
// in the event, and kept in a bounded cache in memory, from which fan-out
// and router usually read it.
package sqlite
