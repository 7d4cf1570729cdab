package store

import "errors"

// The errors that callers tell apart. Anything else is the backend's trouble
// and may be repeated.
var (
	// ErrNotFound: there is no such thing, or not within the scope.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the state that the verb expected is not there any more.
	// Nothing was changed; read again.
	ErrConflict = errors.New("changed by somebody else")
	// ErrExpunged: what the verb would send again is not there any more.
	ErrExpunged = errors.New("the payload is gone")
	// ErrUnavailable: the store can not do it now (disk full, away). What
	// the verb asked for is not done, or not known to be done.
	ErrUnavailable = errors.New("store unavailable")
	// ErrCursor: the cursor is none that a page of this list returned.
	ErrCursor = errors.New("not a cursor of this list")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("store closed")
)
