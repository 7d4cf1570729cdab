package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Erasable implements store.Expunges. Events and tasks have ids of one sort, so
// that one walk upwards meets both.
func (st *Store) Erasable(ctx context.Context, sc store.Scope, q store.EraseQuery) (store.ErasePage, error) {
	var page store.ErasePage
	err := st.snapshot(ctx, func(c *conn) (err error) {
		page, err = c.erasable(ctx, sc, &q)
		return err
	})
	if err != nil {
		return store.ErasePage{}, fmt.Errorf("look for what to expunge: %w", err)
	}
	return page, nil
}

func (c *conn) erasable(ctx context.Context, sc store.Scope, q *store.EraseQuery) (store.ErasePage, error) {
	page := store.ErasePage{Next: q.After}
	before, _ := idRange(time.Time{}, q.Before)
	last, limit := min(q.To, before-1), store.PageLimit(q.Limit)
	// Up to where this page looks: what the fan-out has not passed comes later.
	fanned, err := c.q("SELECT value FROM meta WHERE key = 'fanned'").number()
	if err != nil {
		return page, err
	}
	end := last
	if fanned < last {
		ahead, err := c.q("SELECT 1 FROM events WHERE position > ? AND position <= ? LIMIT 1").int(max(q.After, fanned)).int(last).number()
		if err != nil {
			return page, err
		}
		if ahead != 0 {
			end = fanned
		}
	}
	if end <= q.After {
		page.Done = last <= q.After
		return page, nil
	}
	rows := c.q("SELECT position, client_id, type, source, subject, message_group FROM events WHERE position > ? AND position <= ? ORDER BY position")
	if q.ClientID != "" {
		rows = c.q("SELECT position, client_id, type, source, subject, message_group FROM events INDEXED BY events_client WHERE client_id = ? AND position > ? AND position <= ? ORDER BY position").text(q.ClientID)
	}
	walk := func(rows stmt, task bool) error {
		examined, found, at := 0, 0, q.After
		err := rows.int(q.After).int(end).each(func(s *sqlite.Stmt) bool {
			if examined == store.MaxExamined || found == limit {
				end = at
				return false
			}
			examined++
			at = s.ColumnInt64(0)
			source, subject := s.ColumnText(3), s.ColumnText(4)
			if q.Fits(sc, s.ColumnText(1), s.ColumnText(2), source, subject, s.ColumnText(5)) {
				page.Found = append(page.Found, store.Erasable{ID: flow.ID(at), Task: task})
				found++
			}
			return ctx.Err() == nil
		})
		page.Examined += examined
		if err == nil {
			err = ctx.Err()
		}
		return err
	}
	if err := walk(rows, false); err != nil {
		return page, err
	}
	if err := walk(c.q("SELECT tasks.job, jobs.client_id, body ->> 'code', body ->> 'source', body ->> 'subject', jobs.message_group FROM tasks JOIN jobs ON jobs.id = tasks.job WHERE tasks.job > ? AND tasks.job <= ? ORDER BY tasks.job"), true); err != nil {
		return page, err
	}
	slices.SortFunc(page.Found, func(a, b store.Erasable) int { return int(min(max(int64(a.ID)-int64(b.ID), -1), 1)) })
	if len(page.Found) > limit {
		end = min(end, int64(page.Found[limit-1].ID))
	}
	page.Found = slices.DeleteFunc(page.Found, func(f store.Erasable) bool { return int64(f.ID) > end })
	page.Next, page.Done = end, end >= last
	for i := range page.Found {
		f := &page.Found[i]
		if f.Open, err = c.openWork(int64(f.ID), f.Task); err != nil {
			return page, err
		}
	}
	return page, nil
}

// openWork says whether a job of an event, or a task, is open or blocks its
// order key.
func (c *conn) openWork(id int64, task bool) (bool, error) {
	rows := c.q("SELECT EXISTS(SELECT 1 FROM jobs INDEXED BY jobs_event WHERE position = ?1 AND (status < 13 OR " +
		"order_key IS NOT NULL AND EXISTS(SELECT 1 FROM gates WHERE gates.key = jobs.order_key AND gates.holder = jobs.id)))")
	if task {
		rows = c.q("SELECT EXISTS(SELECT 1 FROM jobs WHERE id = ?1 AND (status < 13 OR " +
			"order_key IS NOT NULL AND EXISTS(SELECT 1 FROM gates WHERE gates.key = jobs.order_key AND gates.holder = jobs.id)))")
	}
	n, err := rows.int(id).number()
	return n != 0, err
}

