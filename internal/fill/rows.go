package fill

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
)

// How the store writes a job's state and duration: with these added, so that a row
// keeps its size.
const (
	statusBase   = 10
	durationBase = 1 << 24
)

// The states of jobs, their modes, the verdicts of attempts and the counts of sums,
// as the store numbers them.
const (
	pending, completed, failed, cancelled, expired = 0, 3, 4, 5, 6
	immediate, blockOnError                        = 0, 2
	delivered, retryable                           = 0, 3
	countEvents, countJobs, countCompleted         = 0, 1, 2
)

// One of so many jobs is a dead letter, ended in another way than that, or waits
// for its retry; one of so many events has a group.
const (
	letters = 100
	others  = 700
	waiters = 2000
	ordered = 10
)

// crockford is how ids are written.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func idText(id int64) string {
	var b [13]byte
	for i := 12; i >= 0; i-- {
		b[i] = crockford[id&31]
		id >>= 5
	}
	return string(b[:])
}

// inserts are the statements of the rows.
type inserts struct{ event, job, attempt, gate *sqlite.Stmt }

func (w *filler) prepare() (in inserts, err error) {
	for _, p := range []struct {
		to  **sqlite.Stmt
		sql string
	}{
		{&in.event, "INSERT INTO events(position, type, source, subject, time, client_id, message_group, correlation_id, dedup, created_at, data) VALUES(?,?,?,?,?,?,?,?,?,?,?)"},
		{&in.job, "INSERT INTO jobs(id, position, task, lane, client_id, replay, message_group, mode, order_key, policy, status, ticket, due, waiting, ready, attempts, spent, lost, first_at, last_at, cancel_asked, reason, last_error, created_at, queued_at, completed_at, duration) " +
			"VALUES(?1,?2,0,?3,?4,0,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?14,0,?15,?15,0,?16,?17,?18,?15,?19,?20)"},
		{&in.attempt, "INSERT INTO attempts(job, number, at, duration, verdict, status, detail) VALUES(?,?,?,?,?,?,?)"},
		{&in.gate, "INSERT INTO gates(key, holder, blocked, lane, client_id, message_group) VALUES(?,?,?,?,?,?)"},
	} {
		if *p.to, err = w.c.Prepare(p.sql); err != nil {
			return in, err
		}
	}
	return in, nil
}

// event is what its jobs need to know of one.
type event struct {
	n, position, ms int64
	client, group   string
}

// flow writes events in the order of time, each with its jobs.
func (w *filler) flow() error {
	in, err := w.prepare()
	if err != nil {
		return err
	}
	var jobs ids
	events := (w.sh.Jobs + w.sh.PerEvent - 1) / w.sh.PerEvent
	began := time.Now()
	step := float64(w.sh.Span.Milliseconds()) / float64(events)
	from := w.sh.Until.Add(-w.sh.Span).UnixMilli()
	for n := range events {
		r := w.rand.next()
		e := event{n: int64(n), ms: from + int64(step*float64(n)), client: w.sh.Clients[r%uint64(len(w.sh.Clients))]}
		e.position = w.ids.at(e.ms, r>>20)
		if err := w.event(in.event, &e, r>>8); err != nil {
			return err
		}
		for k := range min(w.sh.PerEvent, w.sh.Jobs-w.done.Jobs) {
			// Neighbours among the subscriptions, so that each has its share.
			lane := w.sh.Subscriptions[(int(r>>40)+k)%len(w.sh.Subscriptions)]
			if err := w.job(in, &e, jobs.at(e.ms+5, w.rand.next()), lane); err != nil {
				return err
			}
		}
		if n%100_000 == 99_999 {
			w.sh.Say("%d jobs of %d, %.0f/s", w.done.Jobs, w.sh.Jobs, float64(w.done.Jobs)/time.Since(began).Seconds())
		}
	}
	return w.blocked(in, &jobs)
}

