package router

import (
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
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
	phase   phase
	begun   bool      // Start gave the job; it does not change any more
	paced   bool      // picked under a rate limit, so it takes no slot yet
	started time.Time // monotonic, before Start was called
	began   time.Time // when its exchange did, by the router's clock
	job     flow.Job
	event   *flow.Event
	attempt flow.Attempt
}

// phase is how far a delivery is on the board.
type phase uint8

const (
	held    phase = iota // being sorted, or on its way out
	waiting              // in its line
	picked               // being started
	staged               // started; waits to begin
	running              // in its exchange
)

// deliveries are those that came to their end in the ordinary way: recorded
// and settled, and known to nobody any more.
var deliveries = sync.Pool{New: func() any { return new(delivery) }}

// board holds every delivery from its receipt until it is settled, and knows
// which may start. It has one lock, under which nothing blocks: what has to
// be done elsewhere is noted as a chore.
type board struct {
	mu    sync.Mutex
	pools map[string]*pool
	turn  []*pool
	first int // pool that is asked first next time
	ends  map[string]*endpoint
	all   []*delivery

	troubled map[*endpoint]struct{} // whose breaker is not closed
	holds    map[string]standing    // as they were read last
	notable  bool                   // somebody writes holds down
	epoch    uint64                 // grows with each hold that is to be written or was
	chores   chores

	limit   int // the least that all may hold
	waiting int
	closed  bool
	newRate func() pace.Rate // nil: limits of this process alone
	meters  *meters

	ready chan struct{} // something may be able to start
	clear chan struct{} // something that is staged may be able to begin
	room  chan struct{} // all has become shorter
	todo  chan struct{} // there are chores
}

// pool is a traffic class at work.
type pool struct {
	key   string
	code  string
	limit int             // its slots, if adapt does not say how many
	adapt pace.Controller // nil: it is fixed

	// active deliveries are picked; of those, running ones are in their
	// exchange, staged ones are started and wait for the next free slot, and
	// paced ones wait for a rate limit first. Beneath are those of replays
	// (replaying the running ones of them), suspect those whose endpoint is not
	// sound.
	active    int
	running   int
	paced     int
	beneath   int
	replaying int
	suspect   int
	staged    ring[*delivery]
	usual     time.Duration // how long exchanges take of late; 0 is not known
	moved     time.Time     // when an exchange began or ended last
	picked    time.Time     // when something was picked last
	lively    time.Time     // when live work was there last
	rate      pace.Rate

	lines  map[lineKey]*line
	live   ring[*line] // lines with waiting deliveries, each once
	under  ring[*line] // the same of replays
	turns  uint        // picks, to let a replay go now and then
	wait   int         // deliveries in lines
	asking int         // lines that have any
	meters poolMeters
	seen   *rolling.Window
}

// endpoint is what bounds a receiver across pools.
type endpoint struct {
	key     string
	limit   int // exchanges at once; 0 is no limit
	active  int
	running int
	paced   int
	beneath int
	moved   time.Time // when an exchange ended last, or the first of those at work was picked or began
	rate    pace.Rate
	lines   []*line
	seen    *rolling.Window

	breaker pace.Breaker
	ramp    pace.Ramp
	parked  time.Time // until when what waits for its rate is parked
	rest    time.Time // nothing begins before it: somebody's hold
	why     string    // what opened the breaker
	last    string    // the last failure

	told    int    // the window that was written down last
	writing int    // holds of it on their way to the store
	wrote   uint64 // epoch of the last one that arrived
	stands  bool   // the store has a hold of its breaker
}

// lineKey names a line in its pool. A replay has lines of its own.
type lineKey struct {
	endpoint string
	replay   flow.ID
}

// line is what waits for one endpoint in one pool.
type line struct {
	key     lineKey
	pool    *pool
	end     *endpoint
	fifo    ring[*delivery]
	queued  bool // in the pool's turn
	asks    bool // counted in pool.asking
	suspect bool // its active ones are counted in pool.suspect
	active  int
	running int
	paced   int
	norm    pace.Norm
	idle    time.Time
}

func newBoard(limit int, m *meters) *board {
	return &board{
		pools: map[string]*pool{}, ends: map[string]*endpoint{}, limit: limit, meters: m,
		troubled: map[*endpoint]struct{}{}, holds: map[string]standing{},
		ready: make(chan struct{}, 1), clear: make(chan struct{}, 1), room: make(chan struct{}, 1), todo: make(chan struct{}, 1),
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
		slots += p.slots()
	}
	return max(b.limit, 4*slots)
}

// slots is how many exchanges the pool may have at once.
func (p *pool) slots() int {
	if p.adapt != nil {
		return p.adapt.Limit()
	}
	return p.limit
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

// enqueue puts a held delivery into its line, or has it parked at once if its
// endpoint gets nothing now. It is false once the board is closed: nothing
// starts any more.
func (b *board) enqueue(d *delivery, rt *catalog.Route, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	l := b.lineOf(rt, now)
	if until, why := l.refuses(now); why != "" {
		b.park(d, until, why)
		return true
	}
	b.join(d, l)
	signal(b.ready)
	return true
}

func (b *board) join(d *delivery, l *line) {
	d.line, d.phase = l, waiting
	l.fifo.push(d)
	l.pool.wait++
	b.waiting++
	l.queue()
}

// queue gives a line with work its place in the pool's turn.
func (l *line) queue() {
	if !l.queued && l.fifo.len() > 0 {
		l.queued = true
		l.turn().push(l)
	}
	l.count()
}

func (l *line) turn() *ring[*line] {
	if l.key.replay != 0 {
		return &l.pool.under
	}
	return &l.pool.live
}

// count keeps the number of lines that have work.
func (l *line) count() {
	if asks := l.active > 0 || l.fifo.len() > 0; asks != l.asks {
		l.asks = asks
		if asks {
			l.pool.asking++
		} else {
			l.pool.asking--
		}
	}
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
		for _, turn := range [...]*ring[*line]{&p.live, &p.under} {
			for turn.len() > 0 {
				l := turn.pop()
				l.queued = false
				for l.fifo.len() > 0 {
					d := l.fifo.pop()
					d.phase = held
					ds = append(ds, d)
				}
				l.count()
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
