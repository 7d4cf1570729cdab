package sqlite

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// How much of what lingered one transaction writes, so that other verbs get
// their turn.
const (
	flushItems = 1024
	flushBytes = 2 << 20
)

// After a failure the writer tries again with growing pauses.
const (
	minRetry = 100 * time.Millisecond
	maxRetry = 5 * time.Second
)

// age is the time since the queue was opened. It is the wall's time, since
// lingering is about the disk and not about leases.
func (q *Queue) age() time.Duration { return time.Since(q.opened) }

// linger hands tickets on from memory, if there is room for them.
func (q *Queue) linger(tickets []queue.Message, size int) bool {
	now := q.opts.Now().UnixMilli()
	born := q.age()
	q.mu.Lock()
	if q.sealed || !q.hasRoom(size, q.opts.MemoryBytes) {
		q.mu.Unlock()
		return false
	}
	for i := range tickets {
		it := q.newItem()
		it.msg = tickets[i]
		it.msg.OrderKey = ""
		it.seq, it.at, it.born, it.lingers = q.next, now, born, true
		it.size = footprint(&it.msg)
		q.next++
		q.bytes += it.size
		q.fresh.push(it)
		q.lingering.push(it)
	}
	tell := !q.watched
	q.watched = true
	q.wake()
	q.mu.Unlock()
	if tell {
		q.signal()
	}
	return true
}

// flushDue writes the tickets that have lingered long enough, some at least,
// and says when to look again; a negative time says not before a Publish does.
func (q *Queue) flushDue() time.Duration {
	now := q.age()
	q.mu.Lock()
	oldest := q.lingering.first
	if oldest == nil {
		q.watched = false
		q.mu.Unlock()
		return -1
	}
	wait := max(oldest.born+q.opts.Linger, q.retryAt) - now
	if wait > 0 {
		q.mu.Unlock()
		return wait
	}
	q.mu.Unlock()
	// The younger ones that would be due soon are taken along: a transaction
	// costs more than a row.
	_, err := q.flushOlder(now - q.opts.Linger*3/4)
	if err == nil {
		if q.retry > 0 {
			q.opts.Logger.Info("tickets are written to the queue file again", "path", q.path)
		}
		q.retry, q.retryAt = 0, 0
		return 0
	}
	if q.retry == 0 {
		q.opts.Logger.Warn("tickets stay in memory, since the queue file cannot be written", "path", q.path, "error", err)
	}
	q.retry = min(max(2*q.retry, minRetry), maxRetry)
	q.retryAt = q.age() + q.retry
	return q.retry
}

// flushOlder writes the oldest lingering tickets, born at most at that age, as
// far as one transaction should go, and says how many they were.
func (q *Queue) flushOlder(born time.Duration) (int, error) {
	// First, so that no ticket is in doubt when they are chosen.
	if _, err := q.database(); err != nil {
		return 0, err
	}
	due, size := q.flushing[:0], 0
	q.mu.Lock()
	for it := q.lingering.first; it != nil && it.born <= born; it = it.next {
		if len(due) == flushItems || size >= flushBytes {
			break
		}
		it.touched = true
		due = append(due, it)
		size += it.size
	}
	q.mu.Unlock()
	err := q.flush(due)
	n := len(due)
	clear(due) // the items live on
	q.flushing = due[:0]
	return n, err
}

// flush writes touched tickets in one transaction. When it fails they go on
// lingering.
func (q *Queue) flush(due []*item) error {
	if len(due) == 0 {
		return nil
	}
	err := q.transact(func(db *database) error {
		if err := q.fail(stepInsert); err != nil {
			return err
		}
		body := newBody()
		defer func() { freeBody(body) }()
		for _, it := range due {
			body = it.msg.AppendJSON(body[:0])
			if err := db.insert(it.seq, it.msg.ID, it.at, body); err != nil {
				return err
			}
		}
		return nil
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case err == nil:
		q.count()
		for _, it := range due {
			q.written(it)
		}
	case !q.db.broken:
		for _, it := range due {
			it.touched = false // it was rolled back for certain
		}
	}
	return err
}

// count adds to the totals what the last transaction changed.
func (q *Queue) count() {
	q.totals.messages += q.db.change.messages
	q.totals.dead += q.db.change.dead
}

// written ends a ticket's lingering, now that it is in the file.
func (m *memory) written(it *item) {
	m.lingering.remove(it)
	it.lingers, it.touched = false, false
	if l := it.lease; l != nil {
		l.it = nil
		m.forget(it)
	}
}

// flushAll writes everything that lingers, and with seal lets nothing linger
// any more.
func (q *Queue) flushAll(seal bool) error {
	for {
		_, err := q.flushOlder(q.age())
		q.mu.Lock()
		left := q.lingering.n
		if left == 0 || err != nil {
			q.sealed = seal
			q.mu.Unlock()
			if left > 0 {
				return fmt.Errorf("%d tickets could not be written to the file: %w", left, err)
			}
			return nil
		}
		q.mu.Unlock()
	}
}

// flushBuried writes the lingering messages among those that are to be buried,
// so that burying finds them in the file. It returns the ops that can go on.
func (q *Queue) flushBuried(ops []*op) []*op {
	if !slices.ContainsFunc(ops, q.lingersAny) {
		return ops
	}
	var due []*item
	_, err := q.database() // first, so that no ticket is in doubt
	q.mu.Lock()
	for _, o := range ops {
		if o.kind != bury || err != nil {
			continue
		}
		for _, l := range o.leases {
			if l.it != nil && !l.it.touched {
				l.it.touched = true
				due = append(due, l.it)
			}
		}
	}
	q.mu.Unlock()
	if err == nil {
		err = q.flush(due)
	}
	if err == nil {
		return ops
	}
	ready := make([]*op, 0, len(ops))
	for _, o := range ops {
		if q.lingersAny(o) {
			q.finish([]*op{o}, err)
		} else {
			ready = append(ready, o)
		}
	}
	return ready
}

// lingersAny says that an op would bury what is not in the file.
func (q *Queue) lingersAny(o *op) bool {
	if o.kind != bury {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(o.leases, func(l *lease) bool { return l.it != nil })
}

// reconcile finds out which touched tickets a failed commit left in a file
// that was just opened again.
func (q *Queue) reconcile(db *database) error {
	var doubtful []*item
	q.mu.Lock()
	for it := q.lingering.first; it != nil; it = it.next {
		if it.touched {
			doubtful = append(doubtful, it)
		}
	}
	q.mu.Unlock()
	there := make([]bool, len(doubtful))
	for i, it := range doubtful {
		var err error
		if _, there[i], err = db.message(it.seq); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, it := range doubtful {
		if there[i] {
			q.written(it)
		} else {
			it.touched = false
		}
	}
	return nil
}
