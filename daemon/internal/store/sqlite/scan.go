package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Scan implements store.Works. It walks positions upwards; the jobs of an event
// stand together in the index of (position, lane, replay).
func (st *Store) Scan(ctx context.Context, sc store.Scope, q store.ScanQuery) (store.ScanPage, error) {
	var page store.ScanPage
	err := st.snapshot(ctx, func(c *conn) (err error) {
		page, err = c.scan(ctx, sc, &q)
		return err
	})
	if err != nil {
		return store.ScanPage{}, fmt.Errorf("scan events: %w", err)
	}
	return page, nil
}

func (c *conn) scan(ctx context.Context, sc store.Scope, q *store.ScanQuery) (store.ScanPage, error) {
	page := store.ScanPage{Next: q.After}
	fanned, err := c.q("SELECT value FROM meta WHERE key = 'fanned'").number()
	if err != nil {
		return page, err
	}
	before, from := idRange(q.Since, q.Until)
	last := before - 1
	if q.To > 0 {
		last = min(last, q.To)
	}
	limit, more, data := store.PageLimit(q.Limit), false, 0
	var failed error
	err = c.q("SELECT " + eventCols + ", data FROM events WHERE position > ? AND position <= ? ORDER BY position").
		int(max(q.After, from-1)).int(min(last, fanned)).each(func(s *sqlite.Stmt) bool {
		if more = len(page.Events) == limit || page.Examined == store.MaxExamined || data >= store.MaxScanned; more {
			return false
		}
		page.Examined++
		page.Next = s.ColumnInt64(0)
		e := scanEvent(s, false)
		fits := sc.Sees(e.ClientID) && (q.ClientID == "" || q.ClientID == e.ClientID) && (q.Type == "" || store.MatchType(q.Type, e.Type))
		if fits && (q.Failed || len(q.FailedIn) > 0) {
			fits, failed = c.hasLetter(e.Position, q)
		}
		if fits {
			if q.Data {
				e.Data = colBytes(s, 11)
				data += len(e.Data)
			}
			page.Events = append(page.Events, e)
		}
		return failed == nil && ctx.Err() == nil
	})
	switch {
	case err != nil:
		return page, err
	case failed != nil:
		return page, failed
	case ctx.Err() != nil:
		return page, ctx.Err()
	case more:
		return page, nil
	}
	page.Next = max(page.Next, min(last, fanned))
	if last <= fanned {
		page.Done = true
		return page, nil
	}
	// What is above the place of the fan-out comes with a later page, if there
	// is anything.
	ahead, err := c.q("SELECT 1 FROM events WHERE position > ? AND position <= ? LIMIT 1").int(max(page.Next, fanned, from-1)).int(last).number()
	page.Done = ahead == 0
	return page, err
}

// hasLetter says whether an event has a dead letter that the query asks for.
func (c *conn) hasLetter(position int64, q *store.ScanQuery) (found bool, err error) {
	err = c.q("SELECT lane, replay FROM jobs INDEXED BY jobs_event WHERE position = ? AND status IN (14, 16)").
		int(position).each(func(s *sqlite.Stmt) bool {
		found = q.Failed && s.ColumnInt64(1) == 0 || slices.Contains(q.FailedIn, s.ColumnText(0))
		return !found
	})
	return found, err
}

// Letters implements store.Works. Where all letters fit it reads no more ids
// than it needs; where few do, more and more at a time.
func (st *Store) Letters(ctx context.Context, sc store.Scope, after flow.ID, q store.JobQuery) (store.JobPage, error) {
	limit := store.PageLimit(q.Limit)
	high, low := idRange(q.Since, q.Until)
	if q.Before > 0 {
		high = min(high, int64(q.Before))
	}
	low = max(low, int64(after)+1)
	var page store.JobPage
	err := st.snapshot(ctx, func(c *conn) error {
		for examined, most := 0, 2*limit; ; most *= 4 {
			ids, more, err := c.letters(&q, high, low, false, min(most, store.MaxExamined-examined))
			if err != nil {
				return err
			}
			page.Next, page.Partial = 0, false
			if err := st.fillPage(ctx, c, &page, ids, more, limit, func(j *flow.Job) bool {
				return j.Status.DeadLetter() && matchesJob(j, sc, &q)
			}, &q); err != nil {
				return err
			}
			examined += len(ids)
			if !page.Partial || examined >= store.MaxExamined {
				return nil
			}
			low = int64(page.Next) + 1
		}
	})
	if err != nil {
		return store.JobPage{}, fmt.Errorf("list dead letters: %w", err)
	}
	return page, nil
}

// letters returns the ids of dead letters in a range, of the states that are
// asked for: newest first or oldest first, at most so many, and whether there
// may be more beyond the last.
func (c *conn) letters(q *store.JobQuery, high, low int64, newestFirst bool, most int) (ids []flow.ID, more bool, err error) {
	order := " ORDER BY id LIMIT ?"
	if newestFirst {
		order = " ORDER BY id DESC LIMIT ?"
	}
	for _, status := range [...]flow.Status{flow.Failed, flow.Expired} {
		if len(q.Status) > 0 && !slices.Contains(q.Status, status) {
			continue
		}
		found, err := c.q("SELECT id FROM jobs INDEXED BY jobs_dead WHERE status = ? AND status > 13 AND id < ? AND id >= ?" + order).
			int(onDisk(status)).int(high).int(low).int(int64(most)).ids()
		if err != nil {
			return nil, false, err
		}
		ids = append(ids, found...)
	}
	ids, more = nearest(ids, newestFirst, most)
	return ids, more, nil
}
