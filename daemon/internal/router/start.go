package router

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const (
	startBatch = 256
	// panicDelay is after how long a message comes again that made the router
	// fail.
	panicDelay = 30 * time.Second
)

// start is a committer: whenever slots are free it starts everything that may
// go, in one call, and hands it to workers.
func (r *Router) start(stop, workStop <-chan struct{}, workers *sync.WaitGroup) {
	var (
		batch    []*delivery
		starts   []store.Start
		failures int
	)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var (
			more bool
			next time.Time
		)
		batch = batch[:0]
		now := r.Now()
		// While an outcome can not be written nothing new starts.
		if r.unwritten.Load() == 0 {
			batch, more, next = r.board.pick(batch, startBatch, now)
		}
		if more {
			signal(r.board.ready)
		}
		if len(batch) == 0 {
			wait := time.Hour
			if !next.IsZero() {
				wait = max(next.Sub(now), time.Millisecond)
			}
			timer.Reset(wait)
			select {
			case <-r.board.ready:
			case <-timer.C:
			case <-stop:
				return
			}
			continue
		}
		starts = starts[:0]
		began := time.Now()
		for _, d := range batch {
			d.started = began
			starts = append(starts, store.Start{Job: d.id, Ticket: d.received.Ticket, Owner: r.Instance, Slack: flow.LeaseSlack})
		}
		answers, err := r.startAll(starts, now)
		if errors.Is(err, errPanicked) {
			r.startSingly(batch, starts, now, workStop, workers)
			continue
		}
		if err != nil {
			r.notStarted(batch, err, failures, stop)
			failures++
			continue
		}
		failures = 0
		for i, d := range batch {
			r.begun(d, &answers[i], workStop, workers)
		}
	}
}

func (r *Router) startAll(starts []store.Start, now time.Time) (answers []store.Started, err error) {
	if e := r.contained("start jobs", func() { answers, err = r.Store.Start(r.hard, starts, now) }); e != nil {
		return nil, e
	}
	return answers, err
}

// startSingly starts the jobs of a batch that caused a panic one by one, so
// that one of them keeps back only itself. Its message comes again later.
func (r *Router) startSingly(batch []*delivery, starts []store.Start, now time.Time, workStop <-chan struct{}, workers *sync.WaitGroup) {
	for i, d := range batch {
		answers, err := r.startAll(starts[i:i+1], now)
		if err == nil {
			r.begun(d, &answers[0], workStop, workers)
			continue
		}
		r.board.release(d)
		r.board.drop(d)
		r.returns.put(giveBack{received: d.received, kind: byNack, delay: panicDelay})
	}
}

// pace begins what is staged when its time has come: a rate limit lets it go,
// or a limit was raised. Where a slot becomes free, its worker takes the next
// itself. After stop it goes on until nothing is staged; when a drain has
// waited enough, what is staged is put off.
func (r *Router) pace(stop, workStop <-chan struct{}, workers *sync.WaitGroup) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for stopping := false; ; {
		now := r.Now()
		var at time.Time
		if r.cut.Err() != nil {
			r.board.unbegun(now)
		} else {
			var d *delivery
			if d, at = r.board.unstage(now); d != nil {
				r.hand(d, workStop, workers)
				continue
			}
		}
		if stopping && r.board.stagedNow() == 0 {
			return
		}
		wait := tickEvery
		if !at.IsZero() {
			wait = min(max(at.Sub(now), 50*time.Microsecond), tickEvery)
		}
		timer.Reset(wait)
		select {
		case <-r.board.clear:
		case <-timer.C:
		case <-stop:
			stop, stopping = nil, true
		}
	}
}

// notStarted puts a batch back after the store failed. If the store did start
// a job and could not say so, its ticket is answered as leased until that
// lease ends; the exchange is then counted as lost.
func (r *Router) notStarted(batch []*delivery, err error, failures int, stop <-chan struct{}) {
	if !r.board.unpick(batch) {
		r.nack(batch...)
		return
	}
	if failures == 0 {
		r.Logger.Warn("jobs not started; trying again", "jobs", len(batch), "error", err)
	}
	if errors.Is(err, store.ErrClosed) {
		r.fail(fmt.Errorf("start jobs: %w", err))
	}
	backoff(stop, failures)
	signal(r.board.ready)
}

// begun acts on the answer for one delivery.
func (r *Router) begun(d *delivery, a *store.Started, workStop <-chan struct{}, workers *sync.WaitGroup) {
	switch a.Result {
	case store.StartOK:
		d.job, d.event = a.Job, a.Event
		if r.board.begin(d, r.Now()) {
			r.hand(d, workStop, workers)
		}
		return
	case store.StartLeased:
		r.board.release(d)
		r.board.drop(d)
		r.returns.put(giveBack{received: d.received, kind: byNack, delay: max(a.Until.Sub(r.Now()), 100*time.Millisecond)})
		return
	case store.StartEnded:
		r.Logger.Info("job ended before its exchange", "job", d.id, "status", a.Job.Status, "reason", a.Job.Reason)
	}
	r.board.release(d)
	r.settle(d)
}
