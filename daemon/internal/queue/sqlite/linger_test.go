package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
)

// rowsIn counts the messages in the file.
func rowsIn(t testing.TB, q *Queue) (n int64) {
	t.Helper()
	err := q.do(t.Context(), &op{kind: read, read: func(db *database) (err error) {
		n, err = db.number(`SELECT count(*) FROM message`)
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// untilWritten waits until the file holds n messages.
func untilWritten(t testing.TB, q *Queue, n int64) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for rowsIn(t, q) != n {
		if time.Now().After(deadline) {
			t.Fatalf("the file holds %d messages, want %d", rowsIn(t, q), n)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

func reopen(t testing.TB, q *Queue, o Options) *Queue {
	t.Helper()
	again, err := Open(q.path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := again.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return again
}

func TestAShortLivedTicketCostsTheFileNothing(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{Linger: time.Hour})
	var steps atomic.Int32
	count := func(step) error {
		steps.Add(1)
		return nil
	}
	q.fault.Store(&count)
	for range 100 {
		mustPublish(t, q, oneKiB(10))
		mustAck(t, q, mustReceive(t, q, 10))
	}
	if n := steps.Load(); n != 0 {
		t.Errorf("the writer took %d steps", n)
	}
	q.fault.Store(nil)
	wantEmpty(t, q)
	if q.mu.Lock(); q.bytes != 0 {
		t.Errorf("nothing is in memory and counts for %d bytes", q.bytes)
	}
	q.mu.Unlock()
}

func TestWhatLingeredIsWrittenAndSurvives(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{Linger: 20 * time.Millisecond})
	mustPublish(t, q, queuetest.Tickets("job-1", flushItems+500))
	held := mustReceive(t, q, 20)
	if err := q.Nack(t.Context(), held[:5], time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := q.Nack(t.Context(), held[5:10], 0); err != nil {
		t.Fatal(err)
	}
	untilWritten(t, q, flushItems+500)
	q.mu.Lock()
	if q.lingering.n != 0 {
		t.Errorf("%d tickets linger although all are written", q.lingering.n)
	}
	kept := 0
	for _, b := range []backlog{q.fresh, q.again} {
		for i := range b.n {
			kept += b.ring[(b.head+i)&(len(b.ring)-1)].size
		}
	}
	if q.bytes != kept {
		t.Errorf("what waits takes %d bytes and %d are counted: leased ones should be in the file alone", kept, q.bytes)
	}
	q.mu.Unlock()
	mustAck(t, q, held[10:12])
	q.Kill(t)
	q = reopen(t, q, Options{})
	got := mustReceive(t, q, flushItems+498)
	if got[0].Ticket != 1 || got[len(got)-1].Ticket != flushItems+500 {
		t.Errorf("received tickets %d to %d", got[0].Ticket, got[len(got)-1].Ticket)
	}
	mustAck(t, q, got)
	wantEmpty(t, q)
}

// What lies between two batches on disk may be a ticket in memory, which a fill
// must not read a second time once it is written.
func TestSpansAreJoinedOnlyWithoutAGap(t *testing.T) {
	t.Parallel()
	batch := func(first, last int64) (b []stored) {
		for seq := first; seq <= last; seq++ {
			b = append(b, stored{came: came{seq: seq}})
		}
		return b
	}
	var spans []span
	for _, b := range [][]stored{batch(1, 4), batch(5, 5), batch(7, 9)} {
		spans = appendSpan(spans, b)
	}
	if want := []span{{1, 5}, {7, 9}}; !slices.Equal(spans, want) {
		t.Errorf("spans are %v, want %v", spans, want)
	}
}

func TestCloseWritesWhatLingers(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{Linger: time.Hour})
	const n = 2*flushItems + 100
	mustPublish(t, q, queuetest.Tickets("job-1", n))
	held := mustReceive(t, q, 30)
	mustAck(t, q, held[:10])
	if err := q.Nack(t.Context(), held[10:20], time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = reopen(t, q, Options{Linger: time.Hour})
	got := mustReceive(t, q, n-10)
	for i, r := range got {
		if r.Ticket != int64(i+11) {
			t.Fatalf("message %d has ticket %d", i, r.Ticket)
		}
	}
	mustAck(t, q, got)
	wantEmpty(t, q)
}

func TestCloseSaysWhatItCouldNotWrite(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{Linger: time.Hour})
	mustPublish(t, q, oneKiB(7))
	full := sqlite.ResultFull.ToError()
	fault := func(step) error { return full }
	q.fault.Store(&fault)
	if err := q.Close(); !errors.Is(err, full) {
		t.Errorf("close: %v, want %v", err, full)
	}
	if err := q.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if err := q.Publish(t.Context(), oneKiB(1)); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("publish: %v, want ErrClosed", err)
	}
}

// Neither waiting nor leased tickets may take more than the bound, and those
// that find no room are in the file before Publish returns.
func TestLingeringMemoryIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	q := setup(t, Options{Linger: time.Hour, MemoryBytes: limit})
	all := queuetest.Tickets("job-1", 400)
	var held []queue.Received
	for i := range all {
		all[i].Payload = oneKiB(1)[0].Payload
		mustPublish(t, q, all[i:i+1])
		if i%2 == 0 {
			held = append(held, mustReceive(t, q, 1)...)
		}
		q.mu.Lock()
		if most := limit + limit/8 + 2048; q.bytes > most {
			t.Errorf("%d bytes are kept in memory, want at most %d", q.bytes, most)
		}
		lingering := int64(q.lingering.n)
		q.mu.Unlock()
		if n := rowsIn(t, q); n+lingering != int64(i+1) {
			t.Fatalf("%d are in the file and %d linger, want %d together", n, lingering, i+1)
		}
	}
	for len(held) < len(all) {
		held = append(held, mustReceive(t, q, len(all)-len(held))...)
	}
	for i, r := range held {
		if r.Ticket != int64(i+1) {
			t.Fatalf("message %d has ticket %d", i, r.Ticket)
		}
	}
	mustAck(t, q, held)
	wantEmpty(t, q)
	before := rowsIn(t, q)
	mustPublish(t, q, oneKiB(1))
	if after := rowsIn(t, q); after != before {
		t.Error("with room again, a ticket does not linger")
	}
}

func TestTicketsFlowWhileTheDiskIsFull(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	q := setup(t, Options{Linger: time.Millisecond, MemoryBytes: limit})
	q.Exec(t, `PRAGMA max_page_count=1`) // no page beyond those in use
	for err := error(nil); err == nil; {
		foreign := queuetest.Foreign("order", 10)
		if err = q.Publish(t.Context(), foreign); err == nil {
			continue
		}
		if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultFull {
			t.Fatalf("publish: %v, want SQLITE_FULL", err)
		}
	}
	kept := rowsIn(t, q)
	mustReceive(t, q, int(kept)) // and hold them, so that no page is freed

	for range 20 { // much more than the bound, all in all
		mustPublish(t, q, oneKiB(10))
		mustAck(t, q, mustReceive(t, q, 10))
	}
	// Without acks the bound is reached, and not a message further is taken.
	taken := 0
	for ; taken < limit; taken++ {
		err := q.Publish(t.Context(), oneKiB(1))
		if err == nil {
			continue
		}
		if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultFull {
			t.Fatalf("publish: %v, want SQLITE_FULL", err)
		}
		break
	}
	if taken == 0 || taken > limit/1024 {
		t.Fatalf("%d tickets of 1 KiB were taken into %d bytes", taken, limit)
	}
	mustAck(t, q, mustReceive(t, q, taken/2)) // makes room
	mustPublish(t, q, oneKiB(1))

	// The disk has space again: what stayed in memory reaches the file.
	q.Exec(t, `PRAGMA max_page_count=1000000`)
	left := taken - taken/2 + 1
	untilWritten(t, q, kept+int64(left))
	mustAck(t, q, mustReceive(t, q, left))
}

// While the writer is in the middle of writing a ticket, it is acked. However
// the write ends, it must not come back, and its neighbour must not be lost.
func TestAnAckAmidTheWrite(t *testing.T) {
	t.Parallel()
	lost := sqlite.ResultIOErr.ToError()
	endings := map[string]func(q *Queue, s step) error{
		"that succeeds":           func(*Queue, step) error { return nil },
		"that is rolled back":     func(*Queue, step) error { return sqlite.ResultFull.ToError() },
		"whose disk fails":        func(*Queue, step) error { return lost },
		"whose answer gets lost":  commitAndLose(lost),
		"that fails at its begin": nil,
	}
	for name, ending := range endings {
		for _, at := range []step{stepBegin, stepInsert, stepCommit} {
			if (ending == nil) != (at == stepBegin) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", name, at), func(t *testing.T) {
				t.Parallel()
				q := setup(t, Options{Linger: time.Millisecond, Visibility: time.Hour})
				parked, release := make(chan struct{}), make(chan struct{})
				var once atomic.Bool
				fault := func(s step) error {
					if s != at || !once.CompareAndSwap(false, true) {
						return nil
					}
					close(parked)
					<-release
					if ending == nil {
						return lost
					}
					return ending(q, s)
				}
				q.fault.Store(&fault)
				mustPublish(t, q, queuetest.Tickets("job-1", 3))
				got := mustReceive(t, q, 2)
				<-parked
				acked := make(chan error, 1)
				go func() { acked <- q.Ack(t.Context(), got[:1]) }()
				untilListed(t, q, 1)
				if err := q.Nack(t.Context(), got[1:], 0); err != nil {
					t.Error(err)
				}
				close(release)
				if err := <-acked; err != nil {
					t.Errorf("ack: %v", err)
				}
				untilWritten(t, q, 2)
				again := mustReceive(t, q, 2)
				seen := []int64{again[0].Ticket, again[1].Ticket}
				if slices.Sort(seen); !slices.Equal(seen, []int64{2, 3}) {
					t.Errorf("received tickets %v, want 2 and 3", seen)
				}
				q.Kill(t)
				q = reopen(t, q, Options{})
				mustAck(t, q, mustReceive(t, q, 2))
				wantEmpty(t, q)
			})
		}
	}
}

// commitAndLose lets a commit happen and reports that it failed.
func commitAndLose(lost error) func(*Queue, step) error {
	return func(q *Queue, s step) error {
		if s == stepCommit {
			if err := q.db.commit(); err != nil { // in the writer, as this hook is
				return err
			}
		}
		return lost
	}
}

// untilListed waits until n verbs wait for the writer.
func untilListed(t testing.TB, q *Queue, n int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for listed := 0; listed < n; {
		if time.Now().After(deadline) {
			t.Errorf("%d verbs wait for the writer, want %d", listed, n)
			return
		}
		q.listMu.Lock()
		listed = len(q.list)
		q.listMu.Unlock()
	}
}

func TestALingeringTicketIsBuriedDurably(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{Linger: time.Hour})
	mustPublish(t, q, oneKiB(3))
	held := mustReceive(t, q, 3)
	letter := func(r queue.Received) []queue.DeadLetter {
		return []queue.DeadLetter{{Received: r, Reason: "poison"}}
	}
	if err := q.DeadLetter(t.Context(), letter(held[0])); err != nil {
		t.Fatal(err)
	}
	full := sqlite.ResultFull.ToError()
	fault := func(s step) error {
		if s == stepInsert {
			return full
		}
		return nil
	}
	q.fault.Store(&fault)
	if err := q.DeadLetter(t.Context(), letter(held[1])); !errors.Is(err, full) {
		t.Errorf("dead letter: %v, want %v", err, full)
	}
	if s, err := q.Stats(t.Context()); err != nil || s.InFlight != 2 || s.DeadLetters != 1 {
		t.Errorf("stats %+v, %v; want 2 in flight and one dead letter", s, err)
	}
	q.fault.Store(nil)
	// A commit that is said to have failed and did not: it may be repeated.
	var once atomic.Bool
	fault = func(s step) error {
		if s == stepCommit && once.CompareAndSwap(false, true) {
			return commitAndLose(sqlite.ResultIOErr.ToError())(q, s)
		}
		return nil
	}
	q.fault.Store(&fault)
	if err := q.DeadLetter(t.Context(), letter(held[1])); err == nil {
		t.Error("dead letter: no error")
	}
	if err := q.DeadLetter(t.Context(), letter(held[1])); err != nil {
		t.Fatal(err)
	}
	q.Kill(t)
	q = reopen(t, q, Options{})
	letters, err := q.DeadLetters(t.Context(), "", 10)
	if err != nil || len(letters) != 2 || len(letters[1].Payload) < 1000 {
		t.Errorf("%d dead letters, %v; want 2, whole", len(letters), err)
	}
	wantEmpty(t, q) // the third lingered and went with the process
}

