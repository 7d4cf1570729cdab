package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
)

const visibility = 10 * time.Minute

func execArgs(db *database, script string, args []any) error {
	return sqlitex.ExecuteTransient(db.conn, script, &sqlitex.ExecOptions{Args: args})
}

// inject writes a row as a publish of an earlier, or confused, program would.
func inject(t testing.TB, q *Queue, body []byte) {
	t.Helper()
	err := q.do(t.Context(), &op{kind: read, read: func(db *database) error {
		row := make([]stored, 1)
		q.number(row, q.opts.Now().UnixMilli())
		if body == nil {
			body = []byte{}
		}
		err := execArgs(db, `INSERT INTO message (seq, id, enqueued_at, body) VALUES (?, 'injected', ?, ?)`,
			[]any{row[0].seq, row[0].at, body})
		q.mu.Lock()
		defer q.mu.Unlock()
		q.totals.messages++
		q.behind = appendSpan(q.behind, row)
		q.wake()
		return err
	}})
	if err != nil {
		t.Fatalf("inject: %v", err)
	}
}

func backend(o Options) queuetest.Backend {
	o.Visibility = visibility
	b := queuetest.Backend{
		Open: func(t testing.TB, dir string, now func() time.Time) queue.Queue {
			o := o
			o.Now = now
			return open(t, dir, o)
		},
		Crash:  func(t testing.TB, q queue.Queue) { q.(*Queue).Kill(t) },
		Inject: func(t testing.TB, q queue.Queue, body []byte) { inject(t, q.(*Queue), body) },
		Features: queue.Features{
			Visibility: visibility, Linger: o.Linger, MaxBytes: 1 << 20, Peek: true, DeadLetters: true, InOrder: true,
		},
	}
	if o.Linger > 0 {
		b.Settle = func(t testing.TB, q queue.Queue) { q.(*Queue).Settle(t) }
	}
	return b
}

func open(t testing.TB, dir string, o Options) *Queue {
	t.Helper()
	q, err := Open(filepath.Join(dir, "queue.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestQueue(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, backend(Options{}))
}

// Nothing is written before the suite asks for it.
func TestQueueWithLingeringTickets(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, backend(Options{Linger: time.Hour}))
}

// The writer is at every ticket's heels.
func TestQueueWithTicketsThatHardlyLinger(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, backend(Options{Linger: time.Microsecond}))
}

// Some tickets linger and others find no room.
func TestQueueWithLingeringTicketsAndLittleMemory(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, backend(Options{Linger: time.Millisecond, MemoryBytes: 6 << 10}))
}

// With next to no memory every message takes the way over the disk.
func TestQueueWithoutMemory(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, backend(Options{MemoryBytes: 1}))
}
