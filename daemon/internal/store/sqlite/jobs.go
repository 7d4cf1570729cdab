package sqlite

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

const jobCols = "id, position, task, lane, client_id, replay, message_group, mode, order_key, policy, " +
	"status, ticket, due, waiting, attempts, spent, lost, first_at, last_at, cancel_asked, " +
	"reason, last_error, created_at, queued_at, completed_at, expires_at, duration"

// A row of jobs keeps its size from its insert to its delivery, so that the
// two updates in between are written over what is there and never make a page
// too full. For that a status is stored plus statusBase and a duration plus
// durationBase, since SQLite stores small integers in fewer bytes, and times
// that are not known yet hold the place with the time of the insert. What of
// them counts is told by the job's state.
const (
	statusBase   = 10
	durationBase = 1 << 24 // µs
)

// scanJob reads jobCols, without what a task carries.
func (p *policies) scanJob(s *sqlite.Stmt) flow.Job {
	j := flow.Job{
		ID: flow.ID(s.ColumnInt64(0)), Position: s.ColumnInt64(1), Lane: s.ColumnText(3), ClientID: s.ColumnText(4),
		ReplayID: flow.ID(s.ColumnInt64(5)), MessageGroup: s.ColumnText(6), Mode: flow.Mode(s.ColumnInt64(7)),
		Policy: p.get(s.ColumnInt64(9)),
		Status: flow.Status(s.ColumnInt64(10) - statusBase), Ticket: s.ColumnInt64(11), Due: colTime(s, 12), Waiting: s.ColumnInt64(13) != 0,
		Attempts: s.ColumnInt(14), Spent: s.ColumnInt(15), Lost: s.ColumnInt(16),
		FirstAttemptAt: colTime(s, 17), LastAttemptAt: colTime(s, 18),
		CancelAsked: s.ColumnInt64(19) != 0, Reason: flow.Reason(s.ColumnText(20)), LastError: s.ColumnText(21),
		CreatedAt: colTime(s, 22), QueuedAt: colTime(s, 23), CompletedAt: colTime(s, 24), ExpiresAt: colTime(s, 25),
		Duration: time.Duration(s.ColumnInt64(26)-durationBase) * time.Microsecond,
	}
	if j.Attempts == 0 {
		j.FirstAttemptAt, j.LastAttemptAt, j.Duration = time.Time{}, time.Time{}, 0
	}
	if j.Ticket == 0 {
		j.QueuedAt = time.Time{}
	}
	if !j.Status.Final() {
		j.CompletedAt = time.Time{}
	}
	s.ColumnBytes(8, j.OrderKey[:])
	if s.ColumnInt64(2) == 0 {
		j.EventID, j.SubscriptionID = flow.ID(j.Position), flow.SubscriptionOf(j.Lane)
	} else {
		j.Task = &flow.Task{}
	}
	return j
}

// job reads one job, with what a task carries.
func (c *conn) job(p *policies, id flow.ID) (flow.Job, error) {
	var j flow.Job
	found, err := c.q("SELECT " + jobCols + " FROM jobs WHERE id = ?").int(int64(id)).
		one(func(s *sqlite.Stmt) { j = p.scanJob(s) })
	if err != nil {
		return j, err
	}
	if !found {
		return j, store.ErrNotFound
	}
	return j, c.fillTask(&j)
}

func (c *conn) fillTask(j *flow.Job) error {
	if j.Task == nil {
		return nil
	}
	var body string
	if _, err := c.q("SELECT body FROM tasks WHERE job = ?").int(int64(j.ID)).
		one(func(s *sqlite.Stmt) { body = s.ColumnText(0) }); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(body), j.Task); err != nil {
		return fmt.Errorf("read task %s: %w", j.ID, err)
	}
	return nil
}

// insertJob creates a job and takes its gate if it is free. It is false when
// (event, subscription, replay) has a job already.
func (t *tx) insertJob(j *flow.Job, now time.Time) (bool, error) {
	policy, err := t.policy(j.Policy)
	if err != nil {
		return false, err
	}
	j.ID = t.st.ids.New(now)
	j.CreatedAt = now.Truncate(time.Millisecond).UTC()
	if j.Task != nil {
		j.Position = int64(j.ID)
	}
	if j.Due.IsZero() {
		j.Due = j.CreatedAt
	}
	if j.Ordered() {
		if j.Waiting, err = t.wantsGate(j); err != nil {
			return false, err
		}
	}
	err = t.q("INSERT INTO jobs(" + jobCols + ", ready) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,0,?12,?13,0,0,0,?14,?14,0,NULL,NULL,?14,?14,?14,?15,?16,?17) ON CONFLICT(position, lane, replay) DO NOTHING").
		int(int64(j.ID)).int(j.Position).bool(j.Task != nil).text(j.Lane).opt(j.ClientID).int(int64(j.ReplayID)).opt(j.MessageGroup).
		int(int64(j.Mode)).blob(keyBytes(j.OrderKey)).int(policy).int(onDisk(flow.Pending)).
		after(j.Due).bool(j.Waiting).time(j.CreatedAt).time(j.ExpiresAt).int(durationBase).bool(!j.Waiting).exec()
	if err != nil || t.c.Changes() == 0 {
		return false, err
	}
	if j.Ordered() && !j.Waiting {
		if err := t.takeGate(j); err != nil {
			return false, err
		}
	}
	t.notes.open++
	t.roll(j.CreatedAt, store.CountJobs, j.ClientID, j.SubscriptionID)
	t.put(j)
	if !j.Waiting {
		t.wake(j.Lane)
	}
	return true, nil
}