func TestViewsSeeBothWrittenAndLingering(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{Linger: time.Hour})
	var want []string
	for i := range 4 {
		batch := queuetest.Tickets(fmt.Sprint("job-", i), 2)
		if i%2 == 1 {
			batch = queuetest.Foreign(fmt.Sprint("order-", i), 2)
		}
		mustPublish(t, q, batch)
		want = append(want, batch[0].ID, batch[1].ID)
	}
	held := mustReceive(t, q, 3)
	mustAck(t, q, held[1:2])
	want = slices.Delete(want, 1, 2)
	for limit := range len(want) + 2 {
		page, err := q.Peek(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		var seen []string
		for _, m := range page {
			seen = append(seen, m.ID)
		}
		if !slices.Equal(seen, want[:min(limit, len(want))]) {
			t.Errorf("peek %d shows %v, want the first of %v", limit, seen, want)
		}
	}
	var seen []string
	if err := q.IDs(t.Context(), func(id string) error { seen = append(seen, id); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, want) {
		t.Errorf("ids are %v, want %v", seen, want)
	}
	if s, err := q.Stats(t.Context()); err != nil || s.InFlight != 2 || s.Pending != 5 {
		t.Errorf("stats %+v, %v; want 2 in flight and 5 pending", s, err)
	}
}
