package router

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

const (
	recordBatch = 256
	// recordSingly is after how many failures a batch is written one by one,
	// so that an outcome the store can not take keeps back only itself.
	recordSingly = 3
)

// record writes outcomes down. It does not return before they are written, or
// a drain has given up on the store; meanwhile the router starts nothing new.
//
// The outcomes that spare has room for are used again, but only if the store
// took them all: after an error its writer may still be reading them.
func (r *Router) record(batch []*delivery, spare []store.Outcome) []store.Outcome {
	now := r.Now()
	outcomes := spare[:0]
	if err := r.contained("judge outcomes", func() {
		for _, d := range batch {
			outcomes = append(outcomes, store.Outcome{Job: d.job.After(d.attempt, now, rand.Float64()), Attempt: d.attempt, Owner: r.Instance})
		}
	}); err != nil {
		// Who made it panic is the one behind those that were judged.
		n := len(outcomes)
		r.abandon(batch[n], err)
		batch = append(batch[:n], batch[n+1:]...)
		if len(batch) == 0 {
			return spare
		}
		return r.record(batch, spare)
	}
	left, err := r.write(batch, outcomes, now)
	if len(left) > 0 {
		r.insist(left, outcomes, now, err)
		return nil
	}
	clear(outcomes)
	return outcomes
}

// insist repeats what was not written.
func (r *Router) insist(left []*delivery, outcomes []store.Outcome, now time.Time, err error) {
	stuck := int64(len(left))
	r.meters.unwritten.Set(float64(r.unwritten.Add(stuck)))
	r.Logger.Error("outcomes can not be written; nothing new starts until they are", "outcomes", stuck, "error", err)
	r.alert(Warning{Category: CategoryStore, Severity: telemetry.Critical, Source: "router " + r.Instance, Key: "unwritten",
		Message: fmt.Sprintf("the outcomes of %d exchanges can not be written, and nothing new starts until they are: %v", stuck, err)})
	defer func() {
		r.meters.unwritten.Set(float64(r.unwritten.Add(-stuck)))
		signal(r.board.ready)
		signal(r.board.room)
	}()
	for failures := 0; len(left) > 0; failures++ {
		if errors.Is(err, store.ErrClosed) || !backoff(r.hard.Done(), failures) {
			r.Logger.Error("outcomes were not written; their deliveries will be repeated", "outcomes", len(left), "error", err)
			r.nack(left...)
			if errors.Is(err, store.ErrClosed) {
				r.fail(fmt.Errorf("record outcomes: %w", err))
			}
			return
		}
		if failures < recordSingly || errors.Is(err, store.ErrUnavailable) {
			left, err = r.write(left, outcomes[:len(left)], now)
			continue
		}
		kept := 0
		for i := range left {
			one, e := r.write(left[i:i+1:i+1], outcomes[i:i+1:i+1], now)
			if len(one) > 0 && errors.Is(e, errPanicked) {
				r.abandon(one[0], e)
			} else if len(one) > 0 {
				left[kept], outcomes[kept], err = left[i], outcomes[i], e
				kept++
			}
		}
		left = left[:kept]
	}
	r.Logger.Info("all outcomes are written again")
}

// abandon gives up an outcome that makes the router fail. The job's lease ends,
// and then it is tried again.
func (r *Router) abandon(d *delivery, err error) {
	r.Logger.Error("outcome given up; its delivery will be repeated", "job", d.id, "attempt", d.attempt.Number, "error", err)
	r.nack(d)
}

// write calls Record once and settles what was written. What is left, and the
// outcomes with it, move to the front.
func (r *Router) write(batch []*delivery, outcomes []store.Outcome, now time.Time) (left []*delivery, err error) {
	var answers []store.Recorded
	if e := r.contained("record outcomes", func() { answers, err = r.Store.Record(r.hard, outcomes, now) }); e != nil {
		err = e
	}
	if err != nil {
		return batch, err
	}
	kept := 0
	written := make([]*delivery, 0, len(batch))
	for i, d := range batch {
		switch e := answers[i].Err; {
		case e == nil:
			written = append(written, d)
			r.written(d, &answers[i])
		case errors.Is(e, store.ErrConflict):
			r.meters.conflicts.Inc()
			r.Logger.Warn("outcome came too late: the job has been taken over or has ended", "job", d.id, "attempt", d.attempt.Number, "verdict", d.attempt.Verdict)
			written = append(written, d)
		default:
			batch[kept], outcomes[kept], err = d, outcomes[i], e
			kept++
		}
	}
	r.settle(written...)
	for _, d := range written {
		*d = delivery{}
		deliveries.Put(d)
	}
	return batch[:kept], err
}

// written does what follows from a recorded outcome.
func (r *Router) written(d *delivery, a *store.Recorded) {
	t := &d.attempt
	if t.Warn {
		r.warn(d)
	}
	if t.PauseSubject && d.job.SubscriptionID != "" {
		r.gone.put(d.job.SubscriptionID)
	}
	if a.Job.Status.DeadLetter() {
		r.Logger.Warn("job became a dead letter", "job", d.id, "event", d.job.EventID, "client", d.job.ClientID,
			"subscription", d.job.SubscriptionID, "status", a.Job.Status, "reason", a.Job.Reason, "error", t.Error)
	}
}

// pause asks for the pause of subscriptions whose endpoint is gone.
func (r *Router) pause(ids []string) {
	if r.OnGone == nil {
		return
	}
	for _, id := range ids {
		ctx, cancel := context.WithTimeout(r.hard, 30*time.Second)
		if err := r.OnGone(ctx, id); err != nil {
			r.Logger.Error("subscription not paused after a 410", "subscription", id, "error", err)
		}
		cancel()
	}
}
