package sqlite

import (
	"slices"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// live keeps open jobs in memory: all that are QUEUED or PROCESSING, and of
// those that are ready the first of each lane (see hot). What is here is what
// was committed, with one addition: QUEUED is known to memory only. On disk
// such a job stays PENDING with the ticket before. Opening would make it
// PENDING anyway, so writing it down would buy nothing; the price is that
// after a crash a hand-over may repeat the message id of the one before, as
// after a crash between publishing and marking.
type live struct {
	mu    sync.RWMutex
	jobs  map[flow.ID]*flow.Job
	out   map[string]int // QUEUED or PROCESSING jobs by lane
	lanes map[string]*hot

	limit   int // PENDING jobs in memory; those that are out come on top
	perLane int // of a lane
}

func (l *live) init(limit int) {
	l.limit, l.perLane = limit, max(limit/8, 1)
	l.jobs, l.out, l.lanes = map[flow.ID]*flow.Job{}, map[string]int{}, map[string]*hot{}
}

// get returns a job that must not be changed, or nil.
func (l *live) get(id flow.ID) *flow.Job {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.jobs[id]
}

// merge takes over what a commit made of jobs, in order, after the bounds
// that it moved.
func (l *live) merge(jobs []*flow.Job, moved []laneBound) {
	if len(jobs) == 0 && len(moved) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range moved {
		h := l.lane(m.lane)
		h.bound, h.refilled = m.bound, true
	}
	for _, j := range jobs {
		l.set(j)
	}
	for _, m := range moved {
		l.lane(m.lane).refilled = false
	}
}

func (l *live) set(j *flow.Job) {
	prev := l.jobs[j.ID]
	was, is := prev != nil && isOut(prev.Status), isOut(j.Status)
	if was != is {
		n := 1
		if was {
			n = -1
		}
		if v := l.out[j.Lane] + n; v > 0 {
			l.out[j.Lane] = v
		} else {
			delete(l.out, j.Lane)
		}
	}
	switch {
	case j.Status.Final():
		delete(l.jobs, j.ID)
	case is:
		l.jobs[j.ID] = j
	case j.Waiting:
		if prev != nil || len(l.jobs) < l.limit {
			l.jobs[j.ID] = j
		}
	default:
		l.setReady(j, prev)
	}
}

// setReady keeps a ready job if it belongs to the hot part of its lane.
func (l *live) setReady(j, prev *flow.Job) {
	h, k := l.lane(j.Lane), keyOf(j)
	full := prev == nil && !h.refilled && (len(l.jobs) >= l.limit || h.len() >= l.perLane)
	if full && k.less(h.bound) {
		h.bound = k
	}
	if !k.less(h.bound) {
		delete(l.jobs, j.ID) // it waits on disk for its turn
		return
	}
	l.jobs[j.ID] = j
	if prev != nil && ready(prev) && keyOf(prev) == k {
		return // it stands there already
	}
	h.push(entry{k})
}

func (l *live) lane(name string) *hot {
	h := l.lanes[name]
	if h == nil {
		h = &hot{bound: lastKey}
		l.lanes[name] = h
	}
	return h
}

// offer returns up to room jobs of a lane that are due, and when the next is.
// When cold is true there may be more on disk that are due, or nothing is
// known of what is due next.
func (l *live) offer(lane string, window int, now time.Time) (o store.Offer, cold bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o.Out = l.out[lane]
	h := l.lanes[lane]
	if h == nil {
		return o, false
	}
	at := now.UnixMilli()
	o.Jobs = h.take(max(window-o.Out, 0), at, l.jobs)
	if h.bound == lastKey {
		o.Next = h.next(at, l.jobs)
		if h.len() == 0 && o.Out == 0 {
			delete(l.lanes, lane)
		}
		return o, false
	}
	return o, true
}

// first is when the first job of a lane is due that is wholly in memory.
func (l *live) first(lane string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.lanes[lane]; h != nil {
		return h.first(l.jobs)
	}
	return time.Time{}
}

// bound is where the hot part of a lane ends.
func (l *live) bound(lane string) key {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if h := l.lanes[lane]; h != nil {
		return h.bound
	}
	return lastKey
}

// markQueued makes jobs QUEUED that are PENDING with the ticket before. It
// returns the tickets of jobs that are not in memory: about those only the
// writer can say whether they have ended meanwhile.
func (l *live) markQueued(tickets []store.Ticket, now time.Time) (unknown []store.Ticket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tk := range tickets {
		j := l.jobs[tk.Job]
		if j == nil {
			unknown = append(unknown, tk)
			continue
		}
		if q, ok := queued(j, tk.Number, now); ok {
			l.set(q)
		}
	}
	return unknown
}

func queued(j *flow.Job, ticket int64, now time.Time) (*flow.Job, bool) {
	if !ready(j) || j.Ticket != ticket-1 {
		return nil, false
	}
	q := *j
	q.Status, q.Ticket, q.QueuedAt = flow.Queued, ticket, now
	return &q, true
}

// ready says that a job may be handed out once it is due.
func ready(j *flow.Job) bool { return j.Status == flow.Pending && !j.Waiting }

// names returns the lanes that have jobs out or ready.
func (l *live) names() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := make([]string, 0, len(l.lanes)+len(l.out))
	for lane := range l.out {
		out = append(out, lane)
	}
	for lane := range l.lanes {
		out = append(out, lane)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (l *live) outOf(lane string) int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.out[lane]
}

// outs says how many jobs of each lane are out, at one moment.
func (l *live) outs(lanes []string) []int {
	out := make([]int, len(lanes))
	l.mu.RLock()
	defer l.mu.RUnlock()
	for i, lane := range lanes {
		out[i] = l.out[lane]
	}
	return out
}

// pick returns the jobs for which keep holds.
func (l *live) pick(keep func(*flow.Job) bool) []*flow.Job {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var out []*flow.Job
	for _, j := range l.jobs {
		if keep(j) {
			out = append(out, j)
		}
	}
	return out
}
