package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// idPage is how many ids are read at a time, so that a long list does not keep
// other verbs waiting.
const idPage = 4096

// DeadLetters implements queue.Queue.
func (q *Queue) DeadLetters(ctx context.Context, after string, limit int) ([]queue.DeadLetter, error) {
	var from int64
	if after != "" {
		var err error
		if from, err = strconv.ParseInt(after, 10, 64); err != nil {
			return nil, fmt.Errorf("list dead letters: %q is not a key of this list", after)
		}
	}
	var page []queue.DeadLetter
	err := q.do(ctx, &op{kind: read, read: func(db *database) (err error) {
		page, err = db.deadLetters(from, limit)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return page, nil
}

// Stats implements queue.Queue.
func (q *Queue) Stats(ctx context.Context) (queue.Stats, error) {
	var s queue.Stats
	err := q.do(ctx, &op{kind: read, read: func(db *database) error {
		oldest, err := db.oldest()
		if err != nil {
			return err
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		now := q.opts.Now()
		q.collect(now)
		s = queue.Stats{
			Pending: q.totals.messages - int64(q.leased), InFlight: int64(q.leased),
			DeadLetters: q.totals.dead,
		}
		if oldest > 0 {
			s.OldestAge = max(0, now.Sub(time.UnixMilli(oldest)))
		}
		// What was collected here must not wait for the next Receive's timer.
		q.wake()
		return nil
	}})
	if err != nil {
		return queue.Stats{}, fmt.Errorf("stats: %w", err)
	}
	return s, nil
}

// Peek implements queue.Queue.
func (q *Queue) Peek(ctx context.Context, limit int) ([]queue.Message, error) {
	var page []queue.Message
	err := q.do(ctx, &op{kind: read, read: func(db *database) (err error) {
		page, err = db.peek(limit)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("peek: %w", err)
	}
	return page, nil
}

// IDs implements queue.Lister.
func (q *Queue) IDs(ctx context.Context, fn func(id string) error) error {
	for after := int64(0); ; {
		var page []string
		err := q.do(ctx, &op{kind: read, read: func(db *database) (err error) {
			page, after, err = db.ids(after, idPage)
			return err
		}})
		if err != nil {
			return fmt.Errorf("list ids: %w", err)
		}
		for _, id := range page {
			if err := fn(id); err != nil {
				return err
			}
		}
		if len(page) < idPage {
			return nil
		}
	}
}
