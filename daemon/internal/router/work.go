package router

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// idleWorker is how long a worker waits for the next delivery before it ends.
const idleWorker = 10 * time.Second

// hand gives a started delivery, which has its slot, to an idle worker or to
// a new one. There are never more workers at work than slots.
func (r *Router) hand(d *delivery, stop <-chan struct{}, workers *sync.WaitGroup) {
	select {
	case r.work <- d:
	default:
		workers.Go(func() { r.worker(d, stop) })
	}
}

func (r *Router) worker(d *delivery, stop <-chan struct{}) {
	var w courier.Desk
	idle := time.NewTimer(idleWorker)
	defer idle.Stop()
	for {
		for d != nil {
			d = r.deliver(d, &w)
		}
		idle.Reset(idleWorker)
		select {
		case d = <-r.work:
		case <-idle.C:
			return
		case <-stop:
			return
		}
	}
}

// deliver makes the exchange of a started delivery and passes its outcome on.
// It returns the delivery that has its slot next, if one is staged.
func (r *Router) deliver(d *delivery, w *courier.Desk) (next *delivery) {
	r.attempt(d, w)
	d.event = nil
	now := r.Now()
	if d.attempt.Unsent {
		r.meters.parked.WithLabelValues(parkPaused).Inc()
	} else {
		d.line.pool.meters.count(d.attempt.Verdict, d.attempt.Duration)
		d.saw(now)
	}
	next = r.board.finish(d, now)
	r.outcomes.put(d)
	return next
}

// attempt is the exchange, with a panic contained: it costs this job one
// attempt and nobody else anything.
func (r *Router) attempt(d *delivery, w *courier.Desk) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		r.meters.panics.Inc()
		r.Logger.Error("panic in a delivery", "job", d.id, "event", d.job.EventID, "client", d.job.ClientID,
			"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		r.alert(Warning{Category: CategoryPanic, Severity: telemetry.Critical, Source: d.job.Lane, ClientID: d.job.ClientID, Key: "delivery",
			Message: fmt.Sprintf("job %s: the router failed in an attempt; its log has the details", d.id)})
		d.attempt = flow.Attempt{
			JobID: d.id, Number: d.job.Attempts, At: d.job.LastAttemptAt, Duration: time.Since(d.started), Router: r.Instance,
			Verdict: flow.Retry, ErrorType: flow.ErrorUnknown, Error: "the router failed in this attempt; its log has the details",
		}
	}()
	o := courier.Order{Job: &d.job, Event: d.event, Started: d.started}
	if cat := r.current(r.hard); cat != nil {
		o.Route, o.Known = cat.Route(&d.job)
	}
	// It may have waited for its slot since it was started.
	if why := o.Route.Wait; why != "" {
		d.attempt = unsent(d, r.Now().Add(pausePark), why)
		return
	}
	d.attempt = r.exchange(r.cut, &o, w)
}
