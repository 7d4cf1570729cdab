package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
			Pending:  q.totals.messages + int64(q.lingering.n) - int64(q.leased),
			InFlight: int64(q.leased), DeadLetters: q.totals.dead,
		}
		if it := q.lingering.first; it != nil && (oldest == 0 || it.at < oldest) {
			oldest = it.at
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
	var page []stored
	err := q.do(ctx, &op{kind: read, read: func(db *database) (err error) {
		page, err = db.peek(limit)
		page = q.withLingering(page, 0, limit)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("peek: %w", err)
	}
	messages := make([]queue.Message, len(page))
	for i := range page {
		messages[i] = page[i].msg
	}
	return messages, nil
}

// withLingering adds the lingering tickets after a seq to a page of rows after
// it, in the writer, so that each is in one of the two.
func (q *Queue) withLingering(page []stored, after int64, limit int) []stored {
	n := 0
	q.mu.Lock()
	for it := q.lingering.first; it != nil && n < limit; it = it.next {
		if it.seq > after {
			page = append(page, it.stored)
			n++
		}
	}
	q.mu.Unlock()
	if n > 0 {
		slices.SortFunc(page, func(a, b stored) int { return cmp.Compare(a.seq, b.seq) })
	}
	return page[:min(len(page), max(limit, 0))]
}

// IDs implements queue.Lister.
func (q *Queue) IDs(ctx context.Context, fn func(id string) error) error {
	for after := int64(0); ; {
		var page []stored
		err := q.do(ctx, &op{kind: read, read: func(db *database) (err error) {
			page, err = db.ids(after, idPage)
			page = q.withLingering(page, after, idPage)
			return err
		}})
		if err != nil {
			return fmt.Errorf("list ids: %w", err)
		}
		for i := range page {
			if err := fn(page[i].msg.ID); err != nil {
				return err
			}
			after = page[i].seq
		}
		if len(page) < idPage {
			return nil
		}
	}
}
