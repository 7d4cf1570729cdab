package router

import (
	"context"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// BreakerState is the circuit breaker of one endpoint, for people.
type BreakerState struct {
	Endpoint string // the connection's id, or the target
	State    string // CLOSED, OPEN, HALF_OPEN or CLOSING
	Since    time.Time
	// Until is when an open one lets the first probe go, and Rest until when
	// the endpoint gets nothing because it asked for that.
	Until, Rest time.Time
	Trips       int // openings in a row
	// Window is how many exchanges are allowed: at once while it is half
	// open, in this second while it closes; 0 is no such bound.
	Window int
	// Succeeded and Failed are what is counted of the last minute.
	Succeeded, Failed int
	Steps             int    // how many exchanges at once the slow start allows
	Detail            string // what opened it
	LastError         string
}

// breakers are those of all endpoints that have had work of late or that the
// store holds.
func (b *board) breakers(now time.Time) []BreakerState {
	b.mu.Lock()
	defer b.mu.Unlock()
	bs := make([]BreakerState, 0, len(b.ends))
	for _, e := range b.ends {
		k := &e.breaker
		s := BreakerState{
			Endpoint: e.key, State: k.State().String(), Since: k.Since(), Trips: k.Trips(), Window: k.Window(),
			Steps: e.ramp.Level(now), Detail: e.why, LastError: e.last,
		}
		s.Succeeded, s.Failed = k.Counts(now)
		if k.State() != pace.Closed {
			s.Until = k.Until()
		}
		if e.rest.After(now) {
			s.Rest = e.rest
		}
		bs = append(bs, s)
	}
	for key, h := range b.holds {
		if b.ends[key] != nil {
			continue
		}
		s := BreakerState{Endpoint: key, State: pace.Closed.String()}
		if h.breaker.Endpoint != "" {
			s.State, s.Since, s.Until = pace.HalfOpen.String(), h.breaker.Since, h.breaker.Until
			if s.Until.After(now) {
				s.State = pace.Open.String()
			}
			s.Trips, s.Window, s.Detail = h.breaker.Trips, h.breaker.Window, h.breaker.Detail
		}
		if h.rest.After(now) {
			s.Rest = h.rest
		}
		bs = append(bs, s)
	}
	return bs
}

// ResetBreaker closes the breaker of an endpoint and ends the rest that it
// asked for, here and by its holds in all routers. It is false if there was
// neither.
func (r *Router) ResetBreaker(ctx context.Context, endpoint string) (bool, error) {
	known := r.board.reset(endpoint, r.Now())
	if r.Holds == nil || !known {
		return known, nil
	}
	for _, reason := range []string{store.HoldBreaker, store.HoldRetryAfter} {
		if err := r.Holds.Release(ctx, endpoint, reason); err != nil {
			return known, fmt.Errorf("reset breaker of %s: %w", endpoint, err)
		}
	}
	return known, nil
}
