package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Job implements store.Jobs.
func (st *Store) Job(ctx context.Context, sc store.Scope, id flow.ID) (store.JobView, error) {
	var v store.JobView
	err := st.snapshot(ctx, func(c *conn) (err error) {
		if v.Job, err = st.current(c, id); err != nil {
			return err
		}
		return st.head(c, &v)
	})
	if err != nil {
		return store.JobView{}, fmt.Errorf("read job: %w", err)
	}
	if !sc.Sees(v.Job.ClientID) {
		return store.JobView{}, store.ErrNotFound
	}
	return v, nil
}

// current is a job as it is now: as memory has it, else as the disk does.
func (st *Store) current(c *conn, id flow.ID) (flow.Job, error) {
	if j := st.live.get(id); j != nil {
		return *j, nil
	}
	return c.job(&st.pol, id)
}

// head fills in the head of a job's event.
func (st *Store) head(c *conn, v *store.JobView) (err error) {
	if v.Job.EventID == 0 {
		return nil
	}
	e := st.cache.get(v.Job.Position)
	if e == nil {
		if e, err = c.event(v.Job.Position, false); err != nil || e == nil {
			return err
		}
	}
	h := *e
	h.Data = nil
	v.Event = &h
	return nil
}

// Attempts implements store.Jobs.
func (st *Store) Attempts(ctx context.Context, sc store.Scope, id flow.ID) ([]flow.Attempt, error) {
	var out []flow.Attempt
	err := st.snapshot(ctx, func(c *conn) error {
		j, err := st.current(c, id)
		if err != nil {
			return err
		}
		if !sc.Sees(j.ClientID) {
			return store.ErrNotFound
		}
		return c.q("SELECT number, at, duration, verdict, status, detail, body FROM attempts WHERE job = ? ORDER BY number").
			int(int64(id)).each(func(s *sqlite.Stmt) bool {
			out = append(out, scanAttempt(id, s))
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	return out, nil
}

// ListJobs implements store.Jobs. It walks ids downwards in the narrowest
// index that a filter has and looks at no more than store.MaxExamined rows.
func (st *Store) ListJobs(ctx context.Context, sc store.Scope, q store.JobQuery) (store.JobPage, error) {
	limit := store.PageLimit(q.Limit)
	high, low := idRange(q.Since, q.Until)
	if q.Before > 0 {
		high = min(high, int64(q.Before))
	}
	var page store.JobPage
	err := st.snapshot(ctx, func(c *conn) error {
		ids, partial, err := st.candidates(c, &q, high, low)
		if err != nil {
			return err
		}
		for i, id := range ids {
			if len(page.Jobs) == limit {
				page.Next = ids[i-1]
				return nil
			}
			if i%256 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			j, err := st.current(c, id)
			if err != nil {
				return err
			}
			if !matchesJob(&j, sc, &q) {
				continue
			}
			v := store.JobView{Job: j}
			if err := st.head(c, &v); err != nil {
				return err
			}
			page.Jobs = append(page.Jobs, v)
		}
		if partial {
			page.Next, page.Partial = ids[len(ids)-1], len(page.Jobs) < limit
		}
		return nil
	})
	if err != nil {
		return store.JobPage{}, fmt.Errorf("list jobs: %w", err)
	}
	return page, nil
}

// candidates returns the ids to look at, newest first, and whether there are
// more beyond the last.
func (st *Store) candidates(c *conn, q *store.JobQuery, high, low int64) (ids []flow.ID, partial bool, err error) {
	const tail = " AND id < ? AND id >= ? ORDER BY id DESC LIMIT ?"
	bounded := func(s stmt) ([]flow.ID, bool, error) {
		ids, err := s.int(high).int(low).int(store.MaxExamined).ids()
		return ids, len(ids) == store.MaxExamined, err
	}
	switch {
	case q.EventID != 0:
		return bounded(c.q("SELECT id FROM jobs WHERE position = ?" + tail).int(int64(q.EventID)))
	case q.CorrelationID != "":
		return bounded(c.q("SELECT id FROM jobs WHERE (position IN (SELECT position FROM events WHERE correlation_id = ?) OR position IN (SELECT job FROM tasks WHERE correlation = ?))" + tail).
			text(q.CorrelationID).text(q.CorrelationID))
	case !q.OrderKey.IsZero():
		return bounded(c.q("SELECT id FROM jobs WHERE order_key = ?" + tail).blob(q.OrderKey[:]))
	case len(q.Status) == 1 && !q.Status[0].Final():
		return st.openCandidates(c, q, high, low)
	case len(q.Status) == 1 && q.Status[0] != flow.Completed:
		return bounded(c.q("SELECT id FROM jobs WHERE status = ? AND status > 13" + tail).int(onDisk(q.Status[0])))
	case q.SubscriptionID != "":
		return bounded(c.q("SELECT id FROM jobs INDEXED BY jobs_lane WHERE lane = ?" + tail).text(q.SubscriptionID))
	}
	return bounded(c.q("SELECT id FROM jobs WHERE 1" + tail))
}

// openCandidates finds the jobs of an open state: QUEUED and PROCESSING in
// memory, PENDING in the small indexes of ready and waiting jobs.
func (st *Store) openCandidates(c *conn, q *store.JobQuery, high, low int64) ([]flow.ID, bool, error) {
	in := func(id flow.ID) bool { return int64(id) < high && int64(id) >= low }
	if q.Status[0] != flow.Pending {
		var ids []flow.ID
		for _, j := range st.live.pick(func(j *flow.Job) bool { return j.Status == q.Status[0] && in(j.ID) }) {
			ids = append(ids, j.ID)
		}
		return newest(ids)
	}
	var ids []flow.ID
	for _, sql := range []string{
		"SELECT id FROM jobs INDEXED BY jobs_ready WHERE ready = 1 LIMIT ?",
		"SELECT id FROM jobs INDEXED BY jobs_waiting WHERE waiting = 1 LIMIT ?",
	} {
		found, err := c.q(sql).int(store.MaxExamined + 1).ids()
		if err != nil {
			return nil, false, err
		}
		ids = append(ids, found...)
	}
	if len(ids) > store.MaxExamined {
		// With a backlog like this the newest jobs are found by walking them.
		rows := c.q("SELECT id FROM jobs WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT ?")
		if q.SubscriptionID != "" {
			rows = c.q("SELECT id FROM jobs INDEXED BY jobs_lane WHERE lane = ? AND id < ? AND id >= ? ORDER BY id DESC LIMIT ?").text(q.SubscriptionID)
		}
		ids, err := rows.int(high).int(low).int(store.MaxExamined).ids()
		return ids, len(ids) == store.MaxExamined, err
	}
	return newest(slices.DeleteFunc(ids, func(id flow.ID) bool { return !in(id) }))
}

func newest(ids []flow.ID) ([]flow.ID, bool, error) {
	slices.SortFunc(ids, func(a, b flow.ID) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	if len(ids) > store.MaxExamined {
		return ids[:store.MaxExamined], true, nil
	}
	return ids, false, nil
}

func matchesJob(j *flow.Job, sc store.Scope, q *store.JobQuery) bool {
	return sc.Sees(j.ClientID) &&
		(len(q.Status) == 0 || slices.Contains(q.Status, j.Status)) &&
		(q.SubscriptionID == "" || q.SubscriptionID == j.SubscriptionID) &&
		(q.EventID == 0 || q.EventID == j.EventID) &&
		(q.ClientID == "" || q.ClientID == j.ClientID) &&
		(q.MessageGroup == "" || q.MessageGroup == j.MessageGroup) &&
		(q.OrderKey.IsZero() || q.OrderKey == j.OrderKey)
}
