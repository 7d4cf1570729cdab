package monitor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/router"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// BreakerState is where a breaker is.
type BreakerState string

// The states of a breaker.
const (
	Closed   BreakerState = "CLOSED"
	Open     BreakerState = "OPEN"
	HalfOpen BreakerState = "HALF_OPEN" // it probes, or lets more and more through
)

// Breaker is the breaker of one endpoint as all routers see it: the hold in
// the store is what they agree by.
type Breaker struct {
	Endpoint router.EndpointState
	State    BreakerState
	Since    time.Time // when it opened first in this row; zero when closed
	Until    time.Time // when the first probe goes, or went
	Window   int       // how many tickets may be out; 0 is any number
	Trips    int       // openings in a row
	Why      string    // what opened it
	Closing  bool      // it lets more and more through
	// LastError is the endpoint's last failure in this router.
	LastError string
	// Other holds of the endpoint: a Retry-After, a pause.
	Held []store.Hold
}

// Breakers lists the breakers of all endpoints that the router met of late or
// that are held: what is not closed first, then by endpoint.
func (m *Moment) Breakers() []Breaker {
	list := make([]Breaker, 0, len(m.Endpoints))
	for _, e := range m.Endpoints {
		list = append(list, m.Breaker(&e))
	}
	slices.SortFunc(list, func(a, b Breaker) int {
		return cmp.Or(rank(a.State)-rank(b.State), cmp.Compare(a.Endpoint.Endpoint, b.Endpoint.Endpoint))
	})
	return list
}

func rank(s BreakerState) int {
	return slices.Index([]BreakerState{Open, HalfOpen, Closed}, s)
}

// Breaker is the breaker of an endpoint.
func (m *Moment) Breaker(e *router.EndpointState) Breaker {
	b := Breaker{Endpoint: *e, State: Closed}
	for _, h := range m.Holds[e.Endpoint] {
		if h.Reason != store.HoldBreaker {
			b.Held = append(b.Held, h)
			continue
		}
		b.State = HalfOpen
		if h.Until.After(m.At) {
			b.State = Open
		}
		b.Since, b.Until, b.Window, b.Trips, b.Why = h.Since, h.Until, h.Window, h.Trips, h.Detail
	}
	// What this router does is newer than what it has written down.
	k := &e.Breaker
	b.LastError = k.LastError
	if k.State == "" || k.State == string(Closed) {
		return b
	}
	b.State, b.Closing = HalfOpen, k.State == closing
	if k.State == string(Open) {
		b.State = Open
	}
	if b.Since.IsZero() {
		b.Since = k.Since
	}
	b.Until, b.Window, b.Trips, b.Why = k.Until, k.Window, k.Trips, cmp.Or(k.Detail, b.Why)
	return b
}

// closing is the router's name for a breaker that lets more and more through.
const closing = "CLOSING"

// Story says in a sentence what a breaker does and what comes next.
func (b *Breaker) Story(now time.Time) string {
	switch b.State {
	case Open:
		return fmt.Sprintf("open for the %s time in a row; nothing is sent for another %s, then one delivery probes",
			ordinal(b.Trips), b.Until.Sub(now).Round(time.Second))
	case HalfOpen:
		if b.Closing || b.Window > 1 {
			return fmt.Sprintf("the endpoint answers again; %d may begin in this second, and the number doubles", b.Window)
		}
		return "one delivery at a time probes; three successes in a row close it, a failure opens it again for longer"
	}
	return "the endpoint gets all it may"
}

func ordinal(n int) string {
	n = max(n, 1)
	switch {
	case n%10 == 1 && n%100 != 11:
		return fmt.Sprintf("%dst", n)
	case n%10 == 2 && n%100 != 12:
		return fmt.Sprintf("%dnd", n)
	case n%10 == 3 && n%100 != 13:
		return fmt.Sprintf("%drd", n)
	}
	return fmt.Sprintf("%dth", n)
}

// Find returns the breakers that a name means, as far as a caller sees them:
// that of the endpoint with this key, else those of all connections with this
// code, of which each client may have one.
func (m *Moment) Find(name string, sees func(clientID string) bool) []Breaker {
	var found []Breaker
	for i := range m.Endpoints {
		switch e := &m.Endpoints[i]; {
		case !sees(e.ClientID):
		case e.Endpoint == name:
			return []Breaker{m.Breaker(e)}
		case e.ConnectionCode == name:
			found = append(found, m.Breaker(e))
		}
	}
	return found
}

// Reset closes the breaker of an endpoint in every router, and ends the rest
// that it asked for with a Retry-After: they give up what they think of it once
// the holds are gone.
func (m *Monitor) Reset(ctx context.Context, endpoint string) error {
	if _, err := m.o.Router.ResetBreaker(ctx, endpoint); err != nil {
		return err
	}
	// One that this router does not know of yet may stand in the store.
	for _, reason := range []string{store.HoldBreaker, store.HoldRetryAfter} {
		if err := m.o.Holds.Release(ctx, endpoint, reason); err != nil {
			return fmt.Errorf("reset breaker: %w", err)
		}
	}
	m.forget()
	return nil
}
