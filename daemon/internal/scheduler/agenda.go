package scheduler

import (
	"container/heap"
	"time"
)

// agenda is what the scheduler remembers between two rounds of lanes, or of
// endpoints: which to look at now, and when to look at others.
type agenda struct {
	now   []string
	isNow map[string]bool
	later schedule
	times map[string]time.Time // the earliest planned look at each
}

func newAgenda() agenda {
	return agenda{isNow: map[string]bool{}, times: map[string]time.Time{}}
}

// touch plans to look at one in the coming round.
func (a *agenda) touch(name string) {
	if !a.isNow[name] {
		a.isNow[name] = true
		a.now = append(a.now, name)
	}
}

// at plans to look at one at a time.
func (a *agenda) at(name string, t time.Time) {
	if planned, ok := a.times[name]; ok && !t.Before(planned) {
		return
	}
	a.times[name] = t
	heap.Push(&a.later, look{name, t})
	if len(a.later) > 2*len(a.times)+64 {
		a.prune()
	}
}

// prune drops looks that an earlier one has replaced.
func (a *agenda) prune() {
	a.later = a.later[:0]
	for name, t := range a.times {
		a.later = append(a.later, look{name, t})
	}
	heap.Init(&a.later)
}

// ripen moves those whose time has come into the round.
func (a *agenda) ripen(now time.Time) {
	for len(a.later) > 0 && !a.later[0].at.After(now) {
		k := heap.Pop(&a.later).(look)
		if a.times[k.name].Equal(k.at) {
			delete(a.times, k.name)
			a.touch(k.name)
		}
	}
}

// take returns those of the round, in the order in which they came.
func (a *agenda) take() []string {
	out := a.now
	a.now = nil
	clear(a.isNow)
	return out
}

// hot says that there is something for the coming round already.
func (a *agenda) hot() bool { return len(a.now) > 0 }

// wait is how long nothing is planned.
func (a *agenda) wait(now time.Time) time.Duration {
	if len(a.later) == 0 {
		return time.Hour
	}
	return max(a.later[0].at.Sub(now), 0)
}

type look struct {
	name string
	at   time.Time
}

// schedule is a heap of looks by time.
type schedule []look

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *schedule) Push(x any)        { *s = append(*s, x.(look)) }
func (s *schedule) Pop() any {
	old := *s
	x := old[len(old)-1]
	*s = old[:len(old)-1]
	return x
}
