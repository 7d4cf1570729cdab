package sqlite

import (
	"container/heap"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// memory is what Receive works on; Queue.mu guards it.
//
// A row is in exactly one place: on disk only (seq above loaded), in fresh or
// again (ready to be received), in returned (to be read again), or in timed
// (leased or delayed). An acked row is in none.
type memory struct {
	fresh      backlog // published or read in order of seq, never received
	again      backlog // read again after they came back
	returned   []came  // came back and wait to be read
	timed      timed   // leases and delays by the time they end
	leased     int     // of them and of those being settled, the leases
	freshBytes int

	loaded int64 // rows up to this seq are accounted for in memory
	head   int64 // the highest seq that may be on disk
	next   int64 // the next seq to be given; never one twice
	totals totals

	filling *op           // the read under way, if there is one
	waiters int           // receivers that wait for changed
	changed chan struct{} // closed and replaced to let them look again
}

// totals are the counts of rows on disk.
type totals struct {
	messages, dead int64
	maxSeq         int64
}

// stored is a message in memory that nobody holds.
type stored struct {
	came
	msg  queue.Message
	raw  []byte
	err  error
	size int
}

// came is the part of a message that outlives its deliveries.
type came struct {
	seq        int64
	at         int64 // enqueued, Unix milliseconds
	deliveries int
}

// lease is one delivery. The receiver holds a pointer to it.
type lease struct {
	came
	q     *Queue
	due   time.Time
	index int // in timed, or -1
	state leaseState
}

type leaseState uint8

const (
	held     leaseState = iota
	settling            // the writer is taking its message away
	delayed             // given back, hidden until due
	over                // given back, ended, or the message is gone
)

func (m *memory) init(t totals) {
	m.totals = t
	m.head, m.next = t.maxSeq, t.maxSeq+1
	m.changed = make(chan struct{})
}

func (m *memory) wake() {
	if m.waiters > 0 {
		close(m.changed)
		m.changed = make(chan struct{})
	}
}

// published takes over messages that were just committed. They stay in memory
// when everything before them is there already and they fit; else a fill will
// read them in their turn.
func (m *memory) published(batch []stored, limit int) {
	last := batch[len(batch)-1].seq
	if m.loaded == m.head {
		size := 0
		for i := range batch {
			size += batch[i].size
		}
		if m.freshBytes+size <= limit {
			m.fresh.push(batch)
			m.freshBytes += size
			m.loaded = last
		}
	}
	m.head = last
}

// collect moves what is due from timed to returned.
func (m *memory) collect(now time.Time) {
	for len(m.timed) > 0 && !m.timed[0].due.After(now) {
		l := heap.Pop(&m.timed).(*lease)
		m.giveBack(l)
	}
}

// giveBack puts a message that left timed into the line to be read again.
func (m *memory) giveBack(l *lease) {
	if l.state == held {
		m.leased--
	}
	l.state = over
	m.returned = append(m.returned, l.came)
}

// wantsFill says that rows on disk should be read for the next Receive.
func (m *memory) wantsFill() bool {
	return len(m.returned) > 0 && m.again.empty() || m.fresh.empty() && m.loaded < m.head
}

// take leases up to limit ready messages.
func (m *memory) take(q *Queue, limit int, now time.Time) []queue.Received {
	n := min(limit, m.again.n+m.fresh.n)
	if n == 0 {
		return nil
	}
	got := make([]queue.Received, n)
	leases := make([]lease, n)
	for i := range got {
		var s *stored
		if !m.again.empty() {
			s = m.again.pop()
		} else {
			s = m.fresh.pop()
			m.freshBytes -= s.size
		}
		l := &leases[i]
		l.came, l.q, l.due = s.came, q, now.Add(q.opts.Visibility)
		l.deliveries++
		heap.Push(&m.timed, l)
		r := &got[i]
		r.Message, r.Raw, r.Err = s.msg, s.raw, s.err
		r.Lease, r.Deliveries, r.EnqueuedAt = l, l.deliveries, time.UnixMilli(l.at)
		*s = stored{} // the chunk outlives its messages
	}
	m.leased += n
	return got
}

// holds returns the lease of r if it still holds at now.
func (m *memory) holds(q *Queue, r queue.Received, now time.Time) *lease {
	l, ok := r.Lease.(*lease)
	if !ok || l.q != q || l.state != held || !l.due.After(now) {
		return nil
	}
	return l
}

// settle takes leases out of the clock's reach while the writer removes their
// messages. One that is being settled already is taken along, so that the
// second caller, too, hears whether it worked.
func (m *memory) settle(q *Queue, r queue.Received) *lease {
	l, ok := r.Lease.(*lease)
	if !ok || l.q != q || l.state != held && l.state != settling {
		return nil
	}
	if l.state == held {
		heap.Remove(&m.timed, l.index)
		l.state = settling
	}
	return l
}

// settled ends what settle began. When the writer failed, the lease goes on.
func (m *memory) settled(leases []*lease, err error) {
	for _, l := range leases {
		switch {
		case err != nil && l.state == settling:
			l.state = held
			heap.Push(&m.timed, l)
		case err == nil && (l.state == settling || l.state == held):
			if l.state == held { // another verb settled it as well, and failed
				heap.Remove(&m.timed, l.index)
			}
			l.state = over
			m.leased--
		}
	}
}

// backlog is a queue of messages in the chunks they came in.
type backlog struct {
	chunks [][]stored
	n      int
}

func (b *backlog) empty() bool { return b.n == 0 }

func (b *backlog) push(chunk []stored) {
	if len(chunk) > 0 {
		b.chunks = append(b.chunks, chunk)
		b.n += len(chunk)
	}
}

// pop returns the first message, valid until its place is overwritten.
func (b *backlog) pop() *stored {
	s := &b.chunks[0][0]
	b.n--
	if b.chunks[0] = b.chunks[0][1:]; len(b.chunks[0]) == 0 {
		b.chunks[0] = nil
		b.chunks = b.chunks[1:]
	}
	return s
}

// timed is a heap of leases and delays, the earliest end first.
type timed []*lease

func (t timed) Len() int           { return len(t) }
func (t timed) Less(i, j int) bool { return t[i].due.Before(t[j].due) }
func (t timed) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push implements heap.Interface.
func (t *timed) Push(x any) {
	l := x.(*lease)
	l.index = len(*t)
	*t = append(*t, l)
}

// Pop implements heap.Interface.
func (t *timed) Pop() any {
	last := len(*t) - 1
	l := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	l.index = -1
	return l
}
