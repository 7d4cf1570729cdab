package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
)

func setup(t testing.TB, o Options) *Queue {
	t.Helper()
	q := open(t, t.TempDir(), o)
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return q
}

func mustReceive(t testing.TB, q *Queue, n int) (all []queue.Received) {
	t.Helper()
	for len(all) < n {
		got, err := q.Receive(t.Context(), n-len(all), 10*time.Second)
		if err != nil || len(got) == 0 {
			t.Fatalf("received %d of %d messages: %v", len(all), n, err)
		}
		all = append(all, got...)
	}
	return all
}

func mustPublish(t testing.TB, q *Queue, messages []queue.Message) {
	t.Helper()
	if err := q.Publish(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
}

func mustAck(t testing.TB, q *Queue, received []queue.Received) {
	t.Helper()
	if err := q.Ack(t.Context(), received); err != nil {
		t.Fatal(err)
	}
}

func wantEmpty(t testing.TB, q *Queue) {
	t.Helper()
	s, err := q.Stats(t.Context())
	if err != nil || s.Pending != 0 || s.InFlight != 0 {
		t.Errorf("stats %+v, %v; want an empty queue", s, err)
	}
	if got, err := q.Receive(t.Context(), 1, 0); err != nil || len(got) > 0 {
		t.Errorf("received %v, %v; want none", got, err)
	}
}

func TestAFullDiskRefusesAndRecoversByItself(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{})
	mustPublish(t, q, oneKiB(50))
	q.Exec(t, `PRAGMA max_page_count=1`) // no page beyond those in use
	var taken int
	for i := 0; ; i++ {
		if i > 100 {
			t.Fatal("the disk never filled")
		}
		err := q.Publish(t.Context(), oneKiB(10))
		if err == nil {
			taken += 10
			continue
		}
		if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultFull {
			t.Fatalf("publish: %v, want SQLITE_FULL", err)
		}
		break
	}
	// What was taken can be received and acked all the same, and nothing else.
	mustAck(t, q, mustReceive(t, q, 50+taken))
	wantEmpty(t, q)

	// The acks freed pages, so publishing works again without a restart.
	mustPublish(t, q, oneKiB(10))
	q.Exec(t, `PRAGMA max_page_count=1000000`)
	mustPublish(t, q, oneKiB(500))
	mustAck(t, q, mustReceive(t, q, 510))
	wantEmpty(t, q)
}

// An ack that shares its transaction with a publish must not fail with it.
func TestAFailingPublishDoesNotTakeAcksAlong(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{})
	mustPublish(t, q, oneKiB(10))
	held := mustReceive(t, q, 10)

	// While the writer is busy with a read, both gather behind it.
	busy, release := make(chan struct{}), make(chan struct{})
	go func() {
		_ = q.do(context.Background(), &op{kind: read, read: func(*database) error {
			close(busy)
			<-release
			return nil
		}})
	}()
	<-busy
	full := errors.New("the disk is full")
	var inserts atomic.Int32
	fault := func(s step) error {
		if s == stepInsert {
			inserts.Add(1)
			return full
		}
		return nil
	}
	q.fault.Store(&fault)
	published, acked := make(chan error, 1), make(chan error, 1)
	go func() { published <- q.Publish(t.Context(), oneKiB(1)) }()
	go func() { acked <- q.Ack(t.Context(), held) }()
	untilListed(t, q, 2)
	close(release)
	if err := <-published; !errors.Is(err, full) {
		t.Errorf("publish: %v, want %v", err, full)
	}
	if err := <-acked; err != nil {
		t.Errorf("ack: %v", err)
	}
	if n := inserts.Load(); n != 2 {
		t.Errorf("the publish was tried %d times, want once with the ack and once alone", n)
	}
	q.fault.Store(nil)
	wantEmpty(t, q)
}

