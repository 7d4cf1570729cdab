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
		ids, partial, err := st.candidates(c, sc, &q, high, low)
		if err != nil {
			return err
		}
		return st.fillPage(ctx, c, &page, ids, partial, limit, func(j *flow.Job) bool { return matchesJob(j, sc, &q) }, &q)
	})
	if err != nil {
		return store.JobPage{}, fmt.Errorf("list jobs: %w", err)
	}
	return page, nil
}

// fillPage reads the candidates of a page and keeps those that fit.
func (st *Store) fillPage(ctx context.Context, c *conn, page *store.JobPage, ids []flow.ID, partial bool, limit int, fits func(*flow.Job) bool, q *store.JobQuery) error {
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
		if !fits(&j) {
			continue
		}
		v := store.JobView{Job: j}
		if err := st.head(c, &v); err != nil {
			return err
		}
		if matchesHead(&v, q) {
			page.Jobs = append(page.Jobs, v)
		}
	}
	if partial {
		page.Next, page.Partial = ids[len(ids)-1], len(page.Jobs) < limit
	}
	return nil
}

// candidates returns the ids to look at, newest first, and whether there may be
// more beyond the last.
func (st *Store) candidates(c *conn, sc store.Scope, q *store.JobQuery, high, low int64) (ids []flow.ID, partial bool, err error) {
	switch {
	case q.EventID != 0, q.CorrelationID != "", !q.OrderKey.IsZero():
	case len(q.Status) == 1 && !q.Status[0].Final():
		return st.openCandidates(c, sc, q, high, low)
	case len(q.Status) > 0 && !slices.ContainsFunc(q.Status, func(s flow.Status) bool { return !s.DeadLetter() }):
		return c.letters(q, high, low, true, store.MaxExamined)
	case len(q.Status) == 1 && q.Status[0] == flow.Cancelled:
		return c.newest(c.q("SELECT id FROM jobs WHERE status = ? AND status > 13"+tail).int(onDisk(flow.Cancelled)), high, low)
	}
	return c.indexed(sc, q, high, low)
}

// tail bounds a query of ids.
const tail = " AND id < ? AND id >= ? ORDER BY id DESC LIMIT ?"

// newest runs a query with a tail.
func (c *conn) newest(s stmt, high, low int64) ([]flow.ID, bool, error) {
	ids, err := s.int(high).int(low).int(store.MaxExamined).ids()
	return ids, len(ids) == store.MaxExamined, err
}

// indexed finds jobs of any state in the narrowest index that a filter has.
func (c *conn) indexed(sc store.Scope, q *store.JobQuery, high, low int64) ([]flow.ID, bool, error) {
	switch {
	case q.EventID != 0:
		return c.newest(c.q("SELECT id FROM jobs WHERE position = ?"+tail).int(int64(q.EventID)), high, low)
	case q.CorrelationID != "":
		return c.newest(c.q("SELECT id FROM jobs WHERE (position IN (SELECT position FROM events WHERE correlation_id = ?) OR position IN (SELECT job FROM tasks WHERE correlation = ?))"+tail).
			text(q.CorrelationID).text(q.CorrelationID), high, low)
	case !q.OrderKey.IsZero():
		return c.newest(c.q("SELECT id FROM jobs WHERE order_key = ?"+tail).blob(q.OrderKey[:]), high, low)
	case q.ReplayID != 0:
		return c.newest(c.q("SELECT id FROM jobs INDEXED BY jobs_replay WHERE replay != 0 AND replay = ?"+tail).int(int64(q.ReplayID)), high, low)
	case q.SubscriptionID != "":
		ids, _, err := c.newest(c.q("SELECT id FROM jobs INDEXED BY jobs_lane WHERE lane = ?"+tail).text(q.SubscriptionID), high, low)
		if err != nil {
			return nil, false, err
		}
		replayed, _, err := c.newest(c.q("SELECT id FROM jobs INDEXED BY jobs_replayed WHERE replay != 0 AND substr(lane, 17) = ?"+tail).text(q.SubscriptionID), high, low)
		if err != nil {
			return nil, false, err
		}
		ids, partial := nearest(append(ids, replayed...), true, store.MaxExamined)
		return ids, partial, nil
	}
	if clients, named := store.Within(sc, q.Clients); named && len(clients) <= mostClients {
		return c.ofClients("SELECT id FROM jobs INDEXED BY jobs_client WHERE client_id = ?"+tail, clients, high, low, max(store.MaxExamined/max(len(clients), 1), store.PageLimit(q.Limit)+1))
	}
	return c.newest(c.q("SELECT id FROM jobs WHERE 1"+tail), high, low)
}

