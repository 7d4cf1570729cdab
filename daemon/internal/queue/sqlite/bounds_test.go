package sqlite

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
)

func TestMemoryIsBoundedAndOrderHolds(t *testing.T) {
	t.Parallel()
	for _, linger := range []time.Duration{0, time.Hour} {
		t.Run(linger.String(), func(t *testing.T) {
			t.Parallel()
			memoryIsBounded(t, linger)
		})
	}
}

func memoryIsBounded(t *testing.T, linger time.Duration) {
	const limit = 20 << 10
	q := setup(t, Options{MemoryBytes: limit, Linger: linger})
	all := queuetest.Tickets("job-1", 600)
	var seen []int64
	for batch := range slices.Chunk(all, 20) {
		for i := range batch {
			batch[i].Payload = oneKiB(1)[0].Payload
		}
		mustPublish(t, q, batch)
		// A receiver that falls behind: memory, then disk, then memory again.
		for _, r := range mustReceive(t, q, 7) {
			seen = append(seen, r.Ticket)
		}
		q.mu.Lock()
		if q.bytes > limit+2048 {
			t.Errorf("%d bytes are kept in memory, want at most %d", q.bytes, limit)
		}
		q.mu.Unlock()
	}
	for len(seen) < len(all) {
		for _, r := range mustReceive(t, q, min(50, len(all)-len(seen))) {
			seen = append(seen, r.Ticket)
		}
	}
	for i, ticket := range seen {
		if ticket != int64(i+1) {
			t.Fatalf("message %d has ticket %d", i, ticket)
		}
	}
	mustPublish(t, q, queuetest.Tickets("job-2", 1))
	if q.mu.Lock(); len(q.behind) > 0 {
		t.Error("a receiver that caught up is not served from memory")
	}
	q.mu.Unlock()
}

func TestTheLogIsBoundedUnderLoad(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{})
	var largest int64
	for range 120 {
		mustPublish(t, q, oneKiB(500))
		mustAck(t, q, mustReceive(t, q, 500))
		if info, err := os.Stat(q.path + "-wal"); err == nil {
			largest = max(largest, info.Size())
		}
	}
	// One look's step and one group may come on top of the bound.
	if most := int64(walBound + walStep + 2*groupBytes); largest > most {
		t.Errorf("the write-ahead log grew to %d bytes, want at most %d", largest, most)
	}
	if largest < walWanted/2 {
		t.Errorf("the write-ahead log reached only %d bytes: this test proves nothing", largest)
	}
}

func TestAnIdleQueueGivesItsSpaceBack(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{})
	const burst = 12000
	for range burst / 500 {
		mustPublish(t, q, oneKiB(500))
	}
	mustAck(t, q, mustReceive(t, q, burst))
	deadline := time.Now().Add(30 * time.Second)
	for {
		// Closing and opening is not needed: the writer does it when idle.
		file, err := os.Stat(q.path)
		if err != nil {
			t.Fatal(err)
		}
		wal, err := os.Stat(q.path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		if file.Size()+wal.Size() < 6<<20 && file.Size() > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("file %d and log %d bytes after %d messages came and went", file.Size(), wal.Size(), burst)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

func TestACancelledCallerStopsWaiting(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{})
	release := make(chan struct{})
	parked := make(chan struct{})
	go func() {
		_ = q.do(context.Background(), &op{kind: read, read: func(*database) error {
			close(parked)
			<-release
			return nil
		}})
	}()
	<-parked
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	batch := oneKiB(3)
	go func() { errs <- q.Publish(ctx, batch) }()
	for n := 0; n == 0; {
		q.listMu.Lock()
		n = len(q.list)
		q.listMu.Unlock()
	}
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("publish: %v, want context.Canceled", err)
	}
	clear(batch) // the caller may go on with its slice
	close(release)
	// The writer knows no caller's context: the verb took effect.
	for _, r := range mustReceive(t, q, 3) {
		if len(r.Payload) < 1000 {
			t.Errorf("%s came with %d bytes", r.ID, len(r.Payload))
		}
	}
}

func TestWaitingBodiesAreBounded(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{})
	q.listMu.Lock()
	q.waitingBytes = maxWaitingBytes
	q.listMu.Unlock()
	if err := q.Publish(t.Context(), oneKiB(1)); !errors.Is(err, errBusy) {
		t.Errorf("publish: %v, want %v", err, errBusy)
	}
	q.listMu.Lock()
	q.waitingBytes = 0
	q.listMu.Unlock()
	mustPublish(t, q, oneKiB(1))
}

func TestTheFileIsSetUpAsPromised(t *testing.T) {
	t.Parallel()
	q := setup(t, Options{})
	err := q.do(t.Context(), &op{kind: read, read: func(db *database) error {
		for query, want := range map[string]int64{
			`PRAGMA auto_vacuum`: 2, `PRAGMA synchronous`: 1, `PRAGMA wal_autocheckpoint`: 0,
			`PRAGMA application_id`: applicationID, `PRAGMA user_version`: int64(len(migrations)),
			`SELECT journal_mode = 'wal' FROM pragma_journal_mode`:       1,
			`SELECT count(*) FROM sqlite_schema WHERE type = 'index'`:    0,
			`SELECT locking_mode = 'exclusive' FROM pragma_locking_mode`: 1,
		} {
			got, err := db.number(query)
			if err != nil {
				return err
			}
			if got != want {
				t.Errorf("%s is %d, want %d", query, got, want)
			}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
}
