package store

import (
	"context"
	"time"
)

// Statistics are what happened by the hour, counted in the commits in which it
// happened: exact, and cheap to ask however many rows there are.
type Statistics interface {
	// Rollups returns what was counted in the hours that begin in a span of
	// time, by hour, count, client and name. What is not there is 0.
	Rollups(ctx context.Context, sc Scope, q RollupQuery) ([]Rollup, error)
	// Totals are the sums since the store was made, by count and client. Of
	// clients that are not in scope there is none.
	Totals(ctx context.Context, sc Scope) ([]Rollup, error)
	// EventFacets says which types occur among the newest events in scope.
	EventFacets(ctx context.Context, sc Scope) (Facets, error)
}

// RollupQuery selects rollups.
type RollupQuery struct {
	Since, Until time.Time // of the beginnings of hours
	ClientID     string    // "" is all in scope
}

// Count is what a rollup counts.
type Count uint8

// The counts. Jobs are counted under the subscription that they are for, "" for
// those without; a job that ends again after a retry is counted again.
const (
	CountEvents    Count = iota // accepted, by type
	CountJobs                   // created
	CountCompleted              // ended, as are the following
	CountFailed
	CountCancelled
	CountExpired
)

// Rollup is one sum.
type Rollup struct {
	Hour     time.Time // when it begins; zero for a total
	Count    Count
	ClientID string
	Name     string // a type, or a subscription's id
	N        int64
}