// openCandidates finds the jobs of an open state: QUEUED and PROCESSING in
// memory, PENDING in the small indexes of ready and waiting jobs.
func (st *Store) openCandidates(c *conn, sc store.Scope, q *store.JobQuery, high, low int64) ([]flow.ID, bool, error) {
	in := func(id flow.ID) bool { return int64(id) < high && int64(id) >= low }
	if q.Status[0] != flow.Pending {
		var ids []flow.ID
		for _, j := range st.live.pick(func(j *flow.Job) bool { return j.Status == q.Status[0] && in(j.ID) }) {
			ids = append(ids, j.ID)
		}
		ids, partial := nearest(ids, true, store.MaxExamined)
		return ids, partial, nil
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
		return c.indexed(sc, q, high, low)
	}
	ids, partial := nearest(slices.DeleteFunc(ids, func(id flow.ID) bool { return !in(id) }), true, store.MaxExamined)
	return ids, partial, nil
}

// nearest sorts what several queries have found and leaves as many as may be
// looked at. Each of them stopped at that number, so that nothing that comes
// before the last is missing.
func nearest(ids []flow.ID, newestFirst bool, most int) (near []flow.ID, more bool) {
	slices.Sort(ids)
	if newestFirst {
		slices.Reverse(ids)
	}
	ids = slices.Compact(ids)
	return ids[:min(len(ids), most)], len(ids) >= most
}

func matchesJob(j *flow.Job, sc store.Scope, q *store.JobQuery) bool {
	return sc.Sees(j.ClientID) &&
		(len(q.Status) == 0 || slices.Contains(q.Status, j.Status)) &&
		(q.SubscriptionID == "" || q.SubscriptionID == j.SubscriptionID) &&
		(q.EventID == 0 || q.EventID == j.EventID) &&
		(len(q.Clients) == 0 || slices.Contains(q.Clients, j.ClientID)) &&
		(q.MessageGroup == "" || q.MessageGroup == j.MessageGroup) &&
		(q.Reason == "" || q.Reason == j.Reason) &&
		(q.ReplayID == 0 || q.ReplayID == j.ReplayID) &&
		(q.OrderKey.IsZero() || q.OrderKey == j.OrderKey)
}

// matchesHead is what needs a job's event, or what a task says of itself.
func matchesHead(v *store.JobView, q *store.JobQuery) bool {
	var typ, source string
	switch {
	case v.Event != nil:
		typ, source = v.Event.Type, v.Event.Source
	case v.Job.Task != nil:
		typ, source = v.Job.Task.Code, v.Job.Task.Source
	}
	return (q.Source == "" || q.Source == source) && (q.Type.Empty() || q.Type.Match(typ))
}

// ofClients merges what an index has of several clients, newest first: at most
// so many, which is also what it looks at of each.
func (c *conn) ofClients(sql string, clients []string, high, low int64, most int) ([]flow.ID, bool, error) {
	var ids []flow.ID
	for _, client := range clients {
		found, err := c.q(sql).text(client).int(high).int(low).int(int64(most)).ids()
		if err != nil {
			return nil, false, err
		}
		ids = append(ids, found...)
	}
	ids, more := nearest(ids, true, most)
	return ids, more, nil
}

// mostClients is how many clients are looked for one by one. Who sees more than
// that finds enough among all.
const mostClients = 64
