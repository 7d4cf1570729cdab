// Package backoff says how long a service that fails waits before it tries
// again.
package backoff

import (
	"context"
	"time"
)

// Of is the wait after so many failures in a row: 200 ms after the first,
// twice as long after each that follows, at most 10 s.
func Of(failures int) time.Duration {
	return min(100*time.Millisecond<<min(max(failures, 0), 10), 10*time.Second)
}

// Wait waits and says whether it did: false is that the context ended first.
func Wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
