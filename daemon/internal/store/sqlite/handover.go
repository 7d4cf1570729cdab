package sqlite

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Lanes implements store.Jobs. Every lane with open work has its place in
// memory, if only to say that its jobs are on disk.
func (st *Store) Lanes(ctx context.Context, after string, limit int) ([]store.Lane, error) {
	names := st.live.names()
	i, found := slices.BinarySearch(names, after)
	if found {
		i++
	}
	var out []store.Lane
	err := st.read(ctx, func(c *conn) error {
		for _, name := range names[i:] {
			if len(out) == limit || ctx.Err() != nil {
				break
			}
			next, err := st.firstDue(c, name)
			if err != nil {
				return err
			}
			if !next.IsZero() || st.live.outOf(name) > 0 {
				out = append(out, store.Lane{Name: name, Next: next})
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list lanes: %w", err)
	}
	return out, nil
}

// firstDue is when the first ready job of a lane is due.
func (st *Store) firstDue(c *conn, lane string) (time.Time, error) {
	if st.live.bound(lane) == lastKey {
		return st.live.first(lane), nil
	}
	return st.nextDue(c, lane, math.MinInt64)
}

// nextDue returns when the first PENDING job of a lane is due that is due
// after a time in milliseconds; zero if there is none. The sum in its query
// keeps SQLite from planning it anew for each value that is bound.
func (st *Store) nextDue(c *conn, lane string, after int64) (due time.Time, err error) {
	err = c.q("SELECT id, due FROM jobs INDEXED BY jobs_ready WHERE ready = 1 AND lane = ? AND due > ? + 0 ORDER BY due, position").
		text(lane).int(after).each(func(s *sqlite.Stmt) bool {
		if j := st.live.get(flow.ID(s.ColumnInt64(0))); j != nil && j.Status != flow.Pending {
			return true // out; there are no more of these than the window
		}
		due = colTime(s, 1)
		return false
	})
	return due, err
}

// refillBatch is how many jobs are read when the hot part of a lane is used
// up.
const refillBatch = 1024

// Offer implements store.Jobs.
func (st *Store) Offer(ctx context.Context, lane string, window int, now time.Time) (store.Offer, error) {
	if err := st.isClosed(); err != nil {
		return store.Offer{}, err
	}
	o, cold := st.live.offer(lane, window, now)
	for cold && len(o.Jobs) < window-o.Out && st.live.bound(lane).due <= now.UnixMilli() {
		if err := st.refill(ctx, lane); err != nil {
			return store.Offer{}, fmt.Errorf("offer jobs of %s: %w", lane, err)
		}
		o, cold = st.live.offer(lane, window, now)
	}
	if !cold || len(o.Jobs) > 0 && len(o.Jobs) == window-o.Out {
		// A full window is asked for again when a job ends.
		return o, nil
	}
	err := st.read(ctx, func(c *conn) (err error) {
		o.Next, err = st.nextDue(c, lane, now.UnixMilli())
		return err
	})
	if err != nil {
		return store.Offer{}, fmt.Errorf("offer jobs of %s: %w", lane, err)
	}
	return o, nil
}

// refill reads the next ready jobs of a lane from disk. It runs in the
// writer, so that nothing changes between reading and keeping them.
func (st *Store) refill(ctx context.Context, lane string) error {
	return st.write(ctx, func(t *tx) error {
		bound := st.live.bound(lane)
		if bound == lastKey {
			return nil
		}
		var read []flow.Job
		err := t.q("SELECT " + jobCols + " FROM jobs INDEXED BY jobs_ready WHERE ready = 1 AND lane = ? AND (due, position, id) >= (?, ?, ?) ORDER BY due, position, id LIMIT ?").
			text(lane).int(bound.due).int(bound.position).int(bound.id).int(refillBatch).each(func(s *sqlite.Stmt) bool {
			read = append(read, st.pol.scanJob(s))
			return true
		})
		if err != nil {
			return fmt.Errorf("read jobs of %s: %w", lane, err)
		}
		bound = lastKey
		if len(read) == refillBatch {
			bound = keyOf(&read[len(read)-1])
			bound.id++
		}
		t.notes.bounds = append(t.notes.bounds, laneBound{lane, bound})
		for i := range read {
			j := &read[i]
			if t.dirty[j.ID] != nil || st.live.get(j.ID) != nil {
				continue
			}
			if err := t.fillTask(j); err != nil {
				return err
			}
			t.put(j)
		}
		return nil
	})
}

// MarkQueued implements store.Jobs.
func (st *Store) MarkQueued(ctx context.Context, tickets []store.Ticket, now time.Time) error {
	if err := st.isClosed(); err != nil {
		return err
	}
	unknown := st.live.markQueued(tickets, now)
	if st.wakes.Jobs.Watched() {
		ids := make([]flow.ID, len(tickets))
		for i, tk := range tickets {
			ids[i] = tk.Job
		}
		st.wakes.Jobs.Note(ids...)
	}
	if len(unknown) == 0 {
		return nil
	}
	return st.write(ctx, func(t *tx) error {
		for _, tk := range unknown {
			j, err := t.load(tk.Job)
			if err == store.ErrNotFound {
				continue
			}
			if err != nil {
				return fmt.Errorf("mark queued: %w", err)
			}
			if q, ok := queued(&j, tk.Number, now); ok {
				t.put(q)
			}
		}
		return nil
	})
}

// Park implements store.Jobs.
func (st *Store) Park(ctx context.Context, parks []store.Park, _ time.Time) error {
	return st.write(ctx, func(t *tx) error {
		for _, p := range parks {
			j, err := t.load(p.Job)
			if err == store.ErrNotFound {
				continue
			}
			if err != nil {
				return fmt.Errorf("park job: %w", err)
			}
			if !holdsTicket(&j, p.Ticket) {
				continue
			}
			from := j.Status
			j.Status, j.Ticket, j.Due = flow.Pending, p.Ticket, p.Until
			if err := t.save(&j, from); err != nil {
				return fmt.Errorf("park job: %w", err)
			}
		}
		return nil
	})
}

// holdsTicket says that a ticket is the job's current one: it is PENDING with
// the ticket before or QUEUED with this one.
func holdsTicket(j *flow.Job, ticket int64) bool {
	return !j.Waiting && (j.Status == flow.Pending && j.Ticket == ticket-1 || j.Status == flow.Queued && j.Ticket == ticket)
}