func (w *filler) event(s *sqlite.Stmt, e *event, r uint64) error {
	typ := w.sh.Types[r%uint64(len(w.sh.Types))]
	correlation := hash("correlation", e.n/6)
	if e.group == "" && e.n%ordered == 0 {
		e.group = fmt.Sprintf("order-%d", (r>>8)%50_000)
	}
	s.BindInt64(1, e.position)
	s.BindText(2, typ)
	s.BindText(3, fmt.Sprintf("/shop/%d", (r>>16)%20))
	s.BindText(4, fmt.Sprintf("customer-%d", (r>>24)%100_000))
	s.BindInt64(5, e.ms)
	s.BindText(6, e.client)
	optional(s, 7, e.group)
	optional(s, 8, map[bool]string{true: correlation}[e.n%2 == 0])
	optional(s, 9, map[bool]string{true: e.client + "/" + hash("event", e.n)}[e.n%3 == 0])
	s.BindInt64(10, e.ms)
	s.BindBytes(11, fmt.Appendf(nil, `{"orderId":"%d","customerId":"customer-%d","total":%d.50,"currency":"EUR","items":[{"sku":"sku-%d","quantity":2},{"sku":"sku-%d","quantity":1}],"shipTo":{"street":"1 Example Street","city":"Exampleton","country":"XX"},"note":"leave it at the door, please"}`,
		e.n, (r>>24)%100_000, r%500, r%977, r%1009))
	w.done.Events++
	w.count(e.ms, countEvents, e.client, typ)
	if e.ms <= w.middle() && e.n%2 == 0 {
		w.done.EventID, w.done.Correlation, w.done.Middle = idText(e.position), correlation, time.UnixMilli(e.ms)
	}
	return end(s)
}

// middle is in the middle of the time.
func (w *filler) middle() int64 { return w.sh.Until.Add(-w.sh.Span / 2).UnixMilli() }

// job writes a job that has ended, or that is tried again tomorrow.
func (w *filler) job(in inserts, e *event, id int64, lane string) error {
	n := w.done.Jobs
	j := job{id: id, lane: lane, status: completed, attempts: 1}
	switch {
	case n%others == 13:
		j.status, j.attempts, j.reason = cancelled, 0, "CANCELLED"
	case n%others == 14:
		j.status, j.attempts, j.reason, j.err = expired, 5, "MAX_AGE", "503 Service Unavailable"
	case n%letters == 7:
		j.status, j.attempts, j.reason, j.err = failed, 5, "RETRIES_EXHAUSTED", "503 Service Unavailable"
	case w.sh.Jobs-n <= w.sh.Jobs/waiters:
		j.status, j.attempts, j.err = pending, 3, "503 Service Unavailable"
		w.done.Pending++
	}
	if e.group != "" && j.status != pending { // an open one would need a gate
		j.key = orderKey(lane, e.client, e.group)
	}
	if e.ms <= w.middle() {
		w.done.JobID = idText(id)
		if j.status == failed {
			w.done.LetterID = idText(id)
		}
		if j.key != nil {
			w.done.OrderKey = hex.EncodeToString(j.key)
		}
	}
	return w.save(in, e, &j)
}

type job struct {
	id               int64
	lane             string
	status, attempts int
	reason, err      string
	key              []byte
	waiting          bool
}

func (w *filler) save(in inserts, e *event, j *job) error {
	at := e.ms + 20 + int64(j.attempts)*60_000
	s := in.job
	s.BindInt64(1, j.id)
	s.BindInt64(2, e.position)
	s.BindText(3, j.lane)
	s.BindText(4, e.client)
	optional(s, 5, e.group)
	s.BindInt64(6, immediate)
	s.BindNull(7)
	if j.key != nil {
		s.BindInt64(6, blockOnError)
		s.BindBytes(7, j.key)
	}
	s.BindInt64(8, w.policy)
	s.BindInt64(9, int64(j.status+statusBase))
	s.BindInt64(10, int64(j.attempts))
	s.BindInt64(11, e.ms)
	if j.status == pending {
		s.BindInt64(11, w.sh.Until.Add(24*time.Hour).UnixMilli())
	}
	s.BindBool(12, j.waiting)
	s.BindBool(13, j.status == pending && !j.waiting)
	s.BindInt64(14, int64(j.attempts))
	s.BindInt64(15, at)
	optional(s, 16, j.reason)
	optional(s, 17, j.err)
	s.BindInt64(18, e.ms+5)
	s.BindInt64(19, at)
	s.BindInt64(20, durationBase+12_000)
	if err := end(s); err != nil {
		return err
	}
	w.done.Jobs++
	w.count(e.ms, countJobs, e.client, j.lane)
	if j.status >= completed {
		w.count(at, countCompleted+j.status-completed, e.client, j.lane)
	}
	if j.status == failed || j.status == expired {
		w.done.Letters++
	}
	for n := range j.attempts {
		verdict, status, detail := retryable, 503, `{"r":"fcd-1","e":"503 Service Unavailable","t":"HTTP_ERROR"}`
		if j.status == completed && n == j.attempts-1 {
			verdict, status, detail = delivered, 200, `{"r":"fcd-1"}`
		}
		a := in.attempt
		a.BindInt64(1, j.id)
		a.BindInt64(2, int64(n+1))
		a.BindInt64(3, (e.ms+20+int64(n)*60_000)*1000)
		a.BindInt64(4, 12_000)
		a.BindInt64(5, int64(verdict))
		a.BindInt64(6, int64(status))
		a.BindText(7, detail)
		if err := end(a); err != nil {
			return err
		}
		w.done.Attempts++
	}
	return nil
}

