package sqlite

import (
	"container/heap"
	"time"
)

// lease is one delivery. The receiver holds a pointer to it.
type lease struct {
	came
	q          *Queue
	it         *item // the message, while it is not in the file
	due        time.Time
	prev, next *lease // in timed, when index is inLine
	index      int    // in the heap of timed, inLine or nowhere
	state      leaseState
}

type leaseState uint8

const (
	held     leaseState = iota
	settling            // the writer is taking its message away
	delayed             // given back, hidden until due
	over                // given back, ended, or the message is gone
)

// Places of a lease in timed other than its heap.
const (
	nowhere = -1 - iota
	inLine
)

// timed holds leases and delays. Nearly all leases last equally long and so end
// in the order they began: they stand in a line, where adding and taking away
// cost the same however many there are. The others are kept in a heap.
type timed struct {
	first, last *lease
	heap        dueHeap
}

// start adds a lease that lasts as long as most.
func (t *timed) start(l *lease) {
	if t.last != nil && l.due.Before(t.last.due) { // the clock went back
		t.add(l)
		return
	}
	l.index, l.prev, l.next = inLine, t.last, nil
	if t.last != nil {
		t.last.next = l
	} else {
		t.first = l
	}
	t.last = l
}

// add adds a lease or delay of any length.
func (t *timed) add(l *lease) { heap.Push(&t.heap, l) }

func (t *timed) remove(l *lease) {
	if l.index != inLine {
		heap.Remove(&t.heap, l.index)
		return
	}
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		t.first = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	} else {
		t.last = l.prev
	}
	l.index, l.prev, l.next = nowhere, nil, nil
}

// soonest is the one that ends first, or nil.
func (t *timed) soonest() *lease {
	l := t.first
	if len(t.heap) > 0 && (l == nil || t.heap[0].due.Before(l.due)) {
		l = t.heap[0]
	}
	return l
}

// dueHeap has the earliest end first.
type dueHeap []*lease

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *dueHeap) Push(x any) {
	l := x.(*lease)
	l.index = len(*h)
	*h = append(*h, l)
}

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	l.index = nowhere
	return l
}