func TestAnErrorOfTheDiskFailsCallersAndIsHealedByReopening(t *testing.T) {
	t.Parallel()
	for _, at := range []step{stepBegin, stepInsert, stepDelete, stepCommit, stepRead} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			q := setup(t, Options{})
			mustPublish(t, q, oneKiB(10))
			held := mustReceive(t, q, 5)
			before := connection(t, q)
			fault := func(s step) error {
				if s == at {
					return sqlite.ResultIOErrWrite.ToError()
				}
				return nil
			}
			q.fault.Store(&fault)
			verbs := []error{
				q.Publish(t.Context(), oneKiB(3)),
				q.Ack(t.Context(), held[:2]),
				q.DeadLetter(t.Context(), []queue.DeadLetter{{Received: held[2], Reason: "poison"}}),
			}
			_, err := q.Peek(t.Context(), 1)
			verbs = append(verbs, err)
			q.fault.Store(nil)
			failed := 0
			for _, err := range verbs {
				if err != nil {
					failed++
				}
			}
			if failed == 0 {
				t.Fatal("no verb failed")
			}

			if connection(t, q) == before {
				t.Error("the file was not reopened")
			}
			// Repeated, each takes effect once.
			if verbs[0] != nil {
				mustPublish(t, q, oneKiB(3))
			}
			mustAck(t, q, held[:2])
			if err := q.DeadLetter(t.Context(), []queue.DeadLetter{{Received: held[2], Reason: "poison"}}); err != nil {
				t.Fatal(err)
			}
			mustAck(t, q, held[3:])
			mustAck(t, q, mustReceive(t, q, 8))
			wantEmpty(t, q)
			s, err := q.Stats(t.Context())
			if err != nil || s.DeadLetters != 1 {
				t.Errorf("stats %+v, %v; want one dead letter", s, err)
			}
		})
	}
}

// A commit may be on the disk although it said otherwise.
func TestACommitWhoseAnswerIsLostLosesNothing(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{Visibility: time.Hour})
	mustPublish(t, q, oneKiB(4))
	held := mustReceive(t, q, 2)
	lost := sqlite.ResultIOErr.ToError()
	fault := func(s step) error {
		if s != stepCommit {
			return nil
		}
		if err := q.db.commit(); err != nil { // in the writer, as this hook is
			return err
		}
		return lost
	}
	q.fault.Store(&fault)
	if err := q.Publish(t.Context(), oneKiB(3)); err == nil {
		t.Fatal("publish: no error")
	}
	if err := q.Ack(t.Context(), held); err == nil {
		t.Fatal("ack: no error")
	}
	q.fault.Store(nil)
	mustPublish(t, q, oneKiB(3)) // the caller repeats, so three come twice
	if err := q.Nack(t.Context(), held, 0); err != nil {
		t.Fatal(err)
	}
	mustAck(t, q, mustReceive(t, q, 2+3+3))
	wantEmpty(t, q)
}

func TestOpenRefusesAndLeavesAsItIs(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		prepare func(t *testing.T, path string)
		want    string
	}{
		"a text file": {func(t *testing.T, path string) {
			write(t, path, []byte(strings.Repeat("These are my notes.\n", 100)))
		}, "not a SQLite database"},
		"a short text file": {func(t *testing.T, path string) { write(t, path, []byte("notes")) }, "not a SQLite database"},
		"another program's database": {func(t *testing.T, path string) {
			script(t, path, `CREATE TABLE recipes (name TEXT)`)
		}, "not a queue"},
		"a newer version": {func(t *testing.T, path string) {
			create(t, path)
			script(t, path, fmt.Sprintf(`PRAGMA user_version=%d`, len(migrations)+1))
		}, "newer program"},
		"a damaged file": {func(t *testing.T, path string) {
			create(t, path)
			image, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 4096; i < len(image); i++ {
				image[i] ^= byte(i) | 1
			}
			write(t, path, image)
		}, "damaged"},
		"a directory": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "cannot be opened"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "queue.db")
			c.prepare(t, path)
			before, _ := os.ReadFile(path) // empty for the directory
			q, err := Open(path, Options{})
			if err == nil {
				_ = q.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("open: %v; want the path and %q", err, c.want)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestAFileInUseIsRefused(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{})
	if _, err := Open(q.path, Options{}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("open: %v, want it to say that the file is in use", err)
	}
	mustPublish(t, q, oneKiB(1))
	mustAck(t, q, mustReceive(t, q, 1))
}

// connection is the one the writer uses now.
func connection(t *testing.T, q *Queue) (conn *sqlite.Conn) {
	t.Helper()
	err := q.do(t.Context(), &op{kind: read, read: func(db *database) error {
		conn = db.conn
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func write(t *testing.T, path string, image []byte) {
	t.Helper()
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, path string) {
	t.Helper()
	q, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustPublish(t, q, queuetest.Tickets("job-1", 100))
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

func script(t *testing.T, path, query string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	db := &database{conn: conn}
	defer db.close()
	if err := db.exec(query); err != nil {
		t.Fatal(err)
	}
}