// errBusy ends a step before a row of which a job is in an exchange.
var errBusy = errors.New("a job is in an exchange")

// Erase implements store.Expunges. Meanwhile SQLite writes zeros over what it
// frees; elsewhere that would cost every delivery.
func (st *Store) Erase(ctx context.Context, e store.Erase, now time.Time) (store.Progress, error) {
	var p store.Progress
	err := st.write(ctx, func(t *tx) (err error) {
		if err := t.run("PRAGMA secure_delete=ON"); err != nil {
			return fmt.Errorf("expunge: %w", err)
		}
		p, err = t.erase(&e, now)
		if off := t.run("PRAGMA secure_delete=OFF"); err == nil && off != nil {
			err = fmt.Errorf("expunge: %w", off)
		}
		return err
	})
	return answer(&p, err)
}

func (t *tx) erase(e *store.Erase, now time.Time) (store.Progress, error) {
	p, err := t.progress(e.Work)
	if err != nil {
		return p, fmt.Errorf("expunge %s: %w", e.Work, err)
	}
	if p.Cursor != e.From {
		return p, store.ErrConflict
	}
	to, examined := e.To, e.Examined
	if to < e.From {
		return p, fmt.Errorf("expunge %s: its cursor would go back from %d to %d", e.Work, e.From, to)
	}
	for _, id := range e.Rows {
		err := t.eraseRow(id, e.CancelOpen, &p.Erased, now)
		if errors.Is(err, errBusy) {
			// Whoever reads past this place reads it again.
			to, examined = max(int64(id)-1, e.From), 0
			break
		}
		if err != nil {
			return p, fmt.Errorf("expunge %s: %w", id, err)
		}
	}
	erased, err := json.Marshal(p.Erased)
	if err != nil {
		return p, err
	}
	if err := t.q("INSERT INTO works(id, cursor, examined, created, completed, failed, cancelled, expired, erased) VALUES(?1,?2,?3,0,0,0,0,0,?4) " +
		"ON CONFLICT(id) DO UPDATE SET cursor = ?2, examined = examined + ?3, erased = ?4").
		int(int64(e.Work)).int(to).int(int64(examined)).text(string(erased)).exec(); err != nil {
		return p, fmt.Errorf("expunge %s: %w", e.Work, err)
	}
	return t.progress(e.Work)
}

// eraseRow removes what an event or a task carries, and what its jobs keep of
// it.
func (t *tx) eraseRow(id flow.ID, cancel bool, n *store.Erased, now time.Time) error {
	e, err := t.event(int64(id), true)
	if err != nil {
		return err
	}
	jobs := []flow.ID{id}
	if e != nil {
		if jobs, err = t.q("SELECT id FROM jobs INDEXED BY jobs_event WHERE position = ?").int(int64(id)).ids(); err != nil {
			return err
		}
	}
	ended, err := t.endWork(jobs, cancel, n, now)
	if err != nil {
		return err
	}
	n.Matched++
	if !ended {
		n.Kept++
		return nil
	}
	removed := false
	if e != nil {
		removed, err = t.eraseEvent(e)
		n.Events += count(removed)
	} else {
		removed, err = t.eraseTask(int64(id))
		n.Tasks += count(removed)
	}
	for _, job := range jobs {
		if err == nil {
			err = t.eraseJob(int64(job), n)
		}
	}
	return err
}

func count(did bool) int64 {
	if did {
		return 1
	}
	return 0
}

