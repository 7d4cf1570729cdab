package router

import (
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
)

const (
	// lead is how long before its time a delivery under a rate limit is
	// started in the store, so that the commit does not delay it.
	lead = 100 * time.Millisecond
	// replayTurn is how often a replay is asked first.
	replayTurn = 16
	// liveFor is how long after the last live work a pool keeps replays to a
	// quarter of its slots.
	liveFor = time.Second
)

// pick takes up to limit deliveries that may start now, each with its slot,
// in turn: pool by pool, and within a pool line by line. It says whether more
// could have been taken, and when time lets the next go (zero: it is not time
// that is in the way).
func (b *board) pick(into []*delivery, limit int, now time.Time) (got []*delivery, more bool, next time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	got = into
	if b.closed || b.waiting == 0 {
		return got, false, next
	}
	n := len(b.turn)
	for i := range n {
		var at time.Time
		got, at = b.turn[(b.first+i)%n].pick(got, limit, now)
		next = sooner(next, at)
	}
	b.first = (b.first + 1) % n
	b.waiting -= len(got)
	return got, len(got) >= limit, next
}

// sooner is the earlier of two times, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// pick goes on until nothing more may go. A line that was passed over in one
// call has no better chance later in it, so each turn is gone round once.
func (p *pool) pick(got []*delivery, limit int, now time.Time) ([]*delivery, time.Time) {
	var next time.Time
	liveDone, underDone := p.live.len() == 0, p.under.len() == 0
	if !liveDone {
		p.lively = now
	}
	for len(got) < limit && !(liveDone && underDone) {
		if wait := p.rate.Wait(p.active-p.running, now); wait > lead {
			return got, sooner(next, now.Add(wait-lead))
		}
		under := !underDone && (liveDone || p.turns%replayTurn == replayTurn-1)
		turn, done := &p.live, &liveDone
		if under {
			turn, done = &p.under, &underDone
		}
		d, at := p.pickFrom(turn, now)
		next = sooner(next, at)
		if d == nil {
			*done = true
			continue
		}
		p.turns++
		got = append(got, d)
	}
	return got, next
}

// pickFrom takes a delivery of the first line in a turn that may have a slot.
func (p *pool) pickFrom(turn *ring[*line], now time.Time) (d *delivery, next time.Time) {
	for passed := 0; passed < turn.len(); {
		l := turn.pop()
		if l.fifo.len() == 0 {
			l.queued = false
			l.count()
			continue
		}
		ok, at := l.mayStart(now)
		if !ok {
			turn.push(l)
			passed++
			next = sooner(next, at)
			continue
		}
		d = l.fifo.pop()
		p.wait--
		p.picked = now
		l.take(d, now)
		l.queued = false
		l.queue()
		return d, next
	}
	return nil, next
}

// mayStart says whether the line may have one more picked, and if not, when
// that may change by time alone.
func (l *line) mayStart(now time.Time) (ok bool, at time.Time) {
	p, e := l.pool, l.end
	if e.rest.After(now) {
		return false, e.rest
	}
	if wait := e.rate.Wait(e.active-e.running, now); wait > lead {
		return false, now.Add(wait - lead)
	}
	if ok, at := e.breaker.Ready(e.active, now); !ok {
		return false, at
	}
	level := e.ramp.Level(now)
	if e.active >= level || e.limit > 0 && e.active-e.paced >= e.limit {
		return false, at
	}
	capacity := p.slots() + p.ahead()
	if l.limited() && p.paced >= capacity {
		return false, at
	}
	if l.key.replay != 0 {
		if now.Sub(p.lively) < liveFor && p.beneath >= max(capacity/4, 1) {
			return false, p.lively.Add(liveFor)
		}
		if top := e.top(now); e.beneath >= max(top/4, 1) && e.live() {
			return false, at
		}
	}
	l.doubt(!e.ramp.Sound(now))
	// Who is suspect gets nothing ahead.
	return l.claim(capacity, p.active-p.paced, l.active-l.paced, p.suspect*capacity/p.slots(), now), at
}

// claim says whether the line may have one more of some slots.
func (l *line) claim(slots, taken, mine, suspect int, now time.Time) bool {
	c := pace.Claim{
		Slots: slots, Taken: taken, Mine: mine, Known: len(l.pool.lines), Asking: l.pool.asking, Suspect: suspect,
		Sound: !l.suspect, Stuck: pace.Stuck(l.running, l.end.moved, l.pool.usual, now),
	}
	return c.Granted()
}

// limited says that a rate limit spaces the line's exchanges out.
func (l *line) limited() bool { return l.end.rate.PerSecond() > 0 || l.pool.rate.PerSecond() > 0 }

// doubt notes whether the line's endpoint is not sound.
func (l *line) doubt(suspect bool) {
	if suspect == l.suspect {
		return
	}
	l.suspect = suspect
	if suspect {
		l.pool.suspect += l.active
	} else {
		l.pool.suspect -= l.active
	}
}

// top is how many exchanges at once the endpoint may have by what it bears.
func (e *endpoint) top(now time.Time) int {
	n := e.ramp.Level(now)
	if e.limit > 0 {
		n = min(n, e.limit)
	}
	if w := e.breaker.Window(); w > 0 {
		n = min(n, w)
	}
	return n
}

// live says that the endpoint has work that is no replay's.
func (e *endpoint) live() bool {
	for _, l := range e.lines {
		if l.key.replay == 0 && l.asks {
			return true
		}
	}
	return false
}

// take counts a delivery as picked.
func (l *line) take(d *delivery, now time.Time) {
	p, e := l.pool, l.end
	d.phase, d.paced = picked, l.limited()
	p.active, l.active, e.active = p.active+1, l.active+1, e.active+1
	if d.paced {
		p.paced, l.paced, e.paced = p.paced+1, l.paced+1, e.paced+1
	}
	if l.suspect {
		p.suspect++
	}
	if l.key.replay != 0 {
		p.beneath, e.beneath = p.beneath+1, e.beneath+1
	}
	if e.active == 1 {
		e.moved = now // the idle time before is nobody's wait
	}
	e.ramp.Touch(now)
	e.breaker.Begin()
}

// leave is the end of what take began.
func (l *line) leave(d *delivery) {
	p, e := l.pool, l.end
	l.unpace(d)
	d.phase = held
	p.active, l.active, e.active = p.active-1, l.active-1, e.active-1
	if l.suspect {
		p.suspect--
	}
	if l.key.replay != 0 {
		p.beneath, e.beneath = p.beneath-1, e.beneath-1
	}
	l.count()
}

// unpace notes that a delivery waits for a rate limit no more.
func (l *line) unpace(d *delivery) {
	if d.paced {
		d.paced = false
		l.pool.paced, l.paced, l.end.paced = l.pool.paced-1, l.paced-1, l.end.paced-1
	}
}

// release gives slots back without an exchange.
func (b *board) release(ds ...*delivery) {
	b.mu.Lock()
	for _, d := range ds {
		d.line.leave(d)
	}
	more := b.waiting > 0
	b.mu.Unlock()
	if more {
		signal(b.ready)
	}
}

// unpick puts back, in front, what was picked and could not be started. It is
// false once the board is closed; then they have no slots and wait nowhere.
func (b *board) unpick(ds []*delivery) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(ds) - 1; i >= 0; i-- {
		l := ds[i].line
		l.leave(ds[i])
		if b.closed {
			continue
		}
		ds[i].phase = waiting
		l.fifo.pushFront(ds[i])
		l.pool.wait++
		b.waiting++
		l.queue()
	}
	return !b.closed
}
