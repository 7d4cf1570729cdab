package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// model is the contract in its plainest form: jobs in a slice, gates in a
// map, flow's own state machine, and no thought of speed.
type model struct {
	events []flow.Event // not fanned out yet
	fanned []flow.Event // by position
	works  map[flow.ID]*modelWork
	jobs   []*flow.Job // in the order in which they were made
	gates  map[flow.OrderKey]*modelGate
	// anyDue are PENDING jobs whose due time the contract leaves open; it
	// is only known not to be in the future.
	anyDue map[flow.ID]bool
	// anyTicket are jobs that were QUEUED when their single owner ended. A
	// backend may have forgotten the hand-over or may count it.
	anyTicket map[flow.ID]bool
}

type modelGate struct {
	holder  flow.ID
	blocked bool
	since   time.Time // when it was blocked
}

func newModel() *model {
	return &model{works: map[flow.ID]*modelWork{}, gates: map[flow.OrderKey]*modelGate{}, anyDue: map[flow.ID]bool{}, anyTicket: map[flow.ID]bool{}}
}

func (m *model) job(id flow.ID) *flow.Job {
	for _, j := range m.jobs {
		if j.ID == id {
			return j
		}
	}
	return nil
}

// add takes in a new job, which takes its gate or waits.
func (m *model) add(j flow.Job) {
	if j.Ordered() {
		if m.gates[j.OrderKey] == nil {
			m.gates[j.OrderKey] = &modelGate{holder: j.ID}
		} else {
			j.Waiting = true
		}
	}
	m.jobs = append(m.jobs, &j)
}

// set stores a job's new state and does what its end means for its gate.
func (m *model) set(j flow.Job) {
	*m.job(j.ID) = j
	delete(m.anyDue, j.ID)
	g := m.gates[j.OrderKey]
	if !j.Status.Final() || g == nil || g.holder != j.ID {
		return
	}
	if !j.Opens() {
		g.blocked, g.since = true, j.CompletedAt
		return
	}
	var next *flow.Job
	for _, o := range m.jobs {
		if o.OrderKey == j.OrderKey && o.Waiting && (next == nil || o.Position < next.Position) {
			next = o
		}
	}
	if next == nil {
		delete(m.gates, j.OrderKey)
		return
	}
	next.Waiting = false
	g.holder, g.blocked = next.ID, false
}

func (m *model) start(s store.Start, now time.Time) store.StartResult {
	j := m.job(s.Job)
	if j == nil {
		return store.StartStale
	}
	switch {
	case j.Status == flow.Pending && j.Ticket == s.Ticket-1 && !j.Waiting, j.Status == flow.Queued && j.Ticket == s.Ticket:
		m.set(j.Started(s.Ticket, s.Owner, now.Add(j.Policy.Timeout+s.Slack), now))
		return store.StartOK
	case j.Status == flow.Processing && j.Ticket == s.Ticket && now.Before(j.LeaseUntil):
		return store.StartLeased
	case j.Status == flow.Processing && j.Ticket == s.Ticket:
		lost := j.After(j.LostAttempt(now), now, 0.5)
		if lost.Status.Final() {
			m.set(lost)
			return store.StartEnded
		}
		m.set(lost.Started(s.Ticket, s.Owner, now.Add(j.Policy.Timeout+s.Slack), now))
		return store.StartOK
	}
	return store.StartStale
}

// record says whether the outcome counts.
func (m *model) record(o store.Outcome, now time.Time) bool {
	j := m.job(o.Job.ID)
	if j == nil || j.Status != flow.Processing || j.Attempts != o.Attempt.Number || j.LeaseOwner != o.Owner {
		return false
	}
	m.set(o.Job.Settled(j.CancelAsked, now))
	return true
}

func (m *model) markQueued(t store.Ticket, now time.Time) {
	if j := m.job(t.Job); j.Status == flow.Pending && j.Ticket == t.Number-1 && !j.Waiting {
		q := *j
		q.Status, q.Ticket, q.QueuedAt = flow.Queued, t.Number, now
		m.set(q)
	}
}

