package sqlite

import (
	"container/heap"
	"math"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// key is the order of ready jobs in a lane: due time in milliseconds, then
// position. The id tells replays of one event apart.
type key struct{ due, position, id int64 }

var (
	firstKey = key{math.MinInt64, math.MinInt64, math.MinInt64}
	lastKey  = key{math.MaxInt64, math.MaxInt64, math.MaxInt64}
)

func keyOf(j *flow.Job) key { return key{ceilMilli(j.Due), j.Position, int64(j.ID)} }

func (k key) less(o key) bool {
	if k.due != o.due {
		return k.due < o.due
	}
	return k.position < o.position || k.position == o.position && k.id < o.id
}

// laneBound moves the bound of a lane.
type laneBound struct {
	lane  string
	bound key
}

// hot is the part of a lane that is in memory. Every ready job of the lane
// whose key is below bound is here; what is at or above it waits on disk, and
// is read when the hot part is used up. A lane that never overflowed has its
// bound at lastKey and is never read from disk; one of a database just opened
// begins with firstKey.
//
// Entries are not removed when a job leaves the ready state. They are dropped
// when they come up and the job is not what they say any more.
type hot struct {
	now   entries // were due when last looked at
	later entries
	at    int64 // when that was
	bound key
	// refilled is true while the commit that read the next jobs is merged:
	// those are kept, however many there are in memory.
	refilled bool
}

type entry struct{ key }

func (h *hot) len() int { return len(h.now) + len(h.later) }

func (h *hot) push(e entry) {
	if e.due > h.at {
		heap.Push(&h.later, e)
	} else {
		heap.Push(&h.now, e)
	}
}

// take returns up to room jobs that are due, in order. It changes nothing:
// asked again it returns the same.
func (h *hot) take(room int, at int64, jobs map[flow.ID]*flow.Job) []flow.Job {
	h.at = at
	for len(h.later) > 0 && h.later[0].due <= at {
		heap.Push(&h.now, heap.Pop(&h.later))
	}
	var out []flow.Job
	var back []entry
	for len(h.now) > 0 && len(out) < room {
		e := h.now[0]
		if !e.less(h.bound) || e.due > at {
			break
		}
		heap.Pop(&h.now)
		j := jobs[flow.ID(e.id)]
		if !e.is(j) || len(back) > 0 && back[len(back)-1].id == e.id {
			continue
		}
		if out == nil {
			out = make([]flow.Job, 0, min(room, len(h.now)+1))
		}
		out = append(out, *j)
		back = append(back, e)
	}
	for _, e := range back {
		heap.Push(&h.now, e)
	}
	return out
}

// is says that a job is still what the entry was made for.
func (e entry) is(j *flow.Job) bool { return j != nil && ready(j) && keyOf(j) == e.key }

// next is when the first job comes due after a time; zero if there is none.
func (h *hot) next(at int64, jobs map[flow.ID]*flow.Job) time.Time {
	due := h.later.first(jobs)
	if first := h.now.first(jobs); first > at { // the clock went back
		due = min(due, first)
	}
	return dueTime(due)
}

// first is when the first job is due; zero if there is none.
func (h *hot) first(jobs map[flow.ID]*flow.Job) time.Time {
	return dueTime(min(h.now.first(jobs), h.later.first(jobs)))
}

func dueTime(due int64) time.Time {
	if due == math.MaxInt64 {
		return time.Time{}
	}
	return time.UnixMilli(due).UTC()
}

// entries is a heap by key.
type entries []entry

func (s entries) Len() int           { return len(s) }
func (s entries) Less(i, j int) bool { return s[i].less(s[j].key) }
func (s entries) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *entries) Push(x any)        { *s = append(*s, x.(entry)) }
func (s *entries) Pop() any {
	old := *s
	x := old[len(old)-1]
	*s = old[:len(old)-1]
	return x
}

// first drops what is not true any more and returns the first due time.
func (s *entries) first(jobs map[flow.ID]*flow.Job) int64 {
	for len(*s) > 0 {
		if e := (*s)[0]; e.is(jobs[flow.ID(e.id)]) {
			return e.due
		}
		heap.Pop(s)
	}
	return math.MaxInt64
}
