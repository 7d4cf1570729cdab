package router

import (
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// chores are what the board wants done that it can not do under its lock.
type chores struct {
	parks  []parked
	putOff []*delivery // started, and never sent: their attempt says so
	holds  []holdChange
	news   []string // for the log
	opened []Warning
}

// parked is a delivery that must not wait in memory.
type parked struct {
	d     *delivery
	until time.Time
}

// The reasons to park, as a metric's label.
const (
	parkPaused  = "paused"
	parkLimited = "rate_limit"
	parkCrowded = "crowded"
	parkBreaker = "breaker"
	parkHeld    = "held"
)

// holdChange is a hold to be written or, if release, ended.
type holdChange struct {
	hold    store.Hold
	release bool
	end     *endpoint // waits to hear that it is written; nil: it is gone
}

// standing is what the store's holds say of one endpoint.
type standing struct {
	breaker store.Hold // none if its Endpoint is ""
	rest    time.Time  // the latest of the others
}

// takeChores returns what is to be done, and forgets it.
func (b *board) takeChores() chores {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.chores
	b.chores = chores{}
	return c
}

func (b *board) park(d *delivery, until time.Time, why string) {
	d.phase = held
	b.meters.parked.WithLabelValues(why).Inc()
	b.chores.parks = append(b.chores.parks, parked{d, until})
	signal(b.todo)
}

// putOff gives a delivery back that was started in the store.
func (b *board) putOff(d *delivery, until time.Time, why string) {
	d.line.leave(d)
	b.meters.parked.WithLabelValues(why).Inc()
	switch why {
	case parkBreaker:
		d.attempt = unsent(d, until, "the endpoint's circuit breaker opened meanwhile")
	case parkHeld:
		d.attempt = unsent(d, until, "the endpoint asked for a rest meanwhile")
	default:
		d.attempt = unsent(d, until, "no slot became free in time")
	}
	b.chores.putOff = append(b.chores.putOff, d)
	signal(b.todo)
}

// unsent is the attempt of a delivery that was started in the store and is not
// sent now. It can not be parked any more: an attempt has to say so.
func unsent(d *delivery, until time.Time, why string) flow.Attempt {
	return flow.Attempt{
		JobID: d.id, Number: d.job.Attempts, At: d.job.LastAttemptAt, Error: "nothing was sent: " + why,
		Verdict: flow.Deferred, Delay: max(until.Sub(d.job.LastAttemptAt), 0), Unsent: true,
	}
}

// longestPark is for how long a delivery is parked at most. A hold may stand
// for longer: then the scheduler keeps to it, and when a person ends the hold
// its parked work is not far behind.
const longestPark = time.Minute

// refuses says until when what is meant for an endpoint is parked because it
// gets nothing, and why; why is empty if it may get something.
func (e *endpoint) refuses(now time.Time) (until time.Time, why string) {
	if e.breaker.Advance(now); e.breaker.State() == pace.Open {
		until, why = e.breaker.Until(), parkBreaker
	}
	if e.rest.After(now) && e.rest.After(until) {
		until, why = e.rest, parkHeld
	}
	if most := now.Add(longestPark); until.After(most) {
		until = most
	}
	return until, why
}

// refuses is the same for what arrives at a line: one whose endpoint shows
// nothing for its slots takes only a few that wait in memory. The longer it
// shows nothing, the longer the others stay away.
func (l *line) refuses(now time.Time) (until time.Time, why string) {
	e := l.end
	if until, why = e.refuses(now); why != "" {
		return until, why
	}
	if len(l.pool.lines) > 1 && l.fifo.len() >= max(8, 2*l.active) && pace.Stuck(l.running, e.moved, l.pool.usual, now) {
		return now.Add(min(max(now.Sub(e.moved), crowdPark), 6*crowdPark)), parkCrowded
	}
	return until, ""
}

// observe takes in what an exchange said about its endpoint.
func (b *board) observe(e *endpoint, o pace.Outcome, d *delivery, now time.Time) {
	top := 1
	for _, l := range e.lines {
		top = max(top, l.pool.slots()+l.pool.ahead())
	}
	e.ramp.Observe(o, top, now)
	suspect := !e.ramp.Sound(now)
	for _, l := range e.lines {
		l.doubt(suspect)
	}
	if o == pace.Failure {
		e.last = d.attempt.Error
	}
	if e.breaker.Observe(o, d.began, now) {
		b.turned(e, now)
	}
	if d.attempt.Verdict == flow.Throttled && d.attempt.Delay > 0 {
		if until := now.Add(d.attempt.Delay); until.After(e.rest) {
			e.rest = until
			b.write(e, holdChange{hold: store.Hold{Endpoint: e.key, Reason: store.HoldRetryAfter, Until: until, Detail: d.attempt.Error}})
			b.empty(e, now)
		}
	}
}

// turned follows a breaker into its new state.
func (b *board) turned(e *endpoint, now time.Time) {
	s := e.breaker.State()
	switch s {
	case pace.Open:
		ok, bad, row := e.breaker.Why()
		if bad > 0 {
			e.why = fmt.Sprintf("%d of %d calls within a minute failed, %d of them in a row; the last: %s", bad, ok+bad, row, e.last)
		} else {
			e.why = "a probe failed: " + e.last
		}
		b.meters.opened.Inc()
		b.chores.opened = append(b.chores.opened, Warning{Category: CategoryBreaker, Severity: telemetry.Warn, Source: e.key, Key: "open", At: now,
			Message: "nothing is sent to the endpoint until it answers again: " + e.why})
		b.news("circuit breaker opened", e)
		b.empty(e, now)
	case pace.Closing:
		b.news("circuit breaker closes", e)
	}
	b.trouble(e)
	b.tell(e)
}

func (b *board) news(what string, e *endpoint) {
	b.chores.news = append(b.chores.news, fmt.Sprintf("%s; endpoint %s; state %s; until %s; %s",
		what, e.key, e.breaker.State(), e.breaker.Until().Format(time.RFC3339), e.why))
	signal(b.todo)
}

func (b *board) trouble(e *endpoint) {
	if e.breaker.State() == pace.Closed {
		delete(b.troubled, e)
		return
	}
	b.troubled[e] = struct{}{}
}

// tell writes the hold of a breaker down as it is now.
func (b *board) tell(e *endpoint) {
	c := holdChange{hold: store.Hold{
		Endpoint: e.key, Reason: store.HoldBreaker, Until: e.breaker.Until(),
		Window: e.breaker.Window(), Trips: e.breaker.Trips(), Detail: e.why,
	}}
	c.release = c.hold.Window == 0
	e.told = c.hold.Window
	b.write(e, c)
}

func (b *board) write(e *endpoint, c holdChange) {
	if !b.notable {
		return
	}
	b.epoch++
	e.writing++
	c.end = e
	b.chores.holds = append(b.chores.holds, c)
	signal(b.todo)
}

// kept notes that the store has taken holds.
func (b *board) kept(cs []holdChange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.epoch++
	for _, c := range cs {
		if e := c.end; e != nil {
			e.writing--
			e.wrote = b.epoch
			if c.hold.Reason == store.HoldBreaker {
				e.stands = !c.release
			}
		}
	}
}

// empty takes off the board what waits for an endpoint that gets nothing now.
func (b *board) empty(e *endpoint, now time.Time) {
	until, why := e.refuses(now)
	if why == "" {
		return
	}
	for _, l := range e.lines {
		for l.fifo.len() > 0 {
			b.park(l.fifo.pop(), until, why)
			l.pool.wait--
			b.waiting--
		}
		l.count()
		l.pool.staged.filter(func(_ int, d *delivery) bool {
			if d.line.end != e {
				return true
			}
			b.putOff(d, until, why)
			return false
		})
	}
}

// advance lets time do its part for breakers that are not closed.
func (b *board) advance(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for e := range b.troubled {
		e.breaker.Advance(now)
		if e.breaker.State() == pace.Closed {
			b.news("circuit breaker closed", e)
			e.why = ""
		}
		if e.breaker.Window() != e.told {
			b.tell(e)
		}
		b.trouble(e)
		signal(b.ready)
	}
}

// since is the epoch, to be taken before holds are read.
func (b *board) since() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.epoch
}

