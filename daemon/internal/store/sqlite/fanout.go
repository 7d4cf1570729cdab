package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Unfanned implements store.Jobs. With one writer, position order is commit
// order, so what is visible above the cursor is complete.
func (st *Store) Unfanned(ctx context.Context, limit int) (store.Batch, error) {
	if err := st.isClosed(); err != nil {
		return store.Batch{}, err
	}
	from := st.fanned.Load()
	b := store.Batch{From: from, To: from}
	events, ok := st.cache.after(from, limit)
	if !ok {
		err := st.read(ctx, func(c *conn) error {
			return c.q("SELECT " + eventCols + ", data FROM events WHERE position > ? ORDER BY position LIMIT ?").
				int(from).int(int64(limit)).each(func(s *sqlite.Stmt) bool {
				events = append(events, scanEvent(s, true))
				return true
			})
		})
		if err != nil {
			return store.Batch{}, fmt.Errorf("read unfanned events: %w", err)
		}
	}
	if b.Events = events; len(events) > 0 {
		b.To = events[len(events)-1].Position
	}
	return b, nil
}

// FanOut implements store.Jobs.
func (st *Store) FanOut(ctx context.Context, b store.Batch, jobs []flow.Job, now time.Time) error {
	if b.To == b.From {
		return st.isClosed()
	}
	return st.write(ctx, func(t *tx) error {
		if err := t.q("UPDATE meta SET value = ? WHERE key = 'fanned' AND value = ?").int(b.To).int(b.From).exec(); err != nil {
			return fmt.Errorf("fan out: %w", err)
		}
		if t.c.Changes() == 0 {
			return store.ErrConflict
		}
		for i := range jobs {
			j := jobs[i]
			if _, err := t.insertJob(&j, now); err != nil {
				return fmt.Errorf("fan out event %s to %s: %w", j.EventID, j.Lane, err)
			}
		}
		t.notes.then = append(t.notes.then, func() {
			st.fanned.Store(b.To)
			st.backlog.Add(-int64(len(b.Events)))
		})
		return nil
	})
}

// InsertTasks implements store.Jobs.
func (st *Store) InsertTasks(ctx context.Context, jobs []flow.Job, now time.Time) ([]store.Inserted, error) {
	out := make([]store.Inserted, len(jobs))
	err := st.write(ctx, func(t *tx) error {
		for i := range jobs {
			j := jobs[i]
			dup, err := t.insertTask(&j, now)
			if err != nil {
				return fmt.Errorf("insert task: %w", err)
			}
			out[i] = store.Inserted{Job: j, Duplicate: dup}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (t *tx) insertTask(j *flow.Job, now time.Time) (duplicate bool, err error) {
	key := ""
	if k := j.Task.IdempotencyKey; k != "" {
		key = j.ClientID + "/" + k
		id, err := t.q("SELECT job FROM tasks WHERE idempotency = ?").text(key).number()
		if err != nil {
			return false, err
		}
		if id != 0 {
			*j, err = t.load(flow.ID(id))
			return true, err
		}
	}
	body, err := json.Marshal(j.Task)
	if err != nil {
		return false, err
	}
	if _, err := t.insertJob(j, now); err != nil {
		return false, err
	}
	if at := j.Position; at > 0 {
		t.notes.then = append(t.notes.then, func() { t.st.last.Store(at) })
	}
	return false, t.q("INSERT INTO tasks(job, idempotency, correlation, body) VALUES(?,?,?,?)").
		int(int64(j.ID)).opt(key).opt(j.Task.CorrelationID).text(string(body)).exec()
}
