package monitor

import (
	"context"
	"errors"
	"fmt"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// Features are what the queue can do.
func (m *Monitor) Features() queue.Features { return m.o.Queue.Features() }

// QueueName is what the queue is called.
func (m *Monitor) QueueName() string { return m.o.QueueName }

// Peek shows messages without taking them; see queue.Queue.
func (m *Monitor) Peek(ctx context.Context, limit int) ([]queue.Message, error) {
	return m.o.Queue.Peek(ctx, limit)
}

// DeadLetters lists the queue's dead letters; see queue.Queue.
func (m *Monitor) DeadLetters(ctx context.Context, after string, limit int) ([]queue.DeadLetter, error) {
	return m.o.Queue.DeadLetters(ctx, after, limit)
}

const (
	redriveBatch = 100
	// maxRedrive bounds one call; what is left is there for the next.
	maxRedrive = 10_000
)

// Redriven is what a redrive did.
type Redriven struct {
	Moved int
	// Left are letters that no receiver could use: they would only come back.
	Left int
	More bool
}

// Redrive puts the dead letters back into the queue that could have another
// fate there. The error is queue.ErrUnsupported where the broker has no way.
func (m *Monitor) Redrive(ctx context.Context) (done Redriven, err error) {
	r, can := m.o.Queue.(queue.Redriver)
	if !can {
		return done, fmt.Errorf("redrive the dead letters: %w", queue.ErrUnsupported)
	}
	defer m.forget()
	// What was there is enough: a letter that comes to the same end at once would
	// be put back for ever.
	before, err := m.o.Queue.Stats(ctx)
	if err != nil {
		return done, err
	}
	most := min(before.DeadLetters, maxRedrive)
	for after := ""; int64(done.Moved+done.Left) < most; {
		page, err := m.o.Queue.DeadLetters(ctx, after, int(min(redriveBatch, most-int64(done.Moved+done.Left))))
		if err != nil || len(page) == 0 {
			return done, err
		}
		after = page[len(page)-1].Key
		usable := page[:0]
		for _, l := range page {
			if l.Err != nil || l.Validate() != nil {
				done.Left++
				continue
			}
			usable = append(usable, l)
		}
		switch err := r.Redrive(ctx, usable); {
		case errors.Is(err, queue.ErrGone):
			return done, nil // somebody else does the same
		case err != nil:
			return done, err
		}
		done.Moved += len(usable)
	}
	done.More = before.DeadLetters > maxRedrive
	return done, nil
}

// Purge takes the tickets that wait out of the queue; see router.Purge.
func (m *Monitor) Purge(ctx context.Context) (taken, kept int, err error) {
	defer m.forget()
	done, err := m.o.Router.Purge(ctx)
	return done.Tickets, done.Kept, err
}