// adopt brings the board up to the store's holds, which were read after the
// epoch: what this router itself wrote meanwhile is newer.
func (b *board) adopt(holds []store.Hold, epoch uint64, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holds = make(map[string]standing, len(holds))
	for _, h := range holds {
		s := b.holds[h.Endpoint]
		if h.Reason == store.HoldBreaker {
			s.breaker = h
		} else if h.Until.After(s.rest) {
			s.rest = h.Until
		}
		b.holds[h.Endpoint] = s
	}
	for _, e := range b.ends {
		if e.writing == 0 && e.wrote <= epoch {
			b.obey(e, b.holds[e.key], now)
		}
	}
	signal(b.ready)
}

// obey brings one endpoint up to what the store says of it.
func (b *board) obey(e *endpoint, s standing, now time.Time) {
	changed := false
	switch h := &s.breaker; {
	case h.Endpoint != "":
		e.stands = true
		if e.breaker.Adopt(h.Until, h.Trips, now) {
			changed, e.why, e.told = true, h.Detail, e.breaker.Window()
			b.news("circuit breaker follows another router", e)
		}
	case e.stands:
		// Another router saw it close, or a person reset it.
		e.stands, e.told = false, 0
		if e.breaker.Reset(now) {
			b.news("circuit breaker was reset", e)
			e.why = ""
		}
	}
	b.trouble(e)
	if e.rest = s.rest; changed || e.rest.After(now) {
		b.empty(e, now)
	}
}

// reset closes the breaker of an endpoint and ends the rest that it asked for.
// It is false if there was neither.
func (b *board) reset(endpoint string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, stood := b.holds[endpoint]
	known := s.breaker.Endpoint != "" || s.rest.After(now)
	if stood {
		s.rest = time.Time{}
		b.holds[endpoint] = s
	}
	e := b.ends[endpoint]
	if e == nil {
		return known
	}
	if e.rest.After(now) {
		known, e.rest = true, time.Time{}
	}
	if e.breaker.Reset(now) {
		known = true
		b.news("circuit breaker was reset", e)
		e.why = ""
		b.tell(e)
	}
	b.trouble(e)
	signal(b.ready)
	return known
}
