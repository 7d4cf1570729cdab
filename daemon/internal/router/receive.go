package router

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

const (
	receiveBatch = 256
	receiveWait  = 10 * time.Second
)

// receive takes messages while there is room for them and puts them on the
// board. Its error is that the queue was closed.
func (r *Router) receive(ctx context.Context) error {
	select {
	case <-r.seeded:
	case <-ctx.Done():
		return nil
	}
	for failures := 0; ; {
		free := r.board.free()
		if free <= 0 || r.unwritten.Load() > 0 {
			select {
			case <-r.board.room:
			case <-ctx.Done():
				return nil
			}
			continue
		}
		// Without a catalog nothing can be routed, so nothing is taken.
		if r.current(ctx) == nil {
			if !backoff(ctx.Done(), failures) {
				return nil
			}
			failures++
			continue
		}
		got, err := r.Queue.Receive(ctx, min(free, receiveBatch), receiveWait)
		if ctx.Err() == nil {
			r.consumer.note(len(got), err, r.Now())
		}
		switch {
		case err == nil:
			failures = 0
			r.intake(ctx, got)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, queue.ErrClosed):
			return fmt.Errorf("receive messages: %w", err)
		default:
			if failures == 0 {
				r.Logger.Warn("queue can not be read; trying again", "error", err)
			}
			if !backoff(ctx.Done(), failures) {
				return nil
			}
			failures++
		}
	}
}

// intake sorts a batch: onto the board, into the store as tasks, to the dead
// letters.
func (r *Router) intake(ctx context.Context, got []queue.Received) {
	if len(got) == 0 {
		return
	}
	cat := r.current(ctx)
	now := r.Now()
	leased := time.Now()
	ds := make([]*delivery, len(got))
	for i := range got {
		d := deliveries.Get().(*delivery)
		d.received, d.arrived, d.extended = got[i], now, leased
		ds[i] = d
	}
	r.board.hold(ds...)
	var foreign []*delivery
	for _, d := range ds {
		if r.sort(ctx, cat, d, now) {
			foreign = append(foreign, d)
		}
	}
	r.adopt(foreign)
}

// sort places one delivery. It is true for one to adopt. A message that makes
// it panic goes to the dead letters: it would do so again.
func (r *Router) sort(ctx context.Context, cat *catalog.Catalog, d *delivery, now time.Time) (foreign bool) {
	defer func() {
		if p := recover(); p != nil {
			r.meters.panics.Inc()
			r.Logger.Error("panic while a message was sorted", "message", d.received.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			r.dead(d, "the router failed on this message; its log has the details")
			foreign = false
		}
	}()
	m := &d.received.Message
	switch {
	case d.received.Err != nil:
		r.dead(d, d.received.Err.Error())
		return false
	case m.MediationType != "" && m.MediationType != queue.MediationHTTP:
		r.dead(d, "its mediationType is unknown; this router knows only "+queue.MediationHTTP)
		return false
	case m.JobID == "":
		return true
	}
	id, err := flow.ParseID(m.JobID)
	if err != nil {
		r.dead(d, "its jobId "+err.Error())
		return false
	}
	d.id = id
	if err := r.look(ctx, d); err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			r.board.drop(d)
			r.returns.put(giveBack{received: d.received, kind: byNack, delay: time.Second})
			return false
		}
		r.settle(d) // a job that does not exist: a stale ticket
		return false
	}
	rt, _ := cat.Route(&d.peek)
	if rt.Wait != "" {
		r.meters.parked.WithLabelValues(parkPaused).Inc()
		r.park([]parked{{d, now.Add(pausePark)}})
		return false
	}
	if !r.board.enqueue(d, orDefault(cat, &rt), now) {
		r.nack(d)
	}
	return false
}

// look finds out what Route needs to know about a delivery's job.
func (r *Router) look(ctx context.Context, d *delivery) error {
	var replay flow.ID
	if id := d.received.ReplayID; id != "" {
		replay, _ = flow.ParseID(strings.TrimPrefix(id, "rpl_")) // the job itself says so in case of doubt
	}
	if s := d.received.SubscriptionID; s != "" || replay != 0 {
		d.peek = flow.Job{ID: d.id, SubscriptionID: s, ReplayID: replay}
		return nil
	}
	v, err := r.Store.Job(ctx, store.Everything, d.id)
	d.peek = flow.Job{ID: d.id, SubscriptionID: v.Job.SubscriptionID, ReplayID: v.Job.ReplayID, Task: v.Job.Task}
	return err
}

// dead moves a message to the dead letters.
func (r *Router) dead(d *delivery, reason string) {
	r.meters.dead.Inc()
	r.alert(Warning{Category: CategoryDeadLetter, Severity: telemetry.Error, Source: "queue " + r.QueueName, ClientID: d.received.ClientID,
		Message: "a message went to the queue's dead letters: " + reason})
	r.board.drop(d)
	r.returns.put(giveBack{received: d.received, kind: byDeadLetter, reason: reason})
}

// settle acks a message: nothing more is to be done for it.
func (r *Router) settle(ds ...*delivery) {
	if len(ds) == 0 {
		return
	}
	r.board.drop(ds...)
	r.acks.gather(len(ds), func(i int) queue.Received { return ds[i].received })
}