func keyBytes(k flow.OrderKey) []byte {
	if k.IsZero() {
		return nil
	}
	return k[:]
}

// save writes the part of a job that changes. From is the state in which the
// job was.
func (t *tx) save(j *flow.Job, from flow.Status) error {
	t.became(j, from)
	return t.q("UPDATE jobs SET status=?, ticket=?, due=?, waiting=?, ready=?, attempts=?, spent=?, lost=?, first_at=?, last_at=?, " +
		"cancel_asked=?, reason=?, last_error=?, queued_at=?, completed_at=?, expires_at=?, duration=? WHERE id=?").
		int(onDisk(j.Status)).int(j.Ticket).after(j.Due).bool(j.Waiting).bool(!j.Waiting && !j.Status.Final()).
		int(int64(j.Attempts)).int(int64(j.Spent)).int(int64(j.Lost)).
		time(j.FirstAttemptAt).time(j.LastAttemptAt).bool(j.CancelAsked).
		opt(string(j.Reason)).opt(j.LastError).time(j.QueuedAt).time(j.CompletedAt).time(j.ExpiresAt).
		int(j.Duration.Microseconds() + durationBase).int(int64(j.ID)).exec()
}

// saveStart is save for the change that Start makes of most jobs. It touches
// no indexed column, so that no index is written.
func (t *tx) saveStart(j *flow.Job, from flow.Status) error {
	t.became(j, from)
	return t.q("UPDATE jobs SET status=12, ticket=?, attempts=?, first_at=?, last_at=?, queued_at=? WHERE id=?").
		int(j.Ticket).int(int64(j.Attempts)).time(j.FirstAttemptAt).time(j.LastAttemptAt).time(j.QueuedAt).int(int64(j.ID)).exec()
}

// saveDelivered is save for the end of most jobs.
func (t *tx) saveDelivered(j *flow.Job, from flow.Status) error {
	t.became(j, from)
	return t.q("UPDATE jobs SET status=13, ready=0, spent=?, lost=0, cancel_asked=0, last_error=NULL, completed_at=?, duration=? WHERE id=?").
		int(int64(j.Spent)).time(j.CompletedAt).int(j.Duration.Microseconds() + durationBase).int(int64(j.ID)).exec()
}

func (t *tx) became(j *flow.Job, from flow.Status) {
	if j.Status != from {
		t.count(j, from)
	}
	t.put(j)
	t.wake(j.Lane)
}

// onDisk is the state as it is written: QUEUED is known to memory only.
func onDisk(s flow.Status) int64 {
	if s == flow.Queued {
		s = flow.Pending
	}
	return int64(s) + statusBase
}

// policies keeps each distinct retry policy once, in the database and in
// memory; a job names it by number.
type policies struct {
	mu     sync.RWMutex
	byID   map[int64]flow.Policy
	byBody map[string]int64
	recent flow.Policy // the last one asked for, and its number
	number int64
}

func (p *policies) init() {
	p.byID, p.byBody = map[int64]flow.Policy{}, map[string]int64{}
}

func (p *policies) load(s *sqlite.Stmt) bool {
	var v flow.Policy
	if err := json.Unmarshal([]byte(s.ColumnText(1)), &v); err == nil {
		p.byID[s.ColumnInt64(0)], p.byBody[s.ColumnText(1)] = v, s.ColumnInt64(0)
	}
	return true
}

func (p *policies) get(id int64) flow.Policy {
	p.mu.RLock()
	defer p.mu.RUnlock()
	v, ok := p.byID[id]
	if !ok {
		v = flow.DefaultPolicy()
	}
	return v
}

// policy returns the number of a policy, giving it one if it is new. Memory
// learns of a new one only with the commit.
func (t *tx) policy(v flow.Policy) (int64, error) {
	p := &t.st.pol
	if p.number != 0 && p.recent.Equal(v) {
		return p.number, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("encode retry policy: %w", err)
	}
	body := string(b)
	p.mu.RLock()
	id, known := p.byBody[body]
	p.mu.RUnlock()
	if !known {
		if err := t.q("INSERT INTO policies(body) VALUES(?) ON CONFLICT(body) DO NOTHING").text(body).exec(); err != nil {
			return 0, err
		}
		if id, err = t.q("SELECT id FROM policies WHERE body = ?").text(body).number(); err != nil {
			return 0, err
		}
		t.notes.then = append(t.notes.then, func() {
			p.mu.Lock()
			p.byID[id], p.byBody[body] = v, id
			p.mu.Unlock()
		})
		return id, nil
	}
	p.recent, p.number = v, id
	return id, nil
}
