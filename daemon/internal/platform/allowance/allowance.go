// Package allowance bounds how much each client publishes. It holds a bucket of
// tokens for each client that was seen lately; an item takes one.
package allowance

import (
	"math"
	"sync"
	"time"
)

// Limit is how much one client may publish. The zero value is no limit.
type Limit struct {
	PerSecond float64
	Burst     float64 // at once, after a rest; at least 1
}

// Limits are the general limit and those of some clients, by id or identifier.
type Limits struct {
	General Limit
	Clients map[string]Limit
}

// Use is how many items of a client are about to be stored.
type Use struct {
	ID, Identifier string // of the client; both may be empty
	Items          int
}

// maxBuckets is when full buckets are looked for: they say no more than none.
const maxBuckets = 4096

// Allowance counts. It is safe for concurrent use.
type Allowance struct {
	limits Limits

	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	limit  Limit
	tokens float64
	at     time.Time
}

// New makes an Allowance, or nil where nothing is limited.
func New(l Limits) *Allowance {
	limited := l.General.PerSecond > 0
	for _, c := range l.Clients {
		limited = limited || c.PerSecond > 0
	}
	if !limited {
		return nil
	}
	return &Allowance{limits: l, buckets: make(map[string]bucket)}
}

func (a *Allowance) limit(u *Use) Limit {
	for _, name := range [...]string{u.ID, u.Identifier} {
		if l, ok := a.limits.Clients[name]; ok && name != "" {
			return l
		}
	}
	return a.limits.General
}

// Take takes the tokens of all uses and returns 0, or takes none and returns
// how long to wait. More items than the burst need a full bucket and leave it
// in debt, so that a large batch is late rather than impossible.
func (a *Allowance) Take(now time.Time, uses ...Use) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	var wait time.Duration
	for i := range uses {
		u := &uses[i]
		b, limited := a.look(u, now)
		if !limited {
			continue
		}
		if short := math.Min(float64(u.Items), b.limit.Burst) - b.tokens; short > 1e-9 {
			wait = max(wait, time.Duration(math.Ceil(short/b.limit.PerSecond*1e9)))
		}
	}
	if wait > 0 {
		return wait
	}
	for i := range uses {
		u := &uses[i]
		if b, limited := a.look(u, now); limited {
			b.tokens -= float64(u.Items)
			a.keep(u.ID, b, now)
		}
	}
	return 0
}

// look brings a bucket up to now.
func (a *Allowance) look(u *Use, now time.Time) (b bucket, limited bool) {
	l := a.limit(u)
	if l.PerSecond <= 0 {
		return b, false
	}
	l.Burst = math.Max(l.Burst, 1)
	b, known := a.buckets[u.ID]
	if !known {
		return bucket{limit: l, tokens: l.Burst, at: now}, true
	}
	b.limit = l
	if past := now.Sub(b.at); past > 0 { // a clock that goes back gives nothing
		b.tokens = math.Min(l.Burst, b.tokens+past.Seconds()*l.PerSecond)
		b.at = now
	}
	return b, true
}

func (a *Allowance) keep(id string, b bucket, now time.Time) {
	if _, known := a.buckets[id]; !known && len(a.buckets) >= maxBuckets {
		for other, o := range a.buckets {
			if o.tokens+now.Sub(o.at).Seconds()*o.limit.PerSecond >= o.limit.Burst {
				delete(a.buckets, other)
			}
		}
	}
	a.buckets[id] = b
}