func (m *model) park(p store.Park) {
	j := m.job(p.Job)
	if j.Waiting || !(j.Status == flow.Pending && j.Ticket == p.Ticket-1 || j.Status == flow.Queued && j.Ticket == p.Ticket) {
		return
	}
	q := *j
	q.Status, q.Ticket, q.Due = flow.Pending, p.Ticket, p.Until
	m.set(q)
}

func (m *model) recover(staleBefore, now time.Time, everyLease bool) (r store.Recovered) {
	for _, j := range slices.Clone(m.jobs) {
		switch {
		case j.Status == flow.Queued && j.QueuedAt.Before(staleBefore):
			q := *j
			q.Status = flow.Pending
			m.set(q)
			m.anyDue[j.ID] = true
			r.Stale++
		case j.Status == flow.Processing && (everyLease || !now.Before(j.LeaseUntil)):
			m.set(j.After(j.LostAttempt(now), now, 0.5))
			r.Lost++
		}
	}
	return r
}

func (m *model) retry(id flow.ID, now time.Time) {
	j := *m.job(id)
	if !j.Status.DeadLetter() {
		m.set(j.Hastened(now))
		return
	}
	j = j.Retried(now)
	if j.Ordered() {
		switch g := m.gates[j.OrderKey]; {
		case g == nil:
			m.gates[j.OrderKey] = &modelGate{holder: id}
		case g.holder == id:
			g.blocked = false
		default:
			j.Waiting = true
		}
	}
	m.set(j)
}

func (m *model) cancel(id flow.ID, why flow.Reason, now time.Time) {
	if j := m.job(id); !j.Status.Final() {
		m.set(j.Cancelled(why, now))
	}
}

func (m *model) cancelLane(lane string, why flow.Reason, now time.Time) {
	// The waiting first, so that no gate passes to one that goes next.
	for _, waiting := range []bool{true, false} {
		for _, j := range slices.Clone(m.jobs) {
			if j.Lane == lane && j.Waiting == waiting {
				m.cancel(j.ID, why, now)
			}
		}
	}
	// Nobody is left to act on a dead letter that blocks a key of the lane.
	for key, g := range m.gates {
		if g.blocked && m.job(g.holder).Lane == lane {
			delete(m.gates, key)
		}
	}
}

func (m *model) cancelWaiting(key flow.OrderKey, now time.Time) (n int) {
	for _, j := range slices.Clone(m.jobs) {
		if j.OrderKey == key && j.Waiting {
			m.cancel(j.ID, flow.ReasonCancelled, now)
			n++
		}
	}
	return n
}

func (m *model) skip(key flow.OrderKey, head flow.ID, now time.Time) bool {
	g := m.gates[key]
	if g == nil || !g.blocked || g.holder != head {
		return false
	}
	m.set(m.job(head).Skipped(now))
	return true
}

// offer is what a lane may be handed, how many are out and when the next is
// due.
func (m *model) offer(lane string, window int, now time.Time) (o store.Offer) {
	for _, j := range m.jobs {
		if j.Lane != lane || j.Waiting {
			continue
		}
		switch {
		case j.Status == flow.Queued || j.Status == flow.Processing:
			o.Out++
		case j.Status == flow.Pending && !j.Due.After(now):
			o.Jobs = append(o.Jobs, *j)
		case j.Status == flow.Pending && (o.Next.IsZero() || j.Due.Before(o.Next)):
			o.Next = j.Due
		}
	}
	slices.SortStableFunc(o.Jobs, func(a, b flow.Job) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Position, b.Position))
	})
	o.Jobs = o.Jobs[:min(len(o.Jobs), max(window-o.Out, 0))]
	return o
}

