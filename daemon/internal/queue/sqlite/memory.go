package sqlite

import (
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// memory is what Receive works on; Queue.mu guards it.
//
// A message is in exactly one place: on disk only (in a span of behind or
// doubtful), in fresh or again (ready to be received), in returned (to be read
// again), or in timed (leased or delayed). A lingering ticket is never in the
// first and the third of these. An acked message is in none.
type memory struct {
	fresh    backlog // published or read in order of seq, never received
	again    backlog // came back, and is at hand
	rereads  int     // of again, those that were read from the file
	returned []came  // came back and wait to be read
	timed    timed   // leases and delays by the time they end
	leased   int     // of them and of those being settled, the leases
	bytes    int     // what all items count for together
	free     []*item // to be used again

	behind   []span // rows on disk that did not fit, in order of seq
	doubtful []span // rows of failed commits, which may be there all the same
	next     int64  // the next seq to be given; never one twice
	totals   totals

	lingering lingering
	watched   bool // the writer will look at lingering without being told
	sealed    bool // nothing may linger any more, since the writer has ended

	filling *op           // the read under way, if there is one
	waiters int           // receivers that wait for changed
	changed chan struct{} // closed and replaced to let them look again
}

// totals are the counts of rows on disk.
type totals struct {
	messages, dead int64
	maxSeq         int64
}

// span is a range of seqs, both ends included.
type span struct{ first, last int64 }

func (m *memory) init(t totals) {
	m.totals = t
	m.next = t.maxSeq + 1
	if t.maxSeq > 0 {
		m.behind = []span{{1, t.maxSeq}}
	}
	m.changed = make(chan struct{})
}

func (m *memory) wake() {
	if m.waiters > 0 {
		close(m.changed)
		m.changed = make(chan struct{})
	}
}

func (m *memory) newItem() *item {
	if len(m.free) == 0 {
		items := make([]item, block)
		for i := range items {
			m.free = append(m.free, &items[i])
		}
	}
	last := len(m.free) - 1
	it := m.free[last]
	m.free = m.free[:last]
	return it
}

// forget ends an item that is in no backlog. Nothing may point to it any more.
func (m *memory) forget(it *item) {
	m.bytes -= it.size
	*it = item{}
	if len(m.free) < freeItems {
		m.free = append(m.free, it)
	}
}

// hasRoom says whether messages of that size may stay in memory: they must fit,
// and all that came before them must be there already.
func (m *memory) hasRoom(size, limit int) bool {
	return len(m.behind) == 0 && m.bytes+size <= limit
}

// admit makes a message in memory the last of fresh.
func (m *memory) admit(s *stored) {
	it := m.newItem()
	it.stored = *s
	m.bytes += it.size
	m.fresh.push(it)
}

// published takes over messages that were just committed. They stay in memory
// when there is room; else a fill will read them in their turn.
func (m *memory) published(batch []stored, limit int) {
	size := 0
	for i := range batch {
		size += batch[i].size
	}
	if m.hasRoom(size, limit) {
		for i := range batch {
			m.admit(&batch[i])
		}
		return
	}
	m.behind = appendSpan(m.behind, batch)
}

// appendSpan notes rows. Spans are joined only when nothing lies between them,
// since what does may be in memory.
func appendSpan(spans []span, batch []stored) []span {
	s := span{batch[0].seq, batch[len(batch)-1].seq}
	if n := len(spans); n > 0 && spans[n-1].last+1 == s.first {
		spans[n-1].last = s.last
		return spans
	}
	return append(spans, s)
}

// collect moves what is due from timed to where it waits to be received again.
func (m *memory) collect(now time.Time) {
	for l := m.timed.soonest(); l != nil && !l.due.After(now); l = m.timed.soonest() {
		m.timed.remove(l)
		m.giveBack(l)
	}
}

// giveBack puts a message that left timed into the line to be received again.
func (m *memory) giveBack(l *lease) {
	if l.state == held {
		m.leased--
	}
	l.state = over
	if it := l.it; it != nil {
		l.it, it.lease = nil, nil
		it.deliveries = l.deliveries
		m.again.push(it)
		return
	}
	m.returned = append(m.returned, l.came)
}

// wantsFill says that rows on disk should be read for the next Receive.
func (m *memory) wantsFill() bool {
	return len(m.returned) > 0 && m.rereads == 0 ||
		m.fresh.n == 0 && len(m.behind)+len(m.doubtful) > 0
}

// take leases up to limit ready messages.
func (m *memory) take(q *Queue, limit int, now time.Time) []queue.Received {
	n := min(limit, m.again.n+m.fresh.n)
	if n == 0 {
		return nil
	}
	got := make([]queue.Received, n)
	var leases []lease
	due := now.Add(q.opts.Visibility)
	for i := range got {
		var it *item
		if m.again.n > 0 {
			it = m.again.pop()
		} else {
			it = m.fresh.pop()
		}
		if it.reread {
			it.reread = false
			m.rereads--
		}
		if len(leases) == 0 {
			leases = make([]lease, min(n-i, block))
		}
		l := &leases[0]
		leases = leases[1:]
		l.came, l.q, l.due = it.came, q, due
		l.deliveries++
		m.timed.start(l)
		r := &got[i]
		r.Message, r.Raw, r.Err = it.msg, it.raw, it.err
		r.Lease, r.Deliveries, r.EnqueuedAt = l, l.deliveries, time.UnixMilli(l.at)
		if it.lingers {
			l.it, it.lease = it, l
		} else {
			m.forget(it)
		}
	}
	m.leased += n
	return got
}

// leaseOf returns the lease that r was received with from this queue, or nil.
func leaseOf(q *Queue, r *queue.Received) *lease {
	l, ok := r.Lease.(*lease)
	if !ok || l == nil || l.q != q {
		return nil
	}
	return l
}

// holds returns the lease of r if it still holds at now.
func (m *memory) holds(q *Queue, r *queue.Received, now time.Time) *lease {
	l := leaseOf(q, r)
	if l == nil || l.state != held || !l.due.After(now) {
		return nil
	}
	return l
}

// settle takes leases out of the clock's reach while the writer removes their
// messages. One that is being settled already is taken along, so that the
// second caller, too, hears whether it worked.
func (m *memory) settle(l *lease) bool {
	if l == nil || l.state != held && l.state != settling {
		return false
	}
	if l.state == held {
		m.timed.remove(l)
		l.state = settling
	}
	return true
}

// settled ends what settle began. When the writer failed, the lease goes on.
func (m *memory) settled(leases []*lease, err error) {
	for _, l := range leases {
		switch {
		case err != nil && l.state == settling:
			l.state = held
			m.timed.add(l)
		case err == nil && (l.state == settling || l.state == held):
			if l.state == held { // another verb settled it as well, and failed
				m.timed.remove(l)
			}
			m.gone(l)
		}
	}
}

// gone ends a lease, out of timed, whose message was taken away.
func (m *memory) gone(l *lease) {
	l.state = over
	m.leased--
	if it := l.it; it != nil {
		l.it = nil
		m.lingering.remove(it)
		m.forget(it)
	}
}

// ackNow takes a leased ticket away if the file knows nothing of it.
func (m *memory) ackNow(l *lease) bool {
	if l == nil || l.state != held || l.it == nil || l.it.touched {
		return false
	}
	m.timed.remove(l)
	m.gone(l)
	return true
}
