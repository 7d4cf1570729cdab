package sqlite

import (
	"slices"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// maxLive bounds the PENDING jobs kept in memory; those that are out come on
// top, and their number is bounded by the windows.
const maxLive = 16_384

// live keeps open jobs in memory: all that are QUEUED or PROCESSING, and the
// latest of those that are PENDING. What is here is what was committed, with
// one addition: QUEUED is known to memory only. On disk such a job stays
// PENDING with the ticket before. Opening would make it PENDING anyway, so
// writing it down would buy nothing; the price is that after a crash a
// hand-over may repeat the message id of the one before, as after a crash
// between publishing and marking.
type live struct {
	mu    sync.RWMutex
	jobs  map[flow.ID]*flow.Job
	out   map[string]int // QUEUED or PROCESSING jobs by lane
	order []flow.ID      // in which jobs came, for eviction
	next  int            // the length of order at which to evict again
}

func (l *live) init() {
	l.jobs, l.out = map[flow.ID]*flow.Job{}, map[string]int{}
}

// get returns a job that must not be changed, or nil.
func (l *live) get(id flow.ID) *flow.Job {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.jobs[id]
}

// merge takes over what a commit made of jobs.
func (l *live) merge(jobs []*flow.Job) {
	if len(jobs) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range jobs {
		l.set(j)
	}
	l.evict()
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
	if j.Status.Final() {
		delete(l.jobs, j.ID)
		return
	}
	if prev == nil {
		l.order = append(l.order, j.ID)
	}
	l.jobs[j.ID] = j
}

// evict drops the oldest PENDING jobs beyond the bound. Those that are out
// keep their place.
func (l *live) evict() {
	if len(l.order) < max(l.next, 2*maxLive) {
		return
	}
	kept := l.order[:0]
	excess := len(l.jobs) - maxLive
	for _, id := range l.order {
		j := l.jobs[id]
		switch {
		case j == nil: // ended
		case excess > 0 && !isOut(j.Status):
			delete(l.jobs, id)
			excess--
		default:
			kept = append(kept, id)
		}
	}
	// Jobs that are out may be more than the bound; then it takes as many
	// again until it is worth the next look.
	l.order, l.next = kept, 2*len(kept)
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
	if j.Status != flow.Pending || j.Waiting || j.Ticket != ticket-1 {
		return nil, false
	}
	q := *j
	q.Status, q.Ticket, q.QueuedAt = flow.Queued, ticket, now
	return &q, true
}

// lanes returns the lanes that have jobs out.
func (l *live) lanes() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := make([]string, 0, len(l.out))
	for lane := range l.out {
		out = append(out, lane)
	}
	slices.Sort(out)
	return out
}

func (l *live) outOf(lane string) int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.out[lane]
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
