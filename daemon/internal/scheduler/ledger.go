package scheduler

import (
	"container/list"
	"slices"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// ledger is which lanes have tickets out or want some, by their endpoints. A
// lane that has neither is forgotten, and its endpoint with the last.
type ledger struct {
	lanes map[string]*lane
	ends  map[string]*endpoint
}

// endpoint is where lanes meet: they share its window.
type endpoint struct {
	key     string
	version int64 // of the catalog that its window comes from
	window  int   // the largest that a lane asks for
	lanes   int   // that are here
	live    int   // of these, those that are no replay's
	out     int   // tickets of all lanes here, as last seen, and those given since
	low     int   // of these, the replays'
	// filling says that the quarter which a round waits for was free, and
	// that the round did not come to an end with it.
	filling bool
	fed     uint64 // when its replays got something last, counted in such times
	// Lanes that may have more jobs than they got, who waits longest first.
	wants, beneath *list.List
}

// lane is one line of jobs at its endpoint.
type lane struct {
	name    string
	end     *endpoint
	replay  flow.ID // whose lane it is, if any's
	out     int
	place   *list.Element // in wants or beneath; nil: it wants nothing
	full    bool          // had all that it was allowed when last asked: there is a backlog
	skipped int           // due tasks at its head that must not go
}

func newLedger() ledger {
	return ledger{lanes: map[string]*lane{}, ends: map[string]*endpoint{}}
}

// at returns a lane, at the endpoint where it goes now.
func (b *ledger) at(name, key string) *lane {
	l := b.lanes[name]
	if l != nil && l.end.key == key {
		return l
	}
	e := b.ends[key]
	if e == nil {
		e = &endpoint{key: key, window: minWindow, wants: list.New(), beneath: list.New()}
		b.ends[key] = e
	}
	if l == nil {
		l = &lane{name: name}
		l.replay, _, _ = flow.ParseReplayLane(name)
		b.lanes[name] = l
	} else {
		b.sever(l)
	}
	l.end = e
	e.add(l, l.out)
	e.lanes++
	if l.replay == 0 {
		e.live++
	}
	return l
}

// sever takes a lane from its endpoint.
func (b *ledger) sever(l *lane) {
	e := l.end
	l.unwant()
	e.add(l, -l.out)
	if l.replay == 0 {
		e.live--
	}
	if e.lanes--; e.lanes == 0 {
		delete(b.ends, e.key)
	}
}

// tidy forgets a lane that has nothing out and wants nothing.
func (b *ledger) tidy(l *lane) {
	if l.out == 0 && l.place == nil {
		b.sever(l)
		delete(b.lanes, l.name)
	}
}

func (e *endpoint) add(l *lane, n int) {
	e.out += n
	if l.replay != 0 {
		e.low += n
	}
}

// count sets how many tickets of a lane are out.
func (l *lane) count(out int) {
	l.end.add(l, out-l.out)
	l.out = out
}

func (l *lane) queue() *list.List {
	if l.replay != 0 {
		return l.end.beneath
	}
	return l.end.wants
}

// want puts a lane at the end of those that want tickets, if it is not among
// them.
func (l *lane) want() {
	if l.place == nil {
		l.place = l.queue().PushBack(l)
	}
}

func (l *lane) unwant() {
	if l.place != nil {
		l.queue().Remove(l.place)
		l.place = nil
	}
	l.full = false
}

// takers are the lanes to be served now, in their turn. When little room is
// left, those with a backlog wait until there is more, for asking the store
// costs the same for few as for many; not so those that have less than half of
// their share. Of many lanes no more are looked at than can get something: the
// turn of the others comes.
func (e *endpoint) takers(room, window int, little bool) []*lane {
	share := max(window/max(e.live, 1), 1)
	var out []*lane
	for p := e.wants.Front(); p != nil && len(out) < 2*room; p = p.Next() {
		l := p.Value.(*lane)
		if little && l.full && 2*l.out >= share {
			continue
		}
		out = append(out, l)
	}
	return out
}

// level is up to where the tickets out of each of some lanes are brought so that
// together they take no more than there is room for: who has least gets first.
// There is one more for each of the first extra lanes that are not above it.
func level(lanes []*lane, room int) (top, extra int) {
	outs := make([]int, len(lanes))
	for i, l := range lanes {
		outs[i] = l.out
	}
	slices.Sort(outs)
	n, sum := 0, 0
	for n < len(outs) && outs[n]*n-sum <= room {
		sum += outs[n]
		n++
	}
	return (room + sum) / n, (room + sum) % n
}
