package tui

import (
	"slices"
	"strings"
)

// hear takes what a stream brought.
func (l *list[T]) hear(n *news[T]) {
	if n.from != l.source {
		return // it was ended, and another has begun
	}
	if n.state == waits && l.state != waits {
		l.since = l.now()
	}
	l.state = n.state
	if n.fresh != nil {
		l.refused = ""
		l.put(n.fresh.things, n.fresh.more)
	}
	if l.ready && len(n.things) > 0 {
		l.merge(n.things)
	}
}

// merge takes things that are new or have changed. What is new comes where its
// id belongs, which is by its age; the oldest go when there are too many.
func (l *list[T]) merge(things []T) {
	var added []*entry
	gone := map[*entry]bool{}
	for _, t := range things {
		now := l.drawn(t)
		old := l.rows[now.key]
		switch fits := l.fits == nil || l.fits(t); {
		case fits && old == nil:
			l.know(t, now)
			added = append(added, now)
		case fits:
			*old = *now
			l.know(t, old)
		case old != nil:
			gone[old] = true
			delete(l.rows, old.key)
			delete(l.things, old.key)
		}
	}
	slices.SortStableFunc(added, func(a, b *entry) int { return strings.Compare(b.key, a.key) })
	rows := make([]*entry, 0, len(l.grid.rows)+len(added))
	for _, r := range l.grid.rows {
		for len(added) > 0 && added[0].key > r.key {
			rows, added = append(rows, added[0]), added[1:]
		}
		rows = append(rows, r)
	}
	rows = append(rows, added...)
	rows = slices.DeleteFunc(rows, func(r *entry) bool { return gone[r] })
	at := l.grid.key()
	full := len(rows) > mostRows
	if full {
		for _, r := range rows[mostRows:] {
			delete(l.rows, r.key)
			delete(l.things, r.key)
		}
		rows, l.more = rows[:mostRows], true
	}
	l.show(rows)
	if full && at != "" && l.rows[at] == nil {
		l.grid.move(mostRows) // its row was the oldest; now another is
	}
}
