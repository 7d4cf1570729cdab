package router

import (
	"context"
	"errors"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const (
	ackBatch = 512
	// settleTries bounds how often the queue is asked to take an answer. A
	// message that it did not take comes again and is found to be stale.
	settleTries = 5
	settleWait  = 10 * time.Second
)

// tried repeats a verb of the queue for a while.
func (r *Router) tried(what string, n int, do func(context.Context) error) {
	var err error
	for tries := range settleTries {
		ctx, cancel := context.WithTimeout(r.hard, settleWait)
		err = do(ctx)
		cancel()
		if err == nil || errors.Is(err, queue.ErrClosed) || !backoff(r.hard.Done(), tries) {
			break
		}
	}
	if err != nil {
		r.Logger.Warn("queue did not take an answer; the messages come again and are settled then", "verb", what, "messages", n, "error", err)
	}
}

func (r *Router) ack(rs []queue.Received) {
	r.tried("ack", len(rs), func(ctx context.Context) error { return r.Queue.Ack(ctx, rs) })
}

// giveBack returns messages that had no exchange, each in its way.
func (r *Router) giveBack(backs []giveBack) {
	var (
		parks   []store.Park
		parked  []queue.Received
		letters []queue.DeadLetter
		nacks   = map[time.Duration][]queue.Received{}
	)
	for _, b := range backs {
		switch b.kind {
		case byPark:
			parks = append(parks, b.park)
			parked = append(parked, b.received)
		case byDeadLetter:
			r.Logger.Warn("message goes to the dead letters", "message", b.received.ID, "reason", b.reason)
			letters = append(letters, queue.DeadLetter{Received: b.received, Reason: b.reason})
		default:
			nacks[b.delay] = append(nacks[b.delay], b.received)
		}
	}
	if len(parks) > 0 {
		if err := r.Store.Park(r.hard, parks, r.Now()); err != nil {
			r.Logger.Warn("tickets not parked; their messages go back to the queue", "tickets", len(parks), "error", err)
			nacks[time.Second] = append(nacks[time.Second], parked...)
		} else {
			r.tried("ack", len(parked), func(ctx context.Context) error { return r.Queue.Ack(ctx, parked) })
		}
	}
	if len(letters) > 0 {
		r.tried("dead letter", len(letters), func(ctx context.Context) error { return r.Queue.DeadLetter(ctx, letters) })
	}
	for delay, rs := range nacks {
		r.tried("nack", len(rs), func(ctx context.Context) error { return r.Queue.Nack(ctx, rs, delay) })
	}
}
