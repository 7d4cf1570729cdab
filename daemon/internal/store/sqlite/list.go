package sqlite

import (
	"context"
	"errors"
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
// index that a filter has, and looks at what a row has before it reads the job.
func (st *Store) ListJobs(ctx context.Context, sc store.Scope, q store.JobQuery) (store.JobPage, error) {
	var page store.JobPage
	err := st.snapshot(ctx, func(c *conn) error {
		s := jobSearch{st: st, c: c, sc: sc, q: &q, Search: q.Search}
		if s.Search == nil {
			s.Search = new(store.Search)
		}
		page = store.JobPage{}
		return s.fill(ctx, &page)
	})
	if err != nil {
		return store.JobPage{}, fmt.Errorf("list jobs: %w", err)
	}
	return page, nil
}

// jobSearch looks for the jobs of a page.
type jobSearch struct {
	*store.Search
	st *Store
	c  *conn
	sc store.Scope
	q  *store.JobQuery

	// The event that was looked at last: the jobs of one mostly stand together.
	position int64
	event    *flow.Event // nil: only its type and source are known
	typ, src string
}

func (s *jobSearch) fill(ctx context.Context, page *store.JobPage) error {
	limit := store.PageLimit(s.q.Limit)
	high, low := idRange(s.q.Since, s.q.Until)
	if s.q.Before > 0 {
		high = min(high, int64(s.q.Before))
	}
	sources, err := s.sources(high, low)
	if err != nil {
		return err
	}
	from := merge(sources)
	defer from.close()
	last := s.q.Before
	for n := 0; ; n++ {
		id, row, err := from.next()
		if err != nil || id == 0 {
			return err
		}
		if len(page.Jobs) == limit {
			page.Next = last
			return nil
		}
		if s.Over() {
			page.Next, page.Partial = last, true
			return nil
		}
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		last = id
		v, fits, err := s.look(id, row)
		if err != nil {
			return err
		}
		if !fits {
			s.Miss()
			continue
		}
		page.Jobs = append(page.Jobs, v)
	}
}

// look reads a job if it fits. What memory knows of it counts more than its row.
func (s *jobSearch) look(id flow.ID, row *sqlite.Stmt) (v store.JobView, fits bool, err error) {
	switch j := s.st.live.get(id); {
	case j != nil:
		v.Job = *j
	case row == nil:
		if v.Job, err = s.c.job(&s.st.pol, id); errors.Is(err, store.ErrNotFound) {
			return v, false, nil // it ended between memory's answer and this snapshot, or began after it
		}
	default:
		if fits, err = s.rowFits(row); !fits || err != nil {
			return v, false, err
		}
		v.Job = s.st.pol.scanJob(row)
		err = s.c.fillTask(&v.Job)
	}
	if err != nil || !matchesJob(&v.Job, s.sc, s.q) {
		return v, false, err
	}
	if err := s.head(&v); err != nil {
		return v, false, err
	}
	return v, matchesHead(&v, s.q), nil
}

// rowFits says whether a row of jobCols may be of a job that fits. It reads the
// columns that a filter asks for and no others.
func (s *jobSearch) rowFits(row *sqlite.Stmt) (bool, error) {
	q := s.q
	if len(q.Status) > 0 && !slices.Contains(q.Status, flow.Status(row.ColumnInt64(10)-statusBase)) ||
		(!s.sc.All || len(q.Clients) > 0) && !seen(row.ColumnText(4), s.sc, q.Clients) ||
		q.MessageGroup != "" && q.MessageGroup != row.ColumnText(6) ||
		q.Reason != "" && string(q.Reason) != row.ColumnText(20) ||
		q.SubscriptionID != "" && q.SubscriptionID != flow.SubscriptionOf(row.ColumnText(3)) {
		return false, nil
	}
	if q.Type.Empty() && q.Source == "" || row.ColumnInt64(2) != 0 {
		return true, nil
	}
	if err := s.kindOf(row.ColumnInt64(1)); err != nil {
		return false, err
	}
	return (q.Source == "" || q.Source == s.src) && (q.Type.Empty() || q.Type.Match(s.typ)), nil
}

// seen says whether something of a client is within a scope and a filter.
func seen(client string, sc store.Scope, clients []string) bool {
	return sc.Sees(client) && (len(clients) == 0 || slices.Contains(clients, client))
}

// kindOf looks at the type and source of an event.
func (s *jobSearch) kindOf(position int64) error {
	if position == s.position {
		return nil
	}
	s.position, s.typ, s.src = position, "", ""
	if s.event = s.st.cache.get(position); s.event != nil {
		s.typ, s.src = s.event.Type, s.event.Source
		return nil
	}
	_, err := s.c.q("SELECT type, source FROM events WHERE position = ?").int(position).one(func(row *sqlite.Stmt) {
		s.typ, s.src = row.ColumnText(0), row.ColumnText(1)
	})
	return err
}

// head fills in the head of a job's event.
func (s *jobSearch) head(v *store.JobView) error {
	if v.Job.EventID == 0 {
		return nil
	}
	if s.event == nil || s.event.Position != v.Job.Position {
		if err := s.st.head(s.c, v); err != nil || v.Event == nil {
			return err
		}
		s.position, s.event, s.typ, s.src = v.Job.Position, v.Event, v.Event.Type, v.Event.Source
		return nil
	}
	h := *s.event
	h.Data = nil
	v.Event = &h
	return nil
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

// tail bounds a query of jobs, the newest first.
const tail = " AND id < ? AND id >= ? ORDER BY id DESC"

// sources are where to look for jobs: in the narrowest index that a filter has.
func (s *jobSearch) sources(high, low int64) ([]source, error) {
	c, q := s.c, s.q
	from := func(found stmt) source { return rows{found.int(high).int(low)} }
	switch {
	case q.EventID != 0:
		return []source{from(c.q("SELECT " + jobCols + " FROM jobs WHERE position = ?" + tail).int(int64(q.EventID)))}, nil
	case q.CorrelationID != "":
		return []source{from(c.q("SELECT " + jobCols + " FROM jobs WHERE (position IN (SELECT position FROM events WHERE correlation_id = ?) OR position IN (SELECT job FROM tasks WHERE correlation = ?))" + tail).
			text(q.CorrelationID).text(q.CorrelationID))}, nil
	case !q.OrderKey.IsZero():
		return []source{from(c.q("SELECT " + jobCols + " FROM jobs WHERE order_key = ?" + tail).blob(q.OrderKey[:]))}, nil
	}
	if len(q.Status) > 0 && !slices.Contains(q.Status, flow.Completed) {
		sources, few, err := s.byStatus(high, low)
		if err != nil || few {
			return sources, err
		}
	}
	switch {
	case q.ReplayID != 0:
		return []source{from(c.q("SELECT " + jobCols + " FROM jobs INDEXED BY jobs_replay WHERE replay != 0 AND replay = ?" + tail).int(int64(q.ReplayID)))}, nil
	case q.SubscriptionID != "":
		return []source{
			from(c.q("SELECT " + jobCols + " FROM jobs INDEXED BY jobs_lane WHERE lane = ?" + tail).text(q.SubscriptionID)),
			from(c.q("SELECT " + jobCols + " FROM jobs INDEXED BY jobs_replayed WHERE replay != 0 AND substr(lane, 17) = ?" + tail).text(q.SubscriptionID)),
		}, nil
	}
	clients, named := store.Within(s.sc, q.Clients)
	switch {
	case named && len(clients) == 1:
		return []source{from(c.q("SELECT " + jobCols + " FROM jobs INDEXED BY jobs_client WHERE client_id = ?" + tail).text(clients[0]))}, nil
	case named && len(clients) <= mostClients:
		return c.ofClients("SELECT id FROM jobs INDEXED BY jobs_client WHERE client_id = ?"+tail+" LIMIT ?", clients, high, low), nil
	}
	return []source{from(c.q("SELECT " + jobCols + " FROM jobs WHERE 1" + tail))}, nil
}

// byStatus finds jobs of states that few jobs are in: QUEUED and PROCESSING in
// memory, PENDING in the small indexes of ready and waiting jobs, the others in
// that of what was not delivered. Few is false where too many are PENDING: then
// the newest of them are found by walking all.
func (s *jobSearch) byStatus(high, low int64) (sources []source, few bool, err error) {
	c, q := s.c, s.q
	asked := func(status flow.Status) bool { return slices.Contains(q.Status, status) }
	var open []flow.ID
	if asked(flow.Queued) || asked(flow.Processing) {
		for _, j := range s.st.live.pick(func(j *flow.Job) bool { return isOut(j.Status) && asked(j.Status) }) {
			open = append(open, j.ID)
		}
	}
	if asked(flow.Pending) {
		for _, sql := range []string{
			"SELECT id FROM jobs INDEXED BY jobs_ready WHERE ready = 1 LIMIT ?",
			"SELECT id FROM jobs INDEXED BY jobs_waiting WHERE waiting = 1 LIMIT ?",
		} {
			found, err := c.q(sql).int(store.MaxExamined + 1).ids()
			if err != nil {
				return nil, false, err
			}
			if open = append(open, found...); len(found) > store.MaxExamined {
				return nil, false, nil
			}
		}
	}
	open = slices.DeleteFunc(open, func(id flow.ID) bool { return int64(id) >= high || int64(id) < low })
	open, _ = nearest(open, true, len(open))
	sources = append(sources, &pages{ids: open})
	for _, dead := range []struct {
		status flow.Status
		found  string
	}{
		// A statement each, since they are open at the same time.
		{flow.Failed, "SELECT " + jobCols + " FROM jobs INDEXED BY jobs_dead WHERE status = 14 AND status > 13" + tail},
		{flow.Cancelled, "SELECT " + jobCols + " FROM jobs INDEXED BY jobs_dead WHERE status = 15 AND status > 13" + tail},
		{flow.Expired, "SELECT " + jobCols + " FROM jobs INDEXED BY jobs_dead WHERE status = 16 AND status > 13" + tail},
	} {
		if asked(dead.status) {
			sources = append(sources, rows{c.q(dead.found).int(high).int(low)})
		}
	}
	return sources, true, nil
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
