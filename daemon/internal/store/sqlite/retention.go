package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// purge is how rows of a kind are found and removed.
type purge struct {
	rows   string // of an id range: id, client, creation, and whether there is something to remove
	remove func(t *tx, id int64, before time.Time) (removed bool, err error)
}

var purges = map[store.PurgeKind]purge{
	store.PurgePayloads:     {"SELECT position, client_id, created_at, data IS NOT NULL FROM events WHERE position > ? AND position < ? ORDER BY position LIMIT ?", (*tx).purgePayload},
	store.PurgeEvents:       {"SELECT position, client_id, created_at, 1 FROM events WHERE position > ? AND position < ? ORDER BY position LIMIT ?", (*tx).purgeEvent},
	store.PurgeTaskPayloads: {"SELECT tasks.job, jobs.client_id, jobs.created_at, 1 FROM tasks JOIN jobs ON jobs.id = tasks.job WHERE tasks.job > ? AND tasks.job < ? ORDER BY tasks.job LIMIT ?", (*tx).purgeTaskPayload},
	store.PurgeAttempts:     {"SELECT id, client_id, created_at, attempts > 0 FROM jobs WHERE id > ? AND id < ? ORDER BY id LIMIT ?", (*tx).purgeAttempts},
	store.PurgeJobs:         {"SELECT id, client_id, created_at, 1 FROM jobs WHERE id > ? AND id < ? ORDER BY id LIMIT ?", (*tx).purgeJob},
	store.PurgeAudit:        {"SELECT id, client_id, performed_at, 1 FROM audit WHERE id > ? AND id < ? ORDER BY id LIMIT ?", (*tx).purgeAudit},
}

type purgeRow struct {
	id       int64
	made     time.Time
	examined int // rows up to this one
}

// Purge implements store.Retention. The rows are looked for beside the writer,
// which has only those to do with that fit.
func (st *Store) Purge(ctx context.Context, p store.Purge) (store.Purged, error) {
	kind, known := purges[p.Kind]
	if !known {
		return store.Purged{}, fmt.Errorf("purge: there is no kind %d", p.Kind)
	}
	out := store.Purged{Next: p.After}
	limit := store.PageLimit(p.Limit)
	before, _ := idRange(time.Time{}, p.Before)
	var rows []purgeRow
	err := st.read(ctx, func(c *conn) error {
		rows, out = nil, store.Purged{Next: p.After}
		return c.q(kind.rows).int(p.After).int(before).int(int64(limit)).each(func(s *sqlite.Stmt) bool {
			out.Examined++
			out.Next = s.ColumnInt64(0)
			if s.ColumnInt64(3) != 0 && slices.Contains(p.Clients, s.ColumnText(1)) != p.Except {
				rows = append(rows, purgeRow{out.Next, colTime(s, 2), out.Examined})
			}
			return true
		})
	})
	if err != nil {
		return store.Purged{}, fmt.Errorf("purge: %w", err)
	}
	out.Done = out.Examined < limit
	if len(rows) == 0 {
		return out, nil
	}
	found := out
	err = st.write(ctx, func(t *tx) error {
		out = found
		began := time.Now()
		for i, r := range rows {
			if i > 0 && p.Within > 0 && time.Since(began) >= p.Within {
				out.Next, out.Examined, out.Done = rows[i-1].id, rows[i-1].examined, false
				return nil
			}
			removed, err := kind.remove(t, r.id, p.Before)
			switch {
			case err != nil:
				return fmt.Errorf("purge: %w", err)
			case removed:
				out.Removed++
				continue
			case out.Kept == 0:
				out.FirstKept, out.OldestKept = r.id, r.made
			}
			out.Kept++
		}
		return nil
	})
	return answer(&out, err)
}

// needed says whether a job still needs its event: it is open, or is the dead
// letter that blocks its order key.
func (t *tx) needed(position int64) (bool, error) {
	if fanned, err := t.q("SELECT value FROM meta WHERE key = 'fanned'").number(); err != nil || fanned < position {
		return true, err
	}
	n, err := t.q("SELECT EXISTS(SELECT 1 FROM jobs INDEXED BY jobs_event WHERE position = ?1 AND (status < 13 OR " +
		"order_key IS NOT NULL AND EXISTS(SELECT 1 FROM gates WHERE gates.key = jobs.order_key AND gates.holder = jobs.id)))").int(position).number()
	return n != 0, err
}