// compare holds everything that the store says against the model.
func (m *model) compare(w *world) {
	w.Helper()
	page, err := w.s.ListJobs(w.ctx, store.Everything, store.JobQuery{Limit: 1000})
	w.must(err, "list jobs")
	want(w, "the number of jobs", len(page.Jobs), len(m.jobs))
	running := map[flow.OrderKey]flow.ID{}
	for _, v := range page.Jobs {
		j := m.job(v.Job.ID)
		if j == nil {
			w.fail("the store has a job that was never made: %s", describe(v.Job))
		}
		if m.anyDue[j.ID] {
			if v.Job.Due.After(w.now) {
				w.fail("%s is due at %s, in the future, after its message was lost", w.name(j.ID), w.clock(v.Job.Due))
			}
			j.Due = v.Job.Due
			delete(m.anyDue, j.ID)
		}
		if m.anyTicket[j.ID] {
			if v.Job.Ticket == j.Ticket-1 {
				j.Ticket--
			}
			delete(m.anyTicket, j.ID)
		}
		want(w, w.name(j.ID), w.full(v.Job), w.full(*j))
		if v.Job.Ordered() && v.Job.Status == flow.Processing {
			if other, two := running[v.Job.OrderKey]; two {
				w.fail("%s and %s of one key are delivered at once", w.name(other), w.name(j.ID))
			}
			running[v.Job.OrderKey] = j.ID
		}
	}
	keys, lanes, open := map[flow.OrderKey]bool{}, map[string]bool{}, int64(0)
	for _, j := range m.jobs {
		if j.Ordered() {
			keys[j.OrderKey] = true
		}
		lanes[j.Lane] = true
		if !j.Status.Final() {
			open++
		}
	}
	for key := range keys {
		got, err := w.gate(key)
		g := m.gates[key]
		if g == nil {
			w.wantErr("read the gate of a key without open work", err, store.ErrNotFound)
			continue
		}
		w.must(err, "read a gate")
		want(w, "the holder of a gate", w.name(got.Holder), w.name(g.holder))
		want(w, "the gate of "+w.name(g.holder)+" is blocked", !got.BlockedSince.IsZero(), g.blocked)
		want(w, "those who wait behind "+w.name(g.holder), got.Waiting, m.waiting(key))
	}
	st, err := w.s.Stats(w.ctx)
	w.must(err, "stats")
	want(w, "open jobs in stats", st.OpenJobs, open)
	m.compareBlocked(w, st)
	m.compareLetters(w, st)
	m.compareWorks(w)
	want(w, "events to fan out", st.Backlog > 0, len(m.events) > 0)
	for lane := range lanes {
		for _, window := range []int{2, 100} {
			got, err := w.s.Offer(w.ctx, lane, window, w.now)
			w.must(err, "offer")
			wanted := m.offer(lane, window, w.now)
			want(w, fmt.Sprintf("the offer of %s within %d", lane, window), w.showOffer(got, window), w.showOffer(wanted, window))
		}
	}
}

// showOffer leaves Next away where the window is full: who asked is woken
// when there is room, and looks again.
func (w *world) showOffer(o store.Offer, window int) string {
	if len(o.Jobs)+o.Out >= window {
		return fmt.Sprintf("%s, out %d", w.list(o.Jobs), o.Out)
	}
	return fmt.Sprintf("%s, out %d, next %s", w.list(o.Jobs), o.Out, w.clock(o.Next))
}

// full is everything of a job that verbs change.
func (w *world) full(j flow.Job) string {
	trouble := j.LastError
	if j.Lost > 0 && strings.Contains(trouble, " was lost before ") {
		trouble = "router lost" // its name may have died with the process
	}
	s := fmt.Sprintf("%s lost %d, error %q, first %s, last %s", describe(j), j.Lost, trouble, w.clock(j.FirstAttemptAt), w.clock(j.LastAttemptAt))
	switch {
	case j.Status == flow.Pending:
		s += ", due " + w.clock(j.Due)
	case j.Status == flow.Queued:
		s += ", queued " + w.clock(j.QueuedAt)
	case j.Status == flow.Processing:
		s += ", leased to " + j.LeaseOwner + " until " + w.clock(j.LeaseUntil)
	default:
		s += ", completed " + w.clock(j.CompletedAt)
	}
	return s
}
