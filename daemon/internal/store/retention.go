package store

import (
	"context"
	"time"
)

// Retention removes what is old, in small steps that leave room for others.
type Retention interface {
	// Purge does one step: it looks at no more than Limit rows of a kind, in
	// the order of their ids, and removes those that fit and may go, in one
	// commit. What may not is counted in Kept:
	//
	//   - an event, or its payload, that a job still needs: one that is open,
	//     or a dead letter that blocks an order key, or that was not fanned
	//     out yet
	//   - a job, or its attempts or payload, that is open, that blocks an
	//     order key, or that has ended after Before
	//
	// Repeating a step changes nothing more.
	Purge(ctx context.Context, p Purge) (Purged, error)
	// Shrink gives up to so many unused pages back to the file system and
	// says how many are left. A backend that needs no such thing returns 0.
	Shrink(ctx context.Context, pages int) (int, error)
}

// PurgeKind is what a step removes.
type PurgeKind uint8

// The kinds. Of a payload only the data is removed, and the event or task is
// Expunged from then on.
const (
	PurgePayloads     PurgeKind = iota // of events
	PurgeTaskPayloads                  // of jobs without an event
	PurgeEvents
	PurgeAttempts
	PurgeJobs
	PurgeAudit
)

// Purge is a step of retention.
type Purge struct {
	Kind  PurgeKind
	After int64 // id to go on after
	// Before is until when something must have been made, and a job have
	// ended, to go.
	Before time.Time
	// Clients are those whose rows go, "" being anchor level; with Except all
	// others do.
	Clients []string
	Except  bool
	Limit   int // rows to look at; at most 1000, 0 is 50
	// Within is for how long the step may keep others from writing, after
	// which it ends with fewer rows, though with one at least. 0 is as long
	// as it takes.
	Within time.Duration
}

// Purged is what a step did. Next is the id to go on after.
type Purged struct {
	Next                    int64
	Done                    bool // there is nothing more before Before
	Examined, Removed, Kept int
	// FirstKept is the first id that had to be kept, OldestKept when it was
	// made. Zero is none.
	FirstKept  int64
	OldestKept time.Time
}
