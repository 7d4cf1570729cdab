package router

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// A router that stands still must say so itself: nobody misses a delivery that
// nobody expected.

const (
	// stallAfter is how long something may wait that could start.
	stallAfter = 10 * time.Second
	// CategoryStall is a router that does not get on with its work.
	CategoryStall = "STALL"
)

// stall is a pool in which something could start, and nothing does.
type stall struct {
	pool                             string
	waiting, active, running, staged int
	slots                            int
	endpoint                         string // of one that could
	waited                           time.Duration
}

// late is an exchange that should be over. It is a copy, since the delivery
// may end and become another one at any moment.
type late struct {
	id       flow.ID
	endpoint string
	began    time.Time
}

// stalls finds what stands still: pools, and exchanges that are long past the
// end of their lease.
func (b *board) stalls(now time.Time) (ss []stall, overdue []late) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, nil
	}
	for _, p := range b.turn {
		if p.wait > 0 && now.Sub(p.picked) > stallAfter {
			if l, waited := p.couldStart(now); l != nil {
				ss = append(ss, stall{
					pool: p.code, waiting: p.wait, active: p.active, running: p.running, staged: p.staged.len(), slots: p.slots(),
					endpoint: l.end.key, waited: waited,
				})
			}
		}
	}
	for _, d := range b.all {
		if d.phase == running && now.Sub(d.began) > d.job.Policy.Timeout+flow.LeaseSlack {
			overdue = append(overdue, late{d.id, d.line.end.key, d.began})
		}
	}
	return ss, overdue
}

// couldStart finds a line whose first delivery has waited for too long and
// could have a slot.
func (p *pool) couldStart(now time.Time) (*line, time.Duration) {
	if p.rate.Wait(p.active-p.running, now) > lead {
		return nil, 0
	}
	for _, turn := range [...]*ring[*line]{&p.live, &p.under} {
		for i := range turn.len() {
			l := *turn.at(i)
			if l.fifo.len() == 0 {
				continue
			}
			waited := now.Sub((*l.fifo.at(0)).arrived)
			if waited <= stallAfter {
				continue
			}
			if ok, _ := l.mayStart(now); ok {
				return l, waited
			}
		}
	}
	return nil, 0
}

// watch says once a minute what stands still.
func (r *Router) watch(now time.Time) {
	ss, overdue := r.board.stalls(now)
	if r.unwritten.Load() > 0 {
		ss = nil // nothing starts on purpose, and that is said already
	}
	r.meters.stalled.Set(float64(len(ss)))
	r.meters.overdue.Set(float64(len(overdue)))
	for _, s := range ss {
		if !r.alarms.due("stall "+s.pool, now) {
			continue
		}
		text := fmt.Sprintf("pool %s stands still: %d deliveries wait, one of them for %s, endpoint %s could have a slot, and nothing starts; %d of %d slots are in use, %d are being started, %d are staged",
			s.pool, s.waiting, s.waited.Round(time.Second), s.endpoint, s.running, s.slots, s.active-s.running-s.staged, s.staged)
		r.Logger.Error(text)
		r.alert(Warning{Category: CategoryStall, Severity: telemetry.Critical, Source: "pool " + s.pool, Key: "stall", At: now, Message: text})
	}
	if len(overdue) > 0 && r.alarms.due("overdue", now) {
		d := overdue[0]
		text := fmt.Sprintf("%d exchanges are past the end of their leases and have not ended; one is job %s at %s, since %s. Its slot is taken until it does",
			len(overdue), d.id, d.endpoint, d.began.Format(time.RFC3339))
		r.Logger.Error(text)
		r.alert(Warning{Category: CategoryStall, Severity: telemetry.Critical, Source: "router " + r.Instance, Key: "overdue", At: now, Message: text})
	}
}

var errPanicked = errors.New("the router failed; its log has the details")

// contained does something and makes an error of a panic.
func (r *Router) contained(what string, do func()) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		err = fmt.Errorf("%s: %w", what, errPanicked)
		r.meters.panics.Inc()
		r.Logger.Error("panic contained", "in", what, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		r.alert(Warning{Category: CategoryPanic, Severity: telemetry.Critical, Source: "router " + r.Instance, Key: what, At: r.Now(),
			Message: fmt.Sprintf("the router failed while it did this: %s; its log has the details", what)})
	}()
	do()
	return nil
}