// blocked writes groups that a dead letter blocks, with what waits behind it.
func (w *filler) blocked(in inserts, jobs *ids) error {
	now := w.sh.Until.UnixMilli()
	for g := range min(w.sh.Jobs/1000, 200) {
		lane, client := w.sh.Subscriptions[g%len(w.sh.Subscriptions)], w.sh.Clients[g%len(w.sh.Clients)]
		for k := range 20 {
			e := event{n: int64(w.done.Events), ms: now, client: client, group: fmt.Sprintf("blocked-%d", g)}
			e.position = w.ids.at(now, w.rand.next())
			if err := w.event(in.event, &e, w.rand.next()); err != nil {
				return err
			}
			j := job{id: jobs.at(now+5, w.rand.next()), lane: lane, key: orderKey(lane, client, e.group), waiting: k > 0}
			if k == 0 {
				j.status, j.attempts, j.reason, j.err = failed, 5, "RETRIES_EXHAUSTED", "503 Service Unavailable"
				s := in.gate
				s.BindBytes(1, j.key)
				s.BindInt64(2, j.id)
				s.BindInt64(3, now)
				s.BindText(4, lane)
				s.BindText(5, client)
				s.BindText(6, e.group)
				if err := end(s); err != nil {
					return err
				}
				w.done.Blocked++
			}
			if err := w.save(in, &e, &j); err != nil {
				return err
			}
		}
	}
	return nil
}

// audit writes what people have done, a hundredth as often as something was
// delivered.
func (w *filler) audit() error {
	s, err := w.c.Prepare("INSERT INTO audit(id, entity_type, entity_id, operation, before, after, principal_id, client_id, performed_at) VALUES(?,?,?,?,?,?,?,?,?)")
	if err != nil {
		return err
	}
	var g ids
	entries := w.sh.Jobs / 100
	for n := range entries {
		r := w.rand.next()
		ms := w.sh.Until.Add(-w.sh.Span).UnixMilli() + w.sh.Span.Milliseconds()/int64(entries)*int64(n)
		id, entity := g.at(ms, r>>20), w.sh.Subscriptions[r%uint64(len(w.sh.Subscriptions))]
		s.BindInt64(1, id)
		s.BindText(2, "Subscription")
		s.BindText(3, entity)
		s.BindText(4, "UPDATE")
		s.BindText(5, fmt.Sprintf(`{"id":%q,"code":"filled","name":"Filled","description":"before %d"}`, entity, n))
		s.BindText(6, fmt.Sprintf(`{"id":%q,"code":"filled","name":"Filled","description":"after %d"}`, entity, n))
		s.BindText(7, idText(int64(r>>40)+1))
		s.BindText(8, w.sh.Clients[r%uint64(len(w.sh.Clients))])
		s.BindInt64(9, ms)
		if err := end(s); err != nil {
			return err
		}
		if n <= entries/2 {
			w.done.AuditID, w.done.EntityID = idText(id), entity
		}
		w.done.Audit++
	}
	return nil
}

func optional(s *sqlite.Stmt, i int, v string) {
	if v == "" {
		s.BindNull(i)
		return
	}
	s.BindText(i, v)
}

// hash is a name as generated ones are: of no order.
func hash(kind string, n int64) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d", kind, n))
	return hex.EncodeToString(h[:12])
}

func orderKey(lane, client, group string) []byte {
	h := sha256.Sum256([]byte(lane + "\x00" + client + "\x00" + group))
	return h[:16]
}