// isSettled is true of a job that has ended before a time and holds up nobody.
const isSettled = "status >= 13 AND completed_at < ?2 AND NOT (" +
	"order_key IS NOT NULL AND EXISTS(SELECT 1 FROM gates WHERE gates.key = jobs.order_key AND gates.holder = jobs.id))"

// settled says whether a job has ended before a time and holds up nobody.
func (t *tx) settled(id int64, before time.Time) (bool, error) {
	n, err := t.q("SELECT EXISTS(SELECT 1 FROM jobs WHERE id = ?1 AND " + isSettled + ")").int(id).int(before.UnixMilli()).number()
	return n != 0, err
}

func (t *tx) purgePayload(position int64, _ time.Time) (bool, error) {
	if needed, err := t.needed(position); needed || err != nil {
		return false, err
	}
	return true, t.expungeEvent(position)
}

// expungeEvent removes the data of an event.
func (t *tx) expungeEvent(position int64) error {
	e, err := t.event(position, false)
	if err != nil || e == nil {
		return err
	}
	e.Expunged = true
	x, err := packExtra(e)
	if err != nil {
		return err
	}
	t.notes.then = append(t.notes.then, func() { t.st.cache.replace(position, e) })
	return t.q("UPDATE events SET data = NULL, extra = ? WHERE position = ?").text(x).int(position).exec()
}

func (t *tx) purgeEvent(position int64, _ time.Time) (bool, error) {
	if needed, err := t.needed(position); needed || err != nil {
		return false, err
	}
	t.notes.then = append(t.notes.then, func() { t.st.cache.replace(position, nil) })
	return true, t.q("DELETE FROM events WHERE position = ?").int(position).exec()
}

func (t *tx) purgeTaskPayload(id int64, before time.Time) (bool, error) {
	if settled, err := t.settled(id, before); !settled || err != nil {
		return false, err
	}
	return true, t.expungeTask(id)
}

// expungeTask removes the payload of a job without an event.
func (t *tx) expungeTask(id int64) error {
	var body string
	found, err := t.q("SELECT body FROM tasks WHERE job = ?").int(id).one(func(s *sqlite.Stmt) { body = s.ColumnText(0) })
	if err != nil || !found {
		return err
	}
	var task flow.Task
	if err := json.Unmarshal([]byte(body), &task); err != nil {
		return fmt.Errorf("read task %s: %w", flow.ID(id), err)
	}
	if task.Expunged {
		return nil
	}
	task.Payload, task.Expunged = "", true
	shorter, err := json.Marshal(task)
	if err != nil {
		return err
	}
	return t.q("UPDATE tasks SET body = ? WHERE job = ?").text(string(shorter)).int(id).exec()
}

func (t *tx) purgeAttempts(id int64, before time.Time) (bool, error) {
	if settled, err := t.settled(id, before); !settled || err != nil {
		return false, err
	}
	if err := t.q("DELETE FROM attempts WHERE job = ?").int(id).exec(); err != nil {
		return false, err
	}
	return true, nil
}

func (t *tx) purgeJob(id int64, before time.Time) (bool, error) {
	var letter, task, settled bool
	if _, err := t.q("SELECT status IN (14, 16), task FROM jobs WHERE id = ?1 AND " + isSettled).int(id).int(before.UnixMilli()).one(func(s *sqlite.Stmt) {
		letter, task, settled = s.ColumnInt64(0) != 0, s.ColumnInt64(1) != 0, true
	}); err != nil || !settled {
		return false, err
	}
	if letter {
		t.notes.letters--
	}
	if task {
		if err := t.q("DELETE FROM tasks WHERE job = ?").int(id).exec(); err != nil {
			return false, err
		}
	}
	if err := t.q("DELETE FROM attempts WHERE job = ?").int(id).exec(); err != nil {
		return false, err
	}
	return true, t.q("DELETE FROM jobs WHERE id = ?").int(id).exec()
}

func (t *tx) purgeAudit(id int64, _ time.Time) (bool, error) {
	return true, t.q("DELETE FROM audit WHERE id = ?").int(id).exec()
}

// Shrink implements store.Retention. Pages that rows left behind are used
// again before the file grows; it shrinks only by this.
func (st *Store) Shrink(ctx context.Context, pages int) (int, error) {
	left := 0
	err := st.write(ctx, func(t *tx) error {
		if pages > 0 {
			// Each step of the statement frees one page.
			if err := t.run(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", pages)); err != nil {
				return fmt.Errorf("shrink: %w", err)
			}
		}
		n, err := t.number("PRAGMA freelist_count")
		left = int(n)
		return err
	})
	return answer(&left, err)
}
