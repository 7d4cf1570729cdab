package sqlite

import "github.com/flowcatalyst/fc/daemon/internal/queue"

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
	if q.again.empty() {
		n := min(len(q.returned), fillRows)
		back = q.returned[:n:n]
		if q.returned = q.returned[n:]; len(q.returned) == 0 {
			q.returned = nil
		}
	}
	wantTail := q.fresh.empty() && q.loaded < q.head
	loaded, head := q.loaded, q.head
	q.mu.Unlock()

	again, rest, err := readBack(db, back)
	var tail []stored
	if err == nil && wantTail {
		tail, err = db.tail(loaded, head, fillRows, min(fillBytes, q.opts.MemoryBytes))
	}

	q.mu.Lock()
	defer q.mu.Unlock()
	q.again.push(again)
	q.returned = append(rest, q.returned...)
	if err != nil || !wantTail {
		return err
	}
	if len(tail) == 0 {
		q.loaded = head // the rest was never written, or is gone
		return nil
	}
	for i := range tail {
		q.freshBytes += tail[i].size
	}
	q.fresh.push(tail)
	q.loaded = tail[len(tail)-1].seq
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
	s := stored{came: c, size: len(body)}
	if s.msg, s.err = queue.Decode(body); s.err != nil {
		s.msg, s.raw = queue.Message{ID: id}, body
	}
	return s
}