// endWork ends what is open of some jobs if it may, and says whether nothing is
// open any more.
func (t *tx) endWork(jobs []flow.ID, cancel bool, n *store.Erased, now time.Time) (bool, error) {
	busy := false
	for _, id := range jobs {
		j, err := t.load(id)
		if errors.Is(err, store.ErrNotFound) {
			continue // retention was here before
		}
		if err != nil {
			return false, err
		}
		blocks, err := t.openWork(int64(id), true)
		if err != nil {
			return false, err
		}
		if j.Status.Final() && !blocks {
			continue
		}
		if !cancel {
			return false, nil
		}
		if j.Status.Final() {
			_, _, err = t.act(store.Everything, id, flow.LettersDiscard, "", now)
			n.Cancelled++
		} else {
			asked := j.CancelAsked
			j, err = t.cancel(j, flow.ReasonCancelled, now)
			n.Cancelled += count(!asked)
			busy = busy || !j.Status.Final()
		}
		if err != nil {
			return false, err
		}
	}
	if busy {
		return false, errBusy
	}
	return true, nil
}

// eraseEvent says whether there was anything to remove.
func (t *tx) eraseEvent(e *flow.Event) (bool, error) {
	same := sameAs(e.Subject, e.MessageGroup)
	if e.Data == nil && e.Expunged && e.Subject == "" && e.MessageGroup == "" && len(e.ContextData) == 0 {
		return false, nil
	}
	for _, id := range []*string{&e.CorrelationID, &e.CausationID, &e.CloudEventID} {
		if same(*id) {
			*id = ""
		}
	}
	e.Data, e.Expunged, e.Subject, e.MessageGroup, e.ContextData = nil, true, "", "", nil
	x, err := packExtra(e)
	if err != nil {
		return false, err
	}
	t.notes.then = append(t.notes.then, func() { t.st.cache.replace(e.Position, e) })
	return true, t.q("UPDATE events SET data = NULL, subject = NULL, message_group = NULL, correlation_id = ?, extra = ? WHERE position = ?").
		opt(e.CorrelationID).text(x).int(e.Position).exec()
}

// sameAs compares with what names a person.
func sameAs(names ...string) func(string) bool {
	return func(s string) bool { return s != "" && slices.Contains(names, s) }
}

func (t *tx) eraseTask(id int64) (bool, error) {
	var body, group string
	found, err := t.q("SELECT body, jobs.message_group FROM tasks JOIN jobs ON jobs.id = tasks.job WHERE tasks.job = ?").int(id).
		one(func(s *sqlite.Stmt) { body, group = s.ColumnText(0), s.ColumnText(1) })
	if err != nil || !found {
		return false, err
	}
	var task flow.Task
	if err := json.Unmarshal([]byte(body), &task); err != nil {
		return false, fmt.Errorf("read task %s: %w", flow.ID(id), err)
	}
	same := sameAs(task.Subject, group)
	for _, name := range []*string{&task.CorrelationID, &task.ExternalID, &task.EventID} {
		if same(*name) {
			*name = ""
		}
	}
	task.Payload, task.Expunged, task.Subject, task.Headers, task.Metadata = "", true, "", nil, nil
	after, err := json.Marshal(task)
	if err != nil || string(after) == body {
		return false, err
	}
	return true, t.q("UPDATE tasks SET body = ?, correlation = ? WHERE job = ?").text(string(after)).opt(task.CorrelationID).int(id).exec()
}

// eraseJob removes what a job that has ended and its attempts say of the
// payload. Such a job is in no memory.
func (t *tx) eraseJob(id int64, n *store.Erased) error {
	if err := t.q("UPDATE jobs SET message_group = NULL, last_error = NULL WHERE id = ? AND (message_group IS NOT NULL OR last_error IS NOT NULL)").int(id).exec(); err != nil {
		return err
	}
	type row struct {
		number int64
		detail string
	}
	var rows []row
	err := t.q("SELECT number, detail, body IS NOT NULL FROM attempts WHERE job = ?").int(id).each(func(s *sqlite.Stmt) bool {
		detail := s.ColumnText(1)
		if s.ColumnInt64(2) != 0 || strings.Contains(detail, `"h":`) || strings.Contains(detail, `"e":`) {
			rows = append(rows, row{s.ColumnInt64(0), detail})
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		var d attemptDetail
		if err := json.Unmarshal([]byte(r.detail), &d); err != nil {
			d = attemptDetail{} // damaged: nothing of it stays
		}
		d.Header, d.Error = nil, ""
		detail, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if err := t.q("UPDATE attempts SET body = NULL, detail = ? WHERE job = ? AND number = ?").text(string(detail)).int(id).int(r.number).exec(); err != nil {
			return err
		}
		n.Attempts++
	}
	return nil
}
