package store

import (
	"context"
	"time"
)

// Entry is a small record with an end: a session, an authorization code, the
// answer to a request that may be repeated. It is no document: writing one
// does not move the version of the resources.
type Entry struct {
	// Space and Key name it. Where the key is a secret it is a hash.
	Space, Key string
	// Group and Owner find entries that end together: those of one login,
	// those of one principal. Both may be empty.
	Group, Owner string
	Body         []byte
	Revision     int64 // grows by one with each swap
	ExpiresAt    time.Time
}

// EntryKey names an entry.
type EntryKey struct{ Space, Key string }

// EntryQuery selects entries of a space. An empty Group or Owner is any.
type EntryQuery struct {
	Space, Group, Owner string
	After               string // the key to go on after
	Limit               int    // at most 1000; 0 is 50
}

// Entries are small records with an end. One that has ended is as good as
// gone, whether or not it was removed yet.
type Entries interface {
	// Entry returns one that has not ended at now, or ErrNotFound.
	Entry(ctx context.Context, key EntryKey, now time.Time) (Entry, error)
	// SwapEntries does all or nothing, in one commit. Each put names in its
	// Revision the one that it expects to find, 0 being none, or one that has
	// ended at now; it is stored with one more. Drops happen whatever is
	// there. ErrConflict, and nothing is done, if a put finds another.
	SwapEntries(ctx context.Context, put []Entry, drop []EntryKey, now time.Time) error
	// DropEntries removes what fits, whatever the limit, and says how many.
	// A query without group and owner is an error.
	DropEntries(ctx context.Context, q EntryQuery) (int, error)
	// ListEntries returns what fits and has not ended at now, by key.
	ListEntries(ctx context.Context, q EntryQuery, now time.Time) ([]Entry, error)
	// ExpireEntries removes up to limit entries that have ended at now, and
	// says how many.
	ExpireEntries(ctx context.Context, now time.Time, limit int) (int, error)
}
