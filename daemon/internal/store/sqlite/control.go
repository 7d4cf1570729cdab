package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Retry implements store.Jobs.
func (st *Store) Retry(ctx context.Context, sc store.Scope, id flow.ID, now time.Time) (flow.Job, error) {
	var out flow.Job
	err := st.write(ctx, func(t *tx) (err error) {
		var acted bool
		if out, acted, err = t.act(sc, id, flow.LettersRetry, "", now); err != nil || acted {
			return err
		}
		soon := out.Hastened(now)
		if soon.Due.Equal(out.Due) {
			return nil
		}
		out = soon
		return t.save(&out, out.Status)
	})
	return answer(&out, err)
}

// Discard implements store.Jobs.
func (st *Store) Discard(ctx context.Context, sc store.Scope, id flow.ID, note string, now time.Time) (flow.Job, error) {
	var out flow.Job
	err := st.write(ctx, func(t *tx) (err error) {
		out, _, err = t.act(sc, id, flow.LettersDiscard, note, now)
		return err
	})
	return answer(&out, err)
}

// act retries or discards a dead letter, and says whether it did: another job
// is left as it is.
func (t *tx) act(sc store.Scope, id flow.ID, act flow.LetterAct, note string, now time.Time) (flow.Job, bool, error) {
	doing := "retry"
	if act == flow.LettersDiscard {
		doing = "discard"
	}
	j, err := t.load(id)
	if err != nil {
		return j, false, fmt.Errorf("%s job: %w", doing, err)
	}
	if !sc.Sees(j.ClientID) {
		return j, false, store.ErrNotFound
	}
	from := j.Status
	if !from.DeadLetter() {
		return j, false, nil
	}
	if act == flow.LettersDiscard {
		j = j.Discarded(note, now)
		if err := t.save(&j, from); err != nil {
			return j, false, fmt.Errorf("discard job: %w", err)
		}
		return j, true, t.leaveGate(&j, now)
	}
	if err := t.sendable(&j); err != nil {
		return j, false, fmt.Errorf("retry job: %w", err)
	}
	j = j.Retried(now)
	if err := t.rejoinGate(&j); err != nil {
		return j, false, fmt.Errorf("retry job: %w", err)
	}
	return j, true, t.save(&j, from)
}

// sendable refuses a job whose payload is gone.
func (t *tx) sendable(j *flow.Job) error {
	if j.Task != nil {
		if j.Task.Expunged {
			return store.ErrExpunged
		}
		return nil
	}
	e, err := t.event(int64(j.EventID), false)
	if err == nil && (e == nil || e.Expunged) {
		err = store.ErrExpunged
	}
	return err
}

// answer is what a verb came to. When the caller gave up the writer may still
// be at it, so that nothing but the error may be looked at.
func answer[T any](v *T, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return *v, nil
}

// Cancel implements store.Jobs.
func (st *Store) Cancel(ctx context.Context, sc store.Scope, id flow.ID, why flow.Reason, now time.Time) (flow.Job, error) {
	var out flow.Job
	err := st.write(ctx, func(t *tx) error {
		j, err := t.load(id)
		if err != nil {
			return fmt.Errorf("cancel job: %w", err)
		}
		if !sc.Sees(j.ClientID) {
			return store.ErrNotFound
		}
		out, err = t.cancel(j, why, now)
		return err
	})
	return answer(&out, err)
}

func (t *tx) cancel(j flow.Job, why flow.Reason, now time.Time) (flow.Job, error) {
	from := j.Status
	if from.Final() || j.CancelAsked {
		return j, nil
	}
	j = j.Cancelled(why, now)
	if err := t.save(&j, from); err != nil {
		return j, fmt.Errorf("cancel job %s: %w", j.ID, err)
	}
	if !j.Status.Final() {
		return j, nil
	}
	return j, t.leaveGate(&j, now)
}

// CancelLane implements store.Jobs. Jobs that wait are found through the
// holders of their gates: ready, out, or dead letters that block.
func (st *Store) CancelLane(ctx context.Context, lane string, why flow.Reason, now time.Time, limit int) (int, error) {
	n := 0
	err := st.write(ctx, func(t *tx) error {
		// Those that are marked already stand in the way and count for nothing.
		marked := t.st.live.outOf(lane) + len(t.dirty)
		heads, err := t.q("SELECT id FROM jobs INDEXED BY jobs_ready WHERE ready = 1 AND lane = ? LIMIT ?").text(lane).int(int64(limit + marked)).ids()
		if err != nil {
			return fmt.Errorf("cancel lane: %w", err)
		}
		for _, id := range heads {
			j, err := t.load(id)
			if err != nil {
				return fmt.Errorf("cancel lane: %w", err)
			}
			if j.Ordered() && n < limit {
				w, err := t.cancelWaiting(j.OrderKey, why, now, limit-n)
				if err != nil {
					return err
				}
				n += w
			}
			if n >= limit {
				return nil
			}
			if j.Status.Final() || j.CancelAsked {
				continue
			}
			if _, err := t.cancel(j, why, now); err != nil {
				return err
			}
			n++
		}
		return t.cancelBlocked(lane, why, now, limit, &n)
	})
	return answer(&n, err)
}

// cancelBlocked cancels what waits behind the dead letters that block keys of
// a lane, and removes their gates.
func (t *tx) cancelBlocked(lane string, why flow.Reason, now time.Time, limit int, n *int) error {
	heads, err := t.q("SELECT holder FROM gates INDEXED BY gates_lane WHERE blocked IS NOT NULL AND lane = ? LIMIT ?").
		text(lane).int(int64(limit)).ids()
	if err != nil {
		return fmt.Errorf("cancel lane: %w", err)
	}
	for _, id := range heads {
		if *n >= limit {
			return nil
		}
		j, err := t.load(id)
		if err != nil {
			return fmt.Errorf("cancel lane: %w", err)
		}
		w, err := t.cancelWaiting(j.OrderKey, why, now, limit-*n)
		if err != nil {
			return err
		}
		if *n += w; *n >= limit {
			return nil
		}
		t.notes.blocks--
		if err := t.q("DELETE FROM gates WHERE key = ?").blob(j.OrderKey[:]).exec(); err != nil {
			return fmt.Errorf("cancel lane: %w", err)
		}
	}
	return nil
}
