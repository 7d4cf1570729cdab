package router

import (
	"context"
	"fmt"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const (
	purgeBatch = 200
	// maxForeign bounds what a purge holds while it looks for tickets behind
	// messages that are none.
	maxForeign = 10_000
)

// Purged is what a purge did.
type Purged struct {
	// Tickets were taken out of the queue. Their jobs are PENDING.
	Tickets int
	// Kept are messages that no job stands behind, so that they would be lost.
	Kept int
}

// Purge takes the tickets that wait out of the queue and makes their jobs
// PENDING at once, as a hold does, so that they get new tickets as soon as they
// may go. What is in a router's hands already is left alone, and so are the
// messages of other producers. It ends with what was there when it began.
func (r *Router) Purge(ctx context.Context) (done Purged, err error) {
	s, err := r.Queue.Stats(ctx)
	if err != nil {
		return done, fmt.Errorf("purge queue %s: %w", r.QueueName, err)
	}
	settle := context.WithoutCancel(ctx) // what was received is not left to its lease
	var kept []queue.Received
	defer func() {
		if e := r.Queue.Nack(settle, kept, 0); e != nil && err == nil {
			err = fmt.Errorf("purge queue %s: give messages back: %w", r.QueueName, e)
		}
	}()
	for left := s.Pending; left > 0 && len(kept) < maxForeign; {
		rs, err := r.Queue.Receive(ctx, int(min(left, purgeBatch)), 0)
		if err != nil {
			return done, fmt.Errorf("purge queue %s: %w", r.QueueName, err)
		}
		if len(rs) == 0 {
			break
		}
		left -= int64(len(rs))
		now := r.Now()
		var parks []store.Park
		var tickets []queue.Received
		for _, m := range rs {
			id, err := flow.ParseID(m.JobID)
			if m.Err != nil || m.JobID == "" || err != nil {
				kept = append(kept, m)
				done.Kept++
				continue
			}
			parks = append(parks, store.Park{Job: id, Ticket: m.Ticket, Until: now})
			tickets = append(tickets, m)
		}
		if len(tickets) == 0 {
			continue
		}
		if err := r.Store.Park(settle, parks, now); err != nil {
			kept = append(kept, tickets...)
			return done, fmt.Errorf("purge queue %s: make jobs PENDING: %w", r.QueueName, err)
		}
		if err := r.Queue.Ack(settle, tickets); err != nil {
			// They come again and are found to be stale.
			return done, fmt.Errorf("purge queue %s: %w", r.QueueName, err)
		}
		done.Tickets += len(tickets)
	}
	return done, nil
}
