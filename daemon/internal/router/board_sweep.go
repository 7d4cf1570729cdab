package router

import (
	"cmp"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const (
	// rateWait is how long a delivery may wait in memory for a rate limit
	// when the board is half full, and calmRateWait when it is not.
	rateWait     = time.Second
	calmRateWait = 3 * time.Second
	// spread is over how long at most what waits for a rate limit is parked.
	spread = 30 * time.Second
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

// lineOf finds or makes the line of a route and brings the limits of its
// pool and endpoint up to date.
func (b *board) lineOf(rt *catalog.Route, now time.Time) *line {
	key := rt.Pool.ID
	if key == "" {
		key = rt.Pool.Code
	}
	p := b.pools[key]
	if p == nil {
		p = &pool{key: key, code: rt.Pool.Code, rate: b.rate(), lines: map[lineKey]*line{}, meters: b.meters.pool(rt.Pool.Code), seen: b.meters.seen.pool(key)}
		b.pools[key] = p
		b.turn = append(b.turn, p)
	}
	p.set(rt.Pool, now)
	lk := lineKey{endpoint: rt.Endpoint}
	if rt.Replay != nil {
		lk.replay = rt.Replay.ID
	}
	l := p.lines[lk]
	if l == nil {
		e := b.ends[rt.Endpoint]
		if e == nil {
			e = &endpoint{key: rt.Endpoint, rate: b.rate(), seen: b.meters.seen.end(rt.Endpoint)}
			b.ends[rt.Endpoint] = e
			b.obey(e, b.holds[e.key], now)
		}
		l = &line{key: lk, pool: p, end: e}
		p.lines[lk] = l
		e.lines = append(e.lines, l)
	}
	if c := rt.Connection; c != nil {
		l.end.limit = c.MaxConcurrency
		l.end.rate.Set(c.RateLimit.PerSecond(), now)
	}
	return l
}

func (b *board) rate() pace.Rate {
	if b.newRate != nil {
		return b.newRate()
	}
	return new(pace.Limiter)
}

// set brings the limits of a pool up to what was declared.
func (p *pool) set(declared *resource.DispatchPool, now time.Time) {
	p.limit = max(declared.Concurrency, 1)
	if declared.ConcurrencyMode == resource.ConcurrencyAdaptive {
		least, most := cmp.Or(declared.MinConcurrency, 1), cmp.Or(declared.MaxConcurrency, p.limit)
		if a, ok := p.adapt.(*pace.Adaptive); ok {
			a.Bounds(least, most)
		} else {
			p.adapt = pace.NewAdaptive(least, most).From(p.limit)
		}
	} else {
		p.adapt = nil
	}
	p.rate.Set(declared.RateLimit.PerSecond(), now)
}

// sweep takes off the board what would wait too long: for a rate limit, or
// for a slot in a line that holds more than its share of a crowded board.
func (b *board) sweep(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	crowded := len(b.all) >= b.capacity()/2
	for _, p := range b.turn {
		if p.wait > 0 {
			b.sweepTurn(p, &p.live, crowded, now)
			b.sweepTurn(p, &p.under, crowded, now)
		}
		if p.staged.len() > 0 {
			p.staged.filter(func(_ int, d *delivery) bool {
				if now.Sub(d.job.LastAttemptAt) < stagedFor {
					return true
				}
				b.putOff(d, now, parkCrowded)
				return false
			})
		}
		signal(b.clear)
	}
	if b.waiting > 0 {
		signal(b.ready)
	}
}

func (b *board) sweepTurn(p *pool, turn *ring[*line], crowded bool, now time.Time) {
	lines := turn.len()
	slots := p.slots()
	slotTime := p.pace(now)
	patience := calmRateWait
	if crowded {
		patience = rateWait
	}
	for i := range lines {
		l := *turn.at(i)
		e := l.end
		top := max(e.top(now), 1)
		parks := 0
		l.fifo.filter(func(n int, d *delivery) bool {
			waited := now.Sub(d.arrived)
			// In a pool's turn the n-th of a line goes after n rounds.
			turn := n*lines + i
			due := max(e.rate.Wait(n+e.active-e.running, now), p.rate.Wait(turn+p.active-p.running, now))
			slot := max(slotTime*time.Duration(turn)/time.Duration(slots), e.pace(top, now)*time.Duration(n)/time.Duration(top))
			switch {
			case due > 0 && due+waited > patience:
				b.park(d, l.parkedUntil(now.Add(due), now), parkLimited)
				p.meters.limited.Inc()
			case crowded && slot > crowdPark, slot > 0 && waited > patientWait && turn > slots:
				b.park(d, now.Add(crowdPark), parkCrowded)
			default:
				return true
			}
			parks++
			return false
		})
		p.wait -= parks
		b.waiting -= parks
		l.count()
	}
}

// parkedUntil is when a delivery comes back that waits for a rate limit: one
// after the other at the rate, behind those that were parked before, so that a
// long backlog does not come and go all the time. It is bounded, so that a
// higher limit does not have to wait long for its work.
func (l *line) parkedUntil(due, now time.Time) time.Time {
	per := l.end.rate.PerSecond()
	if p := l.pool.rate.PerSecond(); per == 0 || p > 0 && p < per {
		per = p
	}
	e := l.end
	if next := e.parked.Add(time.Duration(float64(time.Second) / per)); next.After(due) {
		due = next
	}
	if latest := now.Add(spread); due.After(latest) {
		due = latest
	}
	e.parked = due
	return due
}

// reroute brings limits and lines up to a new catalog, and takes off what
// must wait now.
func (b *board) reroute(cat *catalog.Catalog, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	for _, p := range b.turn {
		var current *resource.DispatchPool
		if current = cat.Pools[p.key]; current == nil {
			current = cat.Pool("")
			if current.Code != p.code {
				continue // deleted; what it has goes elsewhere below
			}
		}
		p.set(current, now)
	}
	for _, e := range b.ends {
		if c := cat.Connections[e.key]; c != nil {
			e.limit = c.MaxConcurrency
			e.rate.Set(c.RateLimit.PerSecond(), now)
		}
	}
	for _, d := range b.takeWaiting() {
		rt, _ := cat.Route(&d.peek)
		if rt.Wait != "" {
			b.park(d, now.Add(pausePark), parkPaused)
			continue
		}
		l := b.lineOf(orDefault(cat, &rt), now)
		if until, why := l.end.refuses(now); why != "" {
			b.park(d, until, why)
			continue
		}
		b.join(d, l)
	}
	signal(b.ready)
	signal(b.clear)
}

// orDefault completes the route of a job whose subscription is gone, so that
// it can be started and be told so.
func orDefault(cat *catalog.Catalog, rt *catalog.Route) *catalog.Route {
	if rt.Pool == nil {
		rt.Pool = cat.Pool("")
	}
	return rt
}

// tidy forgets lines, endpoints and pools that had no work for a while, and
// ends the holds of breakers that nobody probes any more.
func (b *board) tidy(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.turn {
		// A line that was emptied by parking still has its turn.
		for _, turn := range [...]*ring[*line]{&p.live, &p.under} {
			turn.filter(func(_ int, l *line) bool {
				l.queued = l.fifo.len() > 0
				return l.queued
			})
		}
		for key, l := range p.lines {
			switch {
			case l.active > 0 || l.fifo.len() > 0:
				l.idle = time.Time{}
			case l.idle.IsZero():
				l.idle = now
			case now.Sub(l.idle) > idleLine && l.end.forgettable(now):
				delete(p.lines, key)
				b.leaveEndpoint(l)
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
	for key, s := range b.holds {
		if h := s.breaker; h.Endpoint != "" && b.ends[key] == nil && now.Sub(h.Until) > 2*idleLine {
			b.epoch++
			b.chores.holds = append(b.chores.holds, holdChange{release: true, hold: store.Hold{Endpoint: key, Reason: store.HoldBreaker}})
			delete(b.holds, key)
			signal(b.todo)
		}
	}
}

// forgettable says that nothing of the endpoint matters any more.
func (e *endpoint) forgettable(now time.Time) bool {
	return e.writing == 0 && !e.rest.After(now) &&
		(e.breaker.State() == pace.Closed || now.Sub(e.breaker.Until()) > idleLine)
}

// leaveEndpoint takes a line from its endpoint, and drops that with its last.
func (b *board) leaveEndpoint(l *line) {
	e := l.end
	for i := range e.lines {
		if e.lines[i] == l {
			e.lines = append(e.lines[:i], e.lines[i+1:]...)
			break
		}
	}
	if len(e.lines) > 0 {
		return
	}
	delete(b.ends, e.key)
	delete(b.troubled, e)
	if e.stands && b.notable {
		// Nothing was sent for minutes, so nothing waits for it either. Who
		// comes next begins carefully anyway.
		b.epoch++
		b.chores.holds = append(b.chores.holds, holdChange{release: true, hold: store.Hold{Endpoint: e.key, Reason: store.HoldBreaker}})
		signal(b.todo)
	}
}
