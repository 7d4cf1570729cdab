package scheduler

import (
	"container/heap"
	"time"
)

// lanes is what the scheduler remembers of lanes between two rounds: which
// to look at now, and when to look at others.
type lanes struct {
	now   []string
	isNow map[string]bool
	later schedule
	times map[string]time.Time // the earliest planned look at a lane
}

func newLanes() lanes {
	return lanes{isNow: map[string]bool{}, times: map[string]time.Time{}}
}

// touch plans to look at a lane in the coming round.
func (l *lanes) touch(name string) {
	if !l.isNow[name] {
		l.isNow[name] = true
		l.now = append(l.now, name)
	}
}

// at plans to look at a lane at a time.
func (l *lanes) at(name string, t time.Time) {
	if planned, ok := l.times[name]; ok && !t.Before(planned) {
		return
	}
	l.times[name] = t
	heap.Push(&l.later, look{name, t})
	if len(l.later) > 2*len(l.times)+64 {
		l.prune()
	}
}

// prune drops looks that an earlier one has replaced.
func (l *lanes) prune() {
	l.later = l.later[:0]
	for name, t := range l.times {
		l.later = append(l.later, look{name, t})
	}
	heap.Init(&l.later)
}

// ripen moves lanes whose time has come into the round.
func (l *lanes) ripen(now time.Time) {
	for len(l.later) > 0 && !l.later[0].at.After(now) {
		k := heap.Pop(&l.later).(look)
		if l.times[k.lane].Equal(k.at) {
			delete(l.times, k.lane)
			l.touch(k.lane)
		}
	}
}

// take returns the lanes of the round, in the order in which they came.
func (l *lanes) take() []string {
	out := l.now
	l.now = nil
	clear(l.isNow)
	return out
}

// hot says that there are lanes for the coming round already.
func (l *lanes) hot() bool { return len(l.now) > 0 }

// wait is how long nothing is planned.
func (l *lanes) wait(now time.Time) time.Duration {
	if len(l.later) == 0 {
		return time.Hour
	}
	return max(l.later[0].at.Sub(now), 0)
}

type look struct {
	lane string
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
