package router

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
)

const (
	// rateWait is how long a delivery may wait in memory for a rate limit.
	rateWait = time.Second
	// crowdPark is for how long a delivery is parked whose turn would come
	// later still, when the board is half full.
	crowdPark = 5 * time.Second
	// patientWait is how long a delivery waits without pressure.
	patientWait = 15 * time.Second
	// pausePark parks what waits for a person; the scheduler hands nothing
	// out before that person acts, so this only spaces out a race.
	pausePark = time.Second
	// idleLine is how long a line without work keeps its limits' state.
	idleLine = 5 * time.Minute
)

// limiter is a rate limit that may be absent and may change.
type limiter struct {
	l   *rate.Limiter
	per float64 // per second; 0 is no limit
}

func (r *limiter) set(per float64, now time.Time) {
	if per == r.per {
		return
	}
	r.per = per
	if per <= 0 {
		r.l, r.per = nil, 0
		return
	}
	// A tenth of a second's worth may go at once, so that many small
	// batches do not lose time to each other.
	burst := max(1, int(per/10))
	if r.l == nil {
		r.l = rate.NewLimiter(rate.Limit(per), burst)
		return
	}
	r.l.SetLimitAt(now, rate.Limit(per))
	r.l.SetBurstAt(now, burst)
}

// wait is how long until one may go; it takes nothing.
func (r *limiter) wait(now time.Time) time.Duration { return r.waitFor(0, now) }

// waitFor is how long until the one behind n others may go.
func (r *limiter) waitFor(n int, now time.Time) time.Duration {
	if r.l == nil {
		return 0
	}
	missing := float64(n+1) - r.l.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return max(time.Duration(missing/r.per*float64(time.Second)), time.Microsecond)
}

func (r *limiter) take(now time.Time) {
	if r.l != nil {
		r.l.AllowN(now, 1)
	}
}

// parked is a delivery that must not wait in memory.
type parked struct {
	d     *delivery
	until time.Time
	why   string // a metric's label
}

// The reasons to park.
const (
	parkPaused  = "paused"
	parkLimited = "rate_limit"
	parkCrowded = "crowded"
)

// sweep takes off the board what would wait too long: for a rate limit, or
// for a slot in a line that holds more than its share of a crowded board.
func (b *board) sweep(now time.Time) []parked {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.waiting == 0 {
		return nil
	}
	crowded := len(b.all) >= b.capacity()/2
	var ps []parked
	for _, p := range b.turn {
		if p.wait > 0 {
			ps = p.sweep(ps, crowded, now)
		}
	}
	b.waiting -= len(ps)
	if len(ps) > 0 {
		signal(b.ready)
	}
	return ps
}

func (p *pool) sweep(ps []parked, crowded bool, now time.Time) []parked {
	lines := p.turn.len()
	pace := p.pace()
	for i := range lines {
		l := *p.turn.at(i)
		before := len(ps)
		l.fifo.filter(func(n int, d *delivery) bool {
			waited := now.Sub(d.arrived)
			// In a pool's turn the n-th of a line goes after n rounds.
			turn := n*lines + i
			due := max(l.end.rate.waitFor(n, now), p.rate.waitFor(turn, now))
			slot := pace * time.Duration(turn) / time.Duration(p.limit)
			if l.end.limit > 0 {
				slot = max(slot, l.end.pace()*time.Duration(n)/time.Duration(l.end.limit))
			}
			switch {
			case due > 0 && due+waited > rateWait:
				ps = append(ps, parked{d, now.Add(due), parkLimited})
				p.meters.limited.Inc()
				return false
			case crowded && slot > crowdPark, slot > 0 && waited > patientWait && turn > p.limit:
				ps = append(ps, parked{d, now.Add(crowdPark), parkCrowded})
				return false
			}
			return true
		})
		p.wait -= len(ps) - before
	}
	return ps
}

// reroute brings limits and lines up to a new catalog, and takes off what
// must wait now.
func (b *board) reroute(cat *catalog.Catalog, now time.Time) []parked {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	for _, p := range b.turn {
		var current *resource.DispatchPool
		if current = cat.Pools[p.key]; current == nil {
			current = cat.Pool("")
			if current.Code != p.code {
				continue // deleted; what it has goes elsewhere below
			}
		}
		p.limit = max(current.Concurrency, 1)
		p.rate.set(current.RateLimit.PerSecond(), now)
	}
	for _, e := range b.ends {
		if c := cat.Connections[e.key]; c != nil {
			e.limit = c.MaxConcurrency
			e.rate.set(c.RateLimit.PerSecond(), now)
		}
	}
	var ps []parked
	for _, d := range b.takeWaiting() {
		rt, _ := cat.Route(&d.peek)
		if rt.Wait != "" {
			ps = append(ps, parked{d, now.Add(pausePark), parkPaused})
			continue
		}
		b.join(d, b.lineOf(orDefault(cat, &rt), now))
	}
	signal(b.ready)
	return ps
}

// orDefault completes the route of a job whose subscription is gone, so that
// it can be started and be told so.
func orDefault(cat *catalog.Catalog, rt *catalog.Route) *catalog.Route {
	if rt.Pool == nil {
		rt.Pool = cat.Pool("")
	}
	return rt
}

// tidy forgets lines, endpoints and pools that had no work for a while.
func (b *board) tidy(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.turn {
		for key, l := range p.lines {
			switch {
			case l.active > 0 || l.fifo.len() > 0 || l.queued:
				l.idle = time.Time{}
			case l.idle.IsZero():
				l.idle = now
			case now.Sub(l.idle) > idleLine:
				delete(p.lines, key)
				if l.end.lines--; l.end.lines == 0 {
					delete(b.ends, l.end.key)
				}
			}
		}
	}
	kept := b.turn[:0]
	for _, p := range b.turn {
		if len(p.lines) == 0 && p.active == 0 {
			delete(b.pools, p.key)
			continue
		}
		kept = append(kept, p)
	}
	clear(b.turn[len(kept):])
	b.turn, b.first = kept, 0
}
