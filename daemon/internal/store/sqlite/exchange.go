package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Of a job's attempts these are kept.
const (
	keepFirst = 3
	keepLast  = 20
)

// Start implements store.Jobs.
func (st *Store) Start(ctx context.Context, starts []store.Start, now time.Time) ([]store.Started, error) {
	out := make([]store.Started, len(starts))
	err := st.write(ctx, func(t *tx) error {
		for i := range starts {
			r, err := t.start(&starts[i], now)
			if err != nil {
				return fmt.Errorf("start job %s: %w", starts[i].Job, err)
			}
			out[i] = r
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Payloads are read outside the writer. A job that was started keeps its
	// event, so a failure here is the caller's to repeat by its lease.
	if err := st.fillEvents(ctx, out); err != nil {
		return nil, fmt.Errorf("read the events of started jobs: %w", err)
	}
	return out, nil
}

// fillEvents gives the started jobs their events, from memory or from disk.
func (st *Store) fillEvents(ctx context.Context, started []store.Started) error {
	var cold []*store.Started
	for i := range started {
		s := &started[i]
		if s.Result != store.StartOK || s.Job.EventID == 0 {
			continue
		}
		if s.Event = st.cache.get(s.Job.Position); s.Event == nil {
			cold = append(cold, s)
		}
	}
	if len(cold) == 0 {
		return nil
	}
	slices.SortFunc(cold, func(a, b *store.Started) int { return cmp.Compare(a.Job.Position, b.Job.Position) })
	return st.read(ctx, func(c *conn) error {
		rest, err := c.eventRun(cold)
		if err != nil {
			return err
		}
		for _, s := range rest {
			if s.Event, err = c.event(s.Job.Position, true); err != nil {
				return err
			}
		}
		return nil
	})
}

// eventRun reads the events of a backlog in one walk: jobs that start
// together mostly have events that stand together. It gives up when most rows
// on the way are not wanted, and returns what it left.
func (c *conn) eventRun(cold []*store.Started) ([]*store.Started, error) {
	missed, most := 0, len(cold)
	err := c.q("SELECT " + eventCols + ", data FROM events WHERE position BETWEEN ? AND ? ORDER BY position").
		int(cold[0].Job.Position).int(cold[len(cold)-1].Job.Position).each(func(s *sqlite.Stmt) bool {
		at := s.ColumnInt64(0)
		for len(cold) > 0 && cold[0].Job.Position < at {
			cold = cold[1:] // its event is gone
		}
		if len(cold) == 0 || cold[0].Job.Position != at {
			missed++
			return missed <= most
		}
		e := scanEvent(s, true)
		for len(cold) > 0 && cold[0].Job.Position == at {
			cold[0].Event = &e
			cold = cold[1:]
		}
		return len(cold) > 0
	})
	return cold, err
}

func (t *tx) start(s *store.Start, now time.Time) (store.Started, error) {
	j, err := t.load(s.Job)
	if errors.Is(err, store.ErrNotFound) {
		return store.Started{Result: store.StartStale}, nil
	}
	if err != nil {
		return store.Started{}, err
	}
	stale := store.Started{Result: store.StartStale, Job: j}
	from := j.Status
	switch {
	case j.Status == flow.Processing && j.Ticket == s.Ticket:
		if now.Before(j.LeaseUntil) {
			return store.Started{Result: store.StartLeased, Job: j, Until: j.LeaseUntil}, nil
		}
		if j, err = t.lost(j, now); err != nil {
			return store.Started{}, err
		}
		if j.Status != flow.Pending {
			return store.Started{Result: store.StartEnded, Job: j}, nil
		}
	case !holdsTicket(&j, s.Ticket):
		return stale, nil
	}
	if over, late := j.Overdue(now); late {
		if err := t.save(&over, from); err != nil {
			return store.Started{}, err
		}
		return store.Started{Result: store.StartEnded, Job: over}, t.leaveGate(&over, now)
	}
	j = j.Started(s.Ticket, s.Owner, now.Add(j.Policy.Timeout+s.Slack), now)
	return store.Started{Job: j}, t.saveStart(&j, from)
}

// lost records the exchange of a router that has vanished, and saves what
// the job becomes by it.
func (t *tx) lost(j flow.Job, now time.Time) (flow.Job, error) {
	a := j.LostAttempt(now)
	if err := t.insertAttempt(&a); err != nil {
		return j, err
	}
	from := j.Status
	j = j.After(a, now, 0)
	if err := t.save(&j, from); err != nil {
		return j, err
	}
	if j.Status.Final() {
		return j, t.leaveGate(&j, now)
	}
	return j, nil
}

// Record implements store.Jobs.
func (st *Store) Record(ctx context.Context, outcomes []store.Outcome, now time.Time) ([]store.Recorded, error) {
	out := make([]store.Recorded, len(outcomes))
	err := st.write(ctx, func(t *tx) error {
		for i := range outcomes {
			j, err := t.record(&outcomes[i], now)
			if err != nil && !errors.Is(err, store.ErrConflict) {
				return fmt.Errorf("record attempt of job %s: %w", outcomes[i].Job.ID, err)
			}
			out[i] = store.Recorded{Job: j, Err: err}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (t *tx) record(o *store.Outcome, now time.Time) (flow.Job, error) {
	live, err := t.load(o.Job.ID)
	if errors.Is(err, store.ErrNotFound) {
		return o.Job, store.ErrConflict
	}
	if err != nil {
		return live, err
	}
	if live.Status != flow.Processing || live.Attempts != o.Attempt.Number || live.LeaseOwner != o.Owner {
		return live, store.ErrConflict
	}
	j := o.Job.Settled(live.CancelAsked, now)
	if err := t.insertAttempt(&o.Attempt); err != nil {
		return j, err
	}
	if j.Status == flow.Completed {
		err = t.saveDelivered(&j, flow.Processing)
	} else {
		err = t.save(&j, flow.Processing)
	}
	if err != nil || !j.Status.Final() {
		return j, err
	}
	return j, t.leaveGate(&j, now)
}

// attemptDetail is what of an attempt has no column of its own.
type attemptDetail struct {
	Router    string          `json:"r,omitempty"`
	Error     string          `json:"e,omitempty"`
	ErrorType flow.ErrorType  `json:"t,omitempty"`
	Delay     time.Duration   `json:"d,omitempty"`
	Timing    [4]int64        `json:"p,omitzero"` // µs: dns, connect, tls, first byte
	Header    json.RawMessage `json:"h,omitempty"`
}

func (t *tx) insertAttempt(a *flow.Attempt) error {
	detail, err := t.appendDetail(a)
	if err != nil {
		return err
	}
	if err := t.q("INSERT INTO attempts(job, number, at, duration, verdict, status, detail, body) VALUES(?,?,?,?,?,?,?,?)").
		int(int64(a.JobID)).int(int64(a.Number)).int(a.At.UnixMicro()).int(a.Duration.Microseconds()).
		int(int64(a.Verdict)).int(int64(a.Status)).text(string(detail)).blob(a.Body).exec(); err != nil {
		return err
	}
	if a.Number <= keepFirst+keepLast {
		return nil
	}
	return t.q("DELETE FROM attempts WHERE job = ? AND number > ? AND number <= ?").
		int(int64(a.JobID)).int(keepFirst).int(int64(a.Number - keepLast)).exec()
}

// appendDetail writes an attemptDetail. Nearly all attempts have only what is
// plain, and the header is JSON already: then it is put together by hand,
// which costs a tenth.
func (t *tx) appendDetail(a *flow.Attempt) ([]byte, error) {
	timing := [4]int64{a.Timing.DNS.Microseconds(), a.Timing.Connect.Microseconds(), a.Timing.TLS.Microseconds(), a.Timing.FirstByte.Microseconds()}
	if a.Error != "" || a.ErrorType != flow.ErrorNone || a.Delay != 0 || !plain(a.Router) {
		b, err := json.Marshal(attemptDetail{
			Router: a.Router, Error: a.Error, ErrorType: a.ErrorType, Delay: a.Delay, Header: a.Header, Timing: timing,
		})
		if err != nil {
			return nil, fmt.Errorf("encode attempt: %w", err)
		}
		return b, nil
	}
	b := append(t.buf[:0], `{"r":"`...)
	b = append(b, a.Router...)
	b = append(b, `","p":[`...)
	for i, us := range timing {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, us, 10)
	}
	b = append(b, ']')
	if len(a.Header) > 0 {
		b = append(b, `,"h":`...)
		b = append(b, a.Header...)
	}
	t.buf = append(b, '}')
	return t.buf, nil
}

// plain says that a text needs no escapes in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func scanAttempt(id flow.ID, s *sqlite.Stmt) flow.Attempt {
	a := flow.Attempt{
		JobID: id, Number: s.ColumnInt(0), At: time.UnixMicro(s.ColumnInt64(1)).UTC(),
		Duration: time.Duration(s.ColumnInt64(2)) * time.Microsecond,
		Verdict:  flow.Verdict(s.ColumnInt64(3)), Status: s.ColumnInt(4), Body: colBytes(s, 6),
	}
	var d attemptDetail
	if err := json.Unmarshal([]byte(s.ColumnText(5)), &d); err == nil {
		a.Router, a.Error, a.ErrorType, a.Delay, a.Header = d.Router, d.Error, d.ErrorType, d.Delay, d.Header
		us := func(i int) time.Duration { return time.Duration(d.Timing[i]) * time.Microsecond }
		a.Timing = flow.Timing{DNS: us(0), Connect: us(1), TLS: us(2), FirstByte: us(3)}
	}
	return a
}

// Recover implements store.Jobs. Jobs that are out are all in memory.
func (st *Store) Recover(ctx context.Context, staleBefore, now time.Time, limit int) (store.Recovered, error) {
	overdue := func(j *flow.Job) bool {
		return j.Status == flow.Queued && j.QueuedAt.Before(staleBefore) ||
			j.Status == flow.Processing && !now.Before(j.LeaseUntil)
	}
	found := st.live.pick(overdue)
	if len(found) == 0 {
		return store.Recovered{}, st.isClosed()
	}
	var r store.Recovered
	err := st.write(ctx, func(t *tx) error {
		for _, f := range found[:min(limit, len(found))] {
			j, err := t.load(f.ID)
			if err != nil || !overdue(&j) {
				continue // it moved on meanwhile
			}
			if j.Status == flow.Processing {
				if _, err := t.lost(j, now); err != nil {
					return fmt.Errorf("recover job %s: %w", j.ID, err)
				}
				r.Lost++
				continue
			}
			j.Status = flow.Pending
			if err := t.save(&j, flow.Queued); err != nil {
				return fmt.Errorf("recover job %s: %w", j.ID, err)
			}
			r.Stale++
		}
		return nil
	})
	return answer(&r, err)
}

// returnLeases ends the leases of the former owner of the file.
func (t *tx) returnLeases(now time.Time) error {
	ids, err := t.q("SELECT id FROM jobs INDEXED BY jobs_ready WHERE ready = 1 AND status = 12").ids()
	if err != nil {
		return fmt.Errorf("find leases of the former owner: %w", err)
	}
	for _, id := range ids {
		j, err := t.job(&t.st.pol, id)
		if err != nil {
			return fmt.Errorf("return lease of job %s: %w", id, err)
		}
		j.LeaseOwner = "of the former process"
		if _, err := t.lost(j, now); err != nil {
			return fmt.Errorf("return lease of job %s: %w", id, err)
		}
	}
	return nil
}
