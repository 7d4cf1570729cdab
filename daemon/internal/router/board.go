package router

import (
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/router/rolling"
)

// delivery is a message in the router's hands.
type delivery struct {
	received queue.Received
	id       flow.ID
	peek     flow.Job // as much of the job as Route needs before Start
	arrived  time.Time
	extended time.Time // when the queue's lease began last
	place    int       // in board.all

	line    *line // where it waits or has its slot
	begun   bool  // Start gave the job; it does not change any more
	started time.Time
	job     flow.Job
	event   *flow.Event
	attempt flow.Attempt
}

// deliveries are those that came to their end in the ordinary way: recorded
// and settled, and known to nobody any more.
var deliveries = sync.Pool{New: func() any { return new(delivery) }}

// board holds every delivery from its receipt until it is settled, and knows
// which may start. It has one lock, under which nothing blocks.
type board struct {
	mu    sync.Mutex
	pools map[string]*pool
	turn  []*pool
	first int // pool that is asked first next time
	ends  map[string]*endpoint
	all   []*delivery

	limit   int // the least that all may hold
	waiting int
	closed  bool
	meters  *meters

	ready chan struct{} // something may be able to start
	room  chan struct{} // all has become shorter
}

// pool is a traffic class at work.
type pool struct {
	key   string
	code  string
	limit int
	// active deliveries are picked; of those, running ones are in their
	// exchange and staged ones are started and wait for the next free slot.
	active  int
	running int
	staged  ring[*delivery]
	usual   time.Duration // how long exchanges take of late; 0 is not known
	moved   time.Time     // when an exchange began or ended last
	rate    limiter
	lines   map[string]*line
	turn    ring[*line] // lines with waiting deliveries, each once
	wait    int         // deliveries in lines
	meters  poolMeters
	seen    *rolling.Window
}

// endpoint is what bounds a receiver across pools.
type endpoint struct {
	key    string
	limit  int // exchanges at once; 0 is no limit
	active int
	moved  time.Time // when an exchange began or ended last
	rate   limiter
	lines  int
	seen   *rolling.Window
}

// line is what waits for one endpoint in one pool.
type line struct {
	pool   *pool
	end    *endpoint
	fifo   ring[*delivery]
	queued bool // in pool.turn
	active int
	idle   time.Time
}

