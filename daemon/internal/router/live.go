package router

import (
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/rolling"
)

// figures are the rolling ones of pools and endpoints. They outlive the
// board's own state, which goes after five minutes without work, but not for
// longer than they have something to tell.
type figures struct {
	mu          sync.Mutex
	pools, ends map[string]*rolling.Window
}

// seenFor is how long after its last exchange a window is kept: until nothing
// of it is in any period.
const seenFor = 31 * time.Minute

func (s *figures) pool(key string) *rolling.Window { return s.window(&s.pools, key) }

func (s *figures) end(key string) *rolling.Window { return s.window(&s.ends, key) }

func (s *figures) window(of *map[string]*rolling.Window, key string) *rolling.Window {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := (*of)[key]
	if w == nil {
		if *of == nil {
			*of = map[string]*rolling.Window{}
		}
		w = new(rolling.Window)
		(*of)[key] = w
	}
	return w
}

// evict forgets the windows of which nothing is in any period and that are not
// in use. The totals of a pool are kept as long as it is declared.
func (s *figures) evict(now time.Time, poolInUse, endInUse func(key string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, w := range s.pools {
		if now.Sub(w.Last()) > seenFor && !poolInUse(key) {
			delete(s.pools, key)
		}
	}
	for key, w := range s.ends {
		if now.Sub(w.Last()) > seenFor && !endInUse(key) {
			delete(s.ends, key)
		}
	}
}

// forget lets go of figures that nobody needs any more.
func (r *Router) forget(now time.Time) {
	cat := r.catalog.Load()
	b := r.board
	b.mu.Lock() // always before the lock of seen
	defer b.mu.Unlock()
	r.meters.seen.evict(now,
		func(key string) bool { return b.pools[key] != nil || cat != nil && cat.Pools[key] != nil },
		func(key string) bool { return b.ends[key] != nil })
	if cat == nil {
		return
	}
	codes := map[string]bool{cat.Pool("").Code: true}
	for _, p := range b.turn {
		codes[p.code] = true
	}
	for _, p := range cat.Pools {
		codes[p.Code] = true
	}
	r.meters.drop(func(code string) bool { return codes[code] })
}

// outcomeOf is how a verdict is counted in the rolling figures.
func outcomeOf(v flow.Verdict) rolling.Outcome {
	switch v {
	case flow.Delivered:
		return rolling.Success
	case flow.Deferred:
		return rolling.Deferred
	case flow.Throttled:
		return rolling.Limited
	}
	return rolling.Failure
}

// saw counts an exchange for its pool and its endpoint.
func (d *delivery) saw(now time.Time) {
	o, took := outcomeOf(d.attempt.Verdict), d.attempt.Duration
	d.line.pool.seen.Observe(o, took, now)
	d.line.end.seen.Observe(o, took, now)
}
