package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// wantsGate says whether a job must wait because another holds its gate.
func (t *tx) wantsGate(j *flow.Job) (waiting bool, err error) {
	holder, err := t.q("SELECT holder FROM gates WHERE key = ?").blob(j.OrderKey[:]).number()
	return holder != 0 && holder != int64(j.ID), err
}

func (t *tx) takeGate(j *flow.Job) error {
	return t.q("INSERT INTO gates(key, holder, blocked, lane, client_id, message_group) VALUES(?,?,NULL,?,?,?)").
		blob(j.OrderKey[:]).int(int64(j.ID)).text(j.Lane).opt(j.ClientID).opt(j.MessageGroup).exec()
}

// leaveGate does what the end of a job means for its order key: a dead letter
// in BLOCK_ON_ERROR blocks it, anything else lets the next by position go.
// A job that does not hold the gate changes nothing.
func (t *tx) leaveGate(j *flow.Job, now time.Time) error {
	if !j.Ordered() {
		return nil
	}
	var holder int64
	var blocked bool
	if _, err := t.q("SELECT holder, blocked IS NOT NULL FROM gates WHERE key = ?").blob(j.OrderKey[:]).
		one(func(s *sqlite.Stmt) { holder, blocked = s.ColumnInt64(0), s.ColumnInt64(1) != 0 }); err != nil {
		return err
	}
	if holder != int64(j.ID) {
		return nil
	}
	if !j.Opens() {
		if blocked {
			return nil
		}
		t.notes.blocks++
		return t.q("UPDATE gates SET blocked = ? WHERE key = ?").time(now).blob(j.OrderKey[:]).exec()
	}
	if blocked {
		t.notes.blocks--
	}
	var next int64
	var lane string
	if _, err := t.q("SELECT id, lane FROM jobs WHERE order_key = ? AND waiting = 1 ORDER BY position LIMIT 1").blob(j.OrderKey[:]).
		one(func(s *sqlite.Stmt) { next, lane = s.ColumnInt64(0), s.ColumnText(1) }); err != nil {
		return err
	}
	if next == 0 {
		return t.q("DELETE FROM gates WHERE key = ?").blob(j.OrderKey[:]).exec()
	}
	if err := t.q("UPDATE jobs SET waiting = 0, ready = 1 WHERE id = ?").int(next).exec(); err != nil {
		return err
	}
	turn, err := t.load(flow.ID(next))
	if err != nil {
		return err
	}
	turn.Waiting = false
	t.put(&turn)
	t.wake(lane)
	return t.q("UPDATE gates SET holder = ?, blocked = NULL WHERE key = ?").int(next).blob(j.OrderKey[:]).exec()
}

// rejoinGate puts a job that is PENDING again back into its order key: as the
// head that it still is, as the holder of a free gate, or to wait.
func (t *tx) rejoinGate(j *flow.Job) error {
	if !j.Ordered() {
		return nil
	}
	waiting, err := t.wantsGate(j)
	if err != nil {
		return err
	}
	if j.Waiting = waiting; waiting {
		return nil
	}
	var blocked bool
	held, err := t.q("SELECT blocked IS NOT NULL FROM gates WHERE key = ?").blob(j.OrderKey[:]).
		one(func(s *sqlite.Stmt) { blocked = s.ColumnInt64(0) != 0 })
	if err != nil {
		return err
	}
	if !held {
		return t.takeGate(j)
	}
	if blocked {
		t.notes.blocks--
	}
	return t.q("UPDATE gates SET blocked = NULL WHERE key = ?").blob(j.OrderKey[:]).exec()
}

// Skip implements store.Gates.
func (st *Store) Skip(ctx context.Context, sc store.Scope, key flow.OrderKey, head flow.ID, now time.Time) error {
	return st.write(ctx, func(t *tx) error {
		var g store.Gate
		found, err := t.q("SELECT " + gateCols + " FROM gates WHERE key = ?").blob(key[:]).
			one(func(s *sqlite.Stmt) { g = scanGate(s) })
		if err != nil {
			return fmt.Errorf("skip job: %w", err)
		}
		if !found || !sc.Sees(g.ClientID) {
			return store.ErrNotFound
		}
		if g.Holder != head || g.BlockedSince.IsZero() {
			return store.ErrConflict
		}
		j, err := t.load(head)
		if err != nil {
			return fmt.Errorf("skip job: %w", err)
		}
		from := j.Status
		j = j.Skipped(now)
		if err := t.save(&j, from); err != nil {
			return fmt.Errorf("skip job: %w", err)
		}
		return t.leaveGate(&j, now)
	})
}

// CancelWaiting implements store.Gates.
func (st *Store) CancelWaiting(ctx context.Context, sc store.Scope, key flow.OrderKey, now time.Time, limit int) (int, error) {
	if _, err := st.Gate(ctx, sc, key); err != nil {
		return 0, err
	}
	n := 0
	err := st.write(ctx, func(t *tx) (err error) {
		n, err = t.cancelWaiting(key, flow.ReasonCancelled, now, limit)
		return err
	})
	return answer(&n, err)
}

func (t *tx) cancelWaiting(key flow.OrderKey, why flow.Reason, now time.Time, limit int) (int, error) {
	ids, err := t.q("SELECT id FROM jobs WHERE order_key = ? AND waiting = 1 ORDER BY position LIMIT ?").
		blob(key[:]).int(int64(limit)).ids()
	if err != nil {
		return 0, fmt.Errorf("cancel waiting jobs: %w", err)
	}
	for _, id := range ids {
		j, err := t.load(id)
		if err != nil {
			return 0, fmt.Errorf("cancel waiting jobs: %w", err)
		}
		from := j.Status
		j = j.Cancelled(why, now)
		if err := t.save(&j, from); err != nil {
			return 0, fmt.Errorf("cancel waiting jobs: %w", err)
		}
	}
	return len(ids), nil
}
