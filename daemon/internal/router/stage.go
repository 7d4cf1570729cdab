package router

import (
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
)

// A commit of Start takes longer than many an exchange. If a slot waited for
// it each time, a fast receiver would get only as much as commits are fast.
// So while exchanges are quick, a pool starts up to as many again as it has
// slots, and each slot that gets free takes one that is started already. The
// lease's slack covers that wait; should it be too short because a receiver
// suddenly hangs, the started ones are put off, which spends nothing, and the
// pool stops to work ahead.
//
// A rate limit is kept here, where the exchange begins, and not where it is
// started: a commit that takes its time would bunch what was spaced out.

const (
	// quick is how long exchanges may take in a pool that works ahead.
	quick = 100 * time.Millisecond
	// stagedFor is how long a started delivery waits for its slot.
	stagedFor = 5 * time.Second
	// maxLooks is how many staged deliveries that may not begin are passed
	// over for one that may.
	maxLooks = 16
)

// ahead is how many deliveries a pool may start beyond its slots.
func (p *pool) ahead() int {
	if p.usual == 0 || p.usual > quick {
		return 0
	}
	return p.slots()
}

// begin gives a started delivery its slot, or stages it if it may not begin
// yet.
func (b *board) begin(d *delivery, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	d.begun = true
	p := d.line.pool
	if b.refused(d, now) {
		return false
	}
	if ok, at := d.line.mayBegin(now); !ok {
		d.phase = staged
		p.staged.push(d)
		if !at.IsZero() {
			signal(b.clear)
		}
		return false
	}
	d.line.run(d, now)
	return true
}

// refused puts a started delivery off whose endpoint gets nothing meanwhile.
func (b *board) refused(d *delivery, now time.Time) bool {
	until, why := d.line.end.refuses(now)
	if why == "" {
		return false
	}
	b.putOff(d, until, why)
	return true
}

// mayBegin says whether a started delivery of the line may begin, and if not,
// when time alone allows it.
func (l *line) mayBegin(now time.Time) (ok bool, at time.Time) {
	p, e := l.pool, l.end
	slots := p.slots()
	if p.running >= slots || e.running >= e.top(now) && e.running > 0 {
		return false, at
	}
	if wait := max(p.rate.Wait(0, now), e.rate.Wait(0, now)); wait > 0 {
		return false, now.Add(wait)
	}
	if l.key.replay != 0 && now.Sub(p.lively) < liveFor && p.replaying >= max(slots/4, 1) {
		return false, p.lively.Add(liveFor)
	}
	// What is suspect was looked at when it was picked.
	return l.claim(slots, p.running, l.running, 0, now), at
}

// run notes that the exchange of a delivery begins.
func (l *line) run(d *delivery, now time.Time) {
	p, e := l.pool, l.end
	l.unpace(d)
	p.rate.Take(now)
	e.rate.Take(now)
	d.phase, d.began = running, now
	p.running, l.running, e.running = p.running+1, l.running+1, e.running+1
	if l.key.replay != 0 {
		p.replaying++
	}
	p.moved = now
	if e.running == 1 {
		e.moved = now
	}
}

// pace is how long a slot of the pool takes for one delivery, by experience,
// or by how long nothing has moved with all slots taken.
func (p *pool) pace(now time.Time) time.Duration {
	if p.running < p.slots() {
		return p.usual
	}
	return max(p.usual, now.Sub(p.moved))
}

// pace is the same for an endpoint that has all it may have.
func (e *endpoint) pace(top int, now time.Time) time.Duration {
	if e.active < top {
		return 0
	}
	return now.Sub(e.moved)
}

// finish takes the slot back after an exchange and gives it to the next that
// is staged, which the caller is to deliver.
func (b *board) finish(d *delivery, now time.Time) (next *delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := d.line
	p, e := l.pool, l.end
	took := max(d.attempt.Duration, 1)
	o := healthOf(&d.attempt)
	if p.adapt != nil {
		p.adapt.Observe(&l.norm, took, o, p.running, now)
	}
	p.running, l.running, e.running = p.running-1, l.running-1, e.running-1
	if l.key.replay != 0 {
		p.replaying--
	}
	l.leave(d)
	p.moved = now
	if !d.attempt.Unsent {
		e.moved = now
		// One slow exchange counts at once, and is forgotten slowly.
		p.usual = max((9*p.usual+took)/10, took/8)
	}
	b.observe(e, o, d, now)
	next, at := b.next(p, now)
	if !at.IsZero() || next != nil && p.staged.len() > 0 && p.running < p.slots() {
		signal(b.clear)
	}
	if b.waiting > 0 {
		signal(b.ready)
	}
	return next
}

// next is a staged delivery of a pool that may begin, and if there is none,
// when time alone allows one.
func (b *board) next(p *pool, now time.Time) (d *delivery, at time.Time) {
	looks := p.staged.len()
	if p.paced == 0 {
		looks = min(looks, maxLooks) // the others come to the front in turn
	}
	for range looks {
		if p.running >= p.slots() {
			return nil, at
		}
		d := p.staged.pop()
		if b.refused(d, now) {
			continue
		}
		ok, when := d.line.mayBegin(now)
		if ok {
			d.line.run(d, now)
			return d, at
		}
		p.staged.push(d)
		at = sooner(at, when)
	}
	return nil, at
}

// unstage finds a staged delivery that may begin without another's end: a
// limit was raised, or a rate limit's time has come. If there is none it says
// when time allows one.
func (b *board) unstage(now time.Time) (d *delivery, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.turn {
		d, when := b.next(p, now)
		if d != nil {
			return d, at
		}
		at = sooner(at, when)
	}
	return nil, at
}

// stagedNow is how many deliveries are staged.
func (b *board) stagedNow() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.turn {
		n += p.staged.len()
	}
	return n
}

// unbegun puts everything off that is staged: nothing begins any more.
func (b *board) unbegun(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.turn {
		for p.staged.len() > 0 {
			b.putOff(p.staged.pop(), now, parkCrowded)
		}
	}
}

// healthOf is what an attempt says about the health of its endpoint.
func healthOf(a *flow.Attempt) pace.Outcome {
	switch {
	case a.Unsent:
		return pace.Ignored
	case a.Verdict == flow.Delivered || a.Verdict == flow.Deferred:
		return pace.Success
	case a.Verdict == flow.Lost || a.Status == 501:
		return pace.Ignored
	case a.Status == 408 || a.Status == 425 || a.Status >= 500:
		return pace.Failure
	case a.Status == 0 && (a.ErrorType == flow.ErrorConnection || a.ErrorType == flow.ErrorTimeout || a.ErrorType == flow.ErrorTLS):
		return pace.Failure
	}
	return pace.Ignored
}
