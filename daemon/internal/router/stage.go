package router

import "time"

// A commit of Start takes longer than many an exchange. If a slot waited for
// it each time, a fast receiver would get only as much as commits are fast.
// So while exchanges are quick, a pool starts up to as many again as it has
// slots, and each slot that gets free takes one that is started already. The
// lease's slack covers that wait; should it be too short because a receiver
// suddenly hangs, the started ones are recorded as lost, which spends nothing,
// and the pool stops to work ahead.

// quick is how long exchanges may take in a pool that works ahead.
const quick = 100 * time.Millisecond

// ahead is how many deliveries a pool may start beyond its slots.
func (p *pool) ahead() int {
	if p.usual == 0 || p.usual > quick {
		return 0
	}
	return p.limit
}

// begin gives a started delivery its slot, or stages it if none is free.
func (b *board) begin(d *delivery) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	d.begun = true
	p := d.line.pool
	if p.running >= p.limit {
		p.staged.push(d)
		return false
	}
	p.running++
	now := time.Now()
	p.moved, d.line.end.moved = now, now
	return true
}

// pace is how long a slot of the pool takes for one delivery, by experience,
// or by how long nothing has moved with all slots taken.
func (p *pool) pace() time.Duration {
	if p.running < p.limit {
		return p.usual
	}
	return max(p.usual, time.Since(p.moved))
}

// pace is the same for an endpoint with a limit of its own.
func (e *endpoint) pace() time.Duration {
	if e.active < e.limit {
		return 0
	}
	return time.Since(e.moved)
}

// finish takes the slot back after an exchange and gives it to the next that
// is staged, which the caller is to deliver.
func (b *board) finish(d *delivery) (next *delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := d.line.pool
	p.running--
	d.line.leave()
	now := time.Now()
	p.moved, d.line.end.moved = now, now
	took := max(d.attempt.Duration, 1)
	// One slow exchange counts at once, and is forgotten slowly.
	p.usual = max((9*p.usual+took)/10, took/8)
	if next = p.next(); b.waiting > 0 {
		signal(b.ready)
	}
	return next
}

// next is a staged delivery for which there is a slot.
func (p *pool) next() *delivery {
	if p.staged.len() == 0 || p.running >= p.limit {
		return nil
	}
	p.running++
	return p.staged.pop()
}

// unstage finds staged deliveries that got a slot because a limit was raised.
func (b *board) unstage() *delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.turn {
		if d := p.next(); d != nil {
			return d
		}
	}
	return nil
}