func newBoard(limit int, m *meters) *board {
	return &board{
		pools: map[string]*pool{}, ends: map[string]*endpoint{}, limit: limit, meters: m,
		ready: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

// free is how many more messages there is room for: in all four for each
// slot, and at least the configured number.
func (b *board) free() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.capacity() - len(b.all)
}

func (b *board) capacity() int {
	slots := 0
	for _, p := range b.turn {
		slots += p.limit
	}
	return max(b.limit, 4*slots)
}

// hold takes responsibility for deliveries.
func (b *board) hold(ds ...*delivery) {
	b.mu.Lock()
	for _, d := range ds {
		d.place = len(b.all)
		b.all = append(b.all, d)
	}
	b.mu.Unlock()
}

// drop gives it up again: its message is about to be settled.
func (b *board) drop(ds ...*delivery) {
	b.mu.Lock()
	for _, d := range ds {
		last := len(b.all) - 1
		if d.place > last || b.all[d.place] != d {
			continue
		}
		b.all[d.place] = b.all[last]
		b.all[d.place].place = d.place
		b.all[last] = nil
		b.all = b.all[:last]
	}
	b.mu.Unlock()
	signal(b.room)
}

// enqueue puts a held delivery into its line. It is false once the board is
// closed: nothing starts any more.
func (b *board) enqueue(d *delivery, rt *catalog.Route, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.join(d, b.lineOf(rt, now))
	signal(b.ready)
	return true
}

func (b *board) join(d *delivery, l *line) {
	d.line = l
	l.fifo.push(d)
	l.pool.wait++
	b.waiting++
	l.queue()
}

func (l *line) queue() {
	if !l.queued && l.fifo.len() > 0 {
		l.queued = true
		l.pool.turn.push(l)
	}
}

// lineOf finds or makes the line of a route and brings the limits of its
// pool and endpoint up to date.
func (b *board) lineOf(rt *catalog.Route, now time.Time) *line {
	key := rt.Pool.ID
	if key == "" {
		key = rt.Pool.Code
	}
	p := b.pools[key]
	if p == nil {
		p = &pool{key: key, code: rt.Pool.Code, lines: map[string]*line{}, meters: b.meters.pool(rt.Pool.Code), seen: b.meters.seen.pool(key)}
		b.pools[key] = p
		b.turn = append(b.turn, p)
	}
	p.limit = max(rt.Pool.Concurrency, 1)
	p.rate.set(rt.Pool.RateLimit.PerSecond(), now)

	e := b.ends[rt.Endpoint]
	if e == nil {
		e = &endpoint{key: rt.Endpoint, seen: b.meters.seen.end(rt.Endpoint)}
		b.ends[rt.Endpoint] = e
	}
	if c := rt.Connection; c != nil {
		e.limit = c.MaxConcurrency
		e.rate.set(c.RateLimit.PerSecond(), now)
	}
	l := p.lines[rt.Endpoint]
	if l == nil {
		l = &line{pool: p, end: e}
		p.lines[rt.Endpoint] = l
		e.lines++
	}
	return l
}

// pick takes up to limit deliveries that may start now, each with its slot,
// in turn: pool by pool, and within a pool line by line. It says whether more
// could have been taken, and when a rate limit lets the next go (zero: no
// rate limit is in the way).
func (b *board) pick(into []*delivery, limit int, now time.Time) (got []*delivery, more bool, next time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	got = into
	if b.closed || b.waiting == 0 {
		return got, false, next
	}
	n := len(b.turn)
	for i := range n {
		p := b.turn[(b.first+i)%n]
		var at time.Time
		got, at = p.pick(got, limit, now)
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	b.first = (b.first + 1) % n
	b.waiting -= len(got)
	return got, len(got) >= limit, next
}

func (p *pool) pick(got []*delivery, limit int, now time.Time) ([]*delivery, time.Time) {
	var next time.Time
	passed := 0
	for p.active < p.limit+p.ahead() && len(got) < limit && passed < p.turn.len() {
		if wait := p.rate.wait(now); wait > 0 {
			return got, now.Add(wait)
		}
		l := p.turn.pop()
		if l.fifo.len() == 0 {
			l.queued = false
			continue
		}
		wait := l.end.rate.wait(now)
		if wait > 0 || l.end.limit > 0 && l.end.active >= l.end.limit {
			p.turn.push(l)
			passed++
			if at := now.Add(wait); wait > 0 && (next.IsZero() || at.Before(next)) {
				next = at
			}
			continue
		}
		passed = 0
		p.rate.take(now)
		l.end.rate.take(now)
		got = append(got, l.fifo.pop())
		p.wait--
		p.active++
		l.active++
		if l.end.active++; l.end.active == 1 {
			l.end.moved = time.Now() // the idle time before is nobody's wait
		}
		l.queued = false
		l.queue()
	}
	return got, next
}

// release gives slots back.
func (b *board) release(ds ...*delivery) {
	b.mu.Lock()
	for _, d := range ds {
		d.line.leave()
	}
	more := b.waiting > 0
	b.mu.Unlock()
	if more {
		signal(b.ready)
	}
}

func (l *line) leave() {
	l.active--
	l.pool.active--
	l.end.active--
}

// unpick puts back, in front, what was picked and could not be started. It is
// false once the board is closed; then they have no slots and wait nowhere.
func (b *board) unpick(ds []*delivery) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(ds) - 1; i >= 0; i-- {
		l := ds[i].line
		l.leave()
		if b.closed {
			continue
		}
		l.fifo.pushFront(ds[i])
		l.pool.wait++
		b.waiting++
		l.queue()
	}
	return !b.closed
}

// close lets nothing start any more and returns what waits.
func (b *board) close() []*delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return b.takeWaiting()
}

func (b *board) takeWaiting() []*delivery {
	var ds []*delivery
	for _, p := range b.turn {
		for p.turn.len() > 0 {
			l := p.turn.pop()
			l.queued = false
			for l.fifo.len() > 0 {
				ds = append(ds, l.fifo.pop())
			}
		}
		p.wait = 0
	}
	b.waiting = 0
	return ds
}

// leases returns the deliveries whose lease in the queue began before a time,
// and notes that it begins anew.
func (b *board) leases(before, now time.Time) []queue.Received {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rs []queue.Received
	for _, d := range b.all {
		if d.extended.Before(before) {
			d.extended = now
			rs = append(rs, d.received)
		}
	}
	return rs
}
