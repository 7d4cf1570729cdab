package sqlite

import (
	"sort"
	"sync"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// eventCache keeps the latest events in memory, bounded in bytes, so that
// fan-out and router seldom read them back. It is complete above from: every
// event with a greater position is in it.
type eventCache struct {
	mu     sync.RWMutex
	events []*flow.Event // by position
	from   int64
	bytes  int
	limit  int
}

func newEventCache(limit int) *eventCache { return &eventCache{limit: limit} }

func eventBytes(e *flow.Event) int {
	return len(e.Data) + len(e.Type) + len(e.Source) + len(e.Subject) + 400
}

// add appends committed events, in position order.
func (c *eventCache) add(events []*flow.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range events {
		c.events = append(c.events, e)
		c.bytes += eventBytes(e)
	}
	drop := 0
	for c.bytes > c.limit && drop < len(c.events) {
		c.bytes -= eventBytes(c.events[drop])
		c.from = c.events[drop].Position
		c.events[drop] = nil
		drop++
	}
	c.events = c.events[drop:]
}

// after returns up to limit events above a position; ok is false when some of
// them are not in memory any more.
func (c *eventCache) after(position int64, limit int) (out []flow.Event, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if position < c.from {
		return nil, false
	}
	i := sort.Search(len(c.events), func(i int) bool { return c.events[i].Position > position })
	n := min(limit, len(c.events)-i)
	if n == 0 {
		return nil, true
	}
	out = make([]flow.Event, n)
	for k := range out {
		out[k] = *c.events[i+k]
	}
	return out, true
}

// replace puts an event in the place of what it was, or takes it away.
func (c *eventCache) replace(position int64, e *flow.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := sort.Search(len(c.events), func(i int) bool { return c.events[i].Position >= position })
	if i == len(c.events) || c.events[i].Position != position {
		return
	}
	c.bytes -= eventBytes(c.events[i])
	// Somebody may be reading the slice that was: it stays as it is.
	events := append(make([]*flow.Event, 0, len(c.events)), c.events[:i]...)
	if e != nil {
		c.bytes += eventBytes(e)
		events = append(events, e)
	}
	c.events = append(events, c.events[i+1:]...)
}

// get returns the event at a position, or nil.
func (c *eventCache) get(position int64) *flow.Event {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i := sort.Search(len(c.events), func(i int) bool { return c.events[i].Position >= position })
	if i < len(c.events) && c.events[i].Position == position {
		return c.events[i]
	}
	return nil
}
