package sqlite

import (
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// came is the part of a message that outlives its deliveries.
type came struct {
	seq        int64
	at         int64 // enqueued, Unix milliseconds
	deliveries int
}

// stored is a message and what is known of it.
type stored struct {
	came
	msg  queue.Message
	raw  []byte
	err  error
	size int // what it counts for in memory.bytes
}

// item is a message in memory: one that waits to be received, or a lingering
// ticket, leased or not. Once a leased message is in the file it needs no item.
type item struct {
	stored
	lingers bool          // it is not in the file, as far as is known
	touched bool          // it may be in the file: only the writer may take it away
	reread  bool          // it came back and was read from the file
	born    time.Duration // when a ticket began to linger, by Queue.age
	lease   *lease        // who holds a lingering ticket

	prev, next *item // in lingering
}

const (
	// itemBytes is about what a message takes in memory beside its texts.
	itemBytes = 512
	// headerBytes is about what a header takes beside its texts.
	headerBytes = 64
	// escapedBytes is the most one byte of a message can become in JSON.
	escapedBytes = 6
	// freeItems are kept for the next messages.
	freeItems = 4096
	// block is how many items or leases are made at a time. One of them that
	// stays long keeps its neighbours from being collected, so it is small.
	block = 16
)

// footprint is about what a message takes in memory. Its body is never longer
// than escapedBytes times that.
func footprint(m *queue.Message) int {
	n := itemBytes + len(m.ID) + len(m.JobID) + len(m.PoolCode) + len(m.MediationType) +
		len(m.MediationTarget) + len(m.MessageGroupID) + len(m.DispatchMode) + len(m.Payload) +
		len(m.ClientID) + len(m.ConnectionID) + len(m.AuthToken) + len(m.SigningSecret)
	for name, value := range m.Headers {
		n += headerBytes + len(name) + len(value)
	}
	return n
}

// lingering lists the tickets that are not in the file, in order of seq.
type lingering struct {
	first, last *item
	n           int
}

func (l *lingering) push(it *item) {
	it.prev, it.next = l.last, nil
	if l.last != nil {
		l.last.next = it
	} else {
		l.first = it
	}
	l.last = it
	l.n++
}

func (l *lingering) remove(it *item) {
	if it.prev != nil {
		it.prev.next = it.next
	} else {
		l.first = it.next
	}
	if it.next != nil {
		it.next.prev = it.prev
	} else {
		l.last = it.prev
	}
	it.prev, it.next = nil, nil
	l.n--
}

// backlog is a line of messages that wait, in a ring.
type backlog struct {
	ring []*item // its length is a power of two
	head int
	n    int
}

// spareRing is the longest ring that an empty backlog keeps.
const spareRing = 4096

func (b *backlog) push(it *item) {
	if b.n == len(b.ring) {
		ring := make([]*item, max(block, 2*b.n))
		copied := copy(ring, b.ring[b.head:])
		copy(ring[copied:], b.ring[:b.head])
		b.ring, b.head = ring, 0
	}
	b.ring[(b.head+b.n)&(len(b.ring)-1)] = it
	b.n++
}

func (b *backlog) pop() *item {
	it := b.ring[b.head]
	b.ring[b.head] = nil
	b.head = (b.head + 1) & (len(b.ring) - 1)
	if b.n--; b.n == 0 && len(b.ring) > spareRing {
		b.ring, b.head = nil, 0
	}
	return it
}
