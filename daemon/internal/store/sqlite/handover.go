package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Lanes implements store.Jobs: it skips from lane to lane in the index of
// ready jobs, so that it costs a seek for each lane and nothing for each job.
func (st *Store) Lanes(ctx context.Context, after string, limit int) ([]store.Lane, error) {
	busy := st.live.lanes()
	i, _ := slices.BinarySearch(busy, after)
	busy = busy[i:]
	var out []store.Lane
	err := st.read(ctx, func(c *conn) error {
		for len(out) < limit && ctx.Err() == nil {
			var lane store.Lane
			found, err := c.q("SELECT lane FROM jobs INDEXED BY jobs_ready WHERE ready = 1 AND lane > ? ORDER BY lane LIMIT 1").text(after).
				one(func(s *sqlite.Stmt) { lane.Name = s.ColumnText(0) })
			if err != nil {
				return err
			}
			for len(busy) > 0 && busy[0] <= after {
				busy = busy[1:]
			}
			if len(busy) > 0 && (!found || busy[0] < lane.Name) {
				lane.Name, found = busy[0], true
			}
			if !found {
				return nil
			}
			after = lane.Name
			if lane.Next, err = st.nextDue(c, lane.Name, -1<<62); err != nil {
				return err
			}
			out = append(out, lane)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list lanes: %w", err)
	}
	return out, nil
}

// nextDue returns when the first PENDING job of a lane is due that is due
// after a time in milliseconds; zero if there is none.
func (st *Store) nextDue(c *conn, lane string, after int64) (due time.Time, err error) {
	err = c.q("SELECT id, due FROM jobs INDEXED BY jobs_ready WHERE ready = 1 AND lane = ? AND due > ? ORDER BY due, position").
		text(lane).int(after).each(func(s *sqlite.Stmt) bool {
		if j := st.live.get(flow.ID(s.ColumnInt64(0))); j != nil && j.Status != flow.Pending {
			return true // out; there are no more of these than the window
		}
		due = colTime(s, 1)
		return false
	})
	return due, err
}

// Offer implements store.Jobs.
func (st *Store) Offer(ctx context.Context, lane string, window int, now time.Time) (store.Offer, error) {
	o := store.Offer{Out: st.live.outOf(lane)}
	room := window - o.Out
	err := st.read(ctx, func(c *conn) error {
		var cold []flow.ID
		if room > 0 {
			o.Jobs = make([]flow.Job, 0, min(room, 64))
			err := c.q("SELECT id FROM jobs INDEXED BY jobs_ready WHERE ready = 1 AND lane = ? AND due <= ? ORDER BY due, position").
				text(lane).int(now.UnixMilli()).each(func(s *sqlite.Stmt) bool {
				id := flow.ID(s.ColumnInt64(0))
				switch j := st.live.get(id); {
				case j == nil:
					cold = append(cold, id)
					o.Jobs = append(o.Jobs, flow.Job{ID: id})
				case j.Status == flow.Pending && !j.Waiting && !j.Due.After(now):
					o.Jobs = append(o.Jobs, *j)
				}
				return len(o.Jobs) < room
			})
			if err != nil {
				return err
			}
		}
		if err := st.warm(c, &o, cold, now); err != nil {
			return err
		}
		next, err := st.nextDue(c, lane, now.UnixMilli())
		o.Next = next
		return err
	})
	if err != nil {
		return store.Offer{}, fmt.Errorf("offer jobs of %s: %w", lane, err)
	}
	return o, nil
}

// warm reads the offered jobs that were not in memory. One that has changed
// since the index was read is left out.
func (st *Store) warm(c *conn, o *store.Offer, cold []flow.ID, now time.Time) error {
	if len(cold) == 0 {
		return nil
	}
	kept := o.Jobs[:0]
	for _, j := range o.Jobs {
		if len(cold) > 0 && cold[0] == j.ID {
			cold = cold[1:]
			read, err := st.current(c, j.ID)
			if err != nil {
				return err
			}
			if read.Status != flow.Pending || read.Waiting || read.Due.After(now) {
				continue
			}
			j = read
		}
		kept = append(kept, j)
	}
	o.Jobs = kept
	return nil
}

// MarkQueued implements store.Jobs.
func (st *Store) MarkQueued(ctx context.Context, tickets []store.Ticket, now time.Time) error {
	if err := st.isClosed(); err != nil {
		return err
	}
	unknown := st.live.markQueued(tickets, now)
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
