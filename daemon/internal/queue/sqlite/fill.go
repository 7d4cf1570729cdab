package sqlite

import (
	"slices"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// How much one fill reads, so that other verbs get their turn.
const (
	fillRows  = 1024
	fillBytes = 2 << 20
)

// fill reads returned messages, and those that did not fit into memory, into
// the backlogs. It runs in the writer, so no commit comes in between.
func (q *Queue) fill(db *database) error {
	q.mu.Lock()
	var back []came
	if q.rereads == 0 {
		n := min(len(q.returned), fillRows)
		back = q.returned[:n:n]
		if q.returned = q.returned[n:]; len(q.returned) == 0 {
			q.returned = nil
		}
	}
	spans := &q.behind
	if len(*spans) == 0 {
		spans = &q.doubtful
	}
	var next span
	wantTail := q.fresh.n == 0 && len(*spans) > 0
	if wantTail {
		next = (*spans)[0]
	}
	// Where leased tickets take all the room, reading must go on all the same.
	room := max(q.opts.MemoryBytes-q.bytes, q.opts.MemoryBytes/8)
	q.mu.Unlock()

	again, rest, err := readBack(db, back)
	var tail []stored
	if err == nil && wantTail {
		tail, err = db.tail(next, fillRows, min(fillBytes, room))
	}

	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range again {
		it := q.newItem()
		it.stored, it.reread = again[i], true
		q.bytes += it.size
		q.rereads++
		q.again.push(it)
	}
	q.returned = append(rest, q.returned...)
	if err != nil || !wantTail {
		return err
	}
	for i := range tail {
		q.admit(&tail[i])
	}
	// Nobody else takes spans away, nor adds to the first that it was.
	first := &(*spans)[0]
	if first.first = next.last + 1; len(tail) > 0 {
		first.first = tail[len(tail)-1].seq + 1
	}
	if first.first > first.last {
		*spans = slices.Delete(*spans, 0, 1)
	}
	return nil
}

// readBack reads the messages of rows that came back, and returns what it did
// not come to. A row that is gone was acked by a commit that looked failed.
func readBack(db *database, back []came) (again []stored, rest []came, err error) {
	size := 0
	for i, c := range back {
		if size >= fillBytes {
			return again, back[i:], nil
		}
		s, ok, err := db.message(c.seq)
		if err != nil {
			return again, back[i:], err
		}
		if ok {
			s.deliveries = c.deliveries
			again = append(again, s)
			size += s.size
		}
	}
	return again, nil, nil
}

// decoded makes a message in memory of a row.
func decoded(c came, id string, body []byte) stored {
	s := stored{came: c}
	if s.msg, s.err = queue.Decode(body); s.err != nil {
		s.msg, s.raw = queue.Message{ID: id}, body
	}
	s.size = footprint(&s.msg) + len(s.raw)
	return s
}
