package sqlite

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// keepWriting appends from two goroutines until the test stops it, and tells
// how long the slowest call took.
func keepWriting(t *testing.T, st *Store) (written *atomic.Int64, stop func() (slowest time.Duration)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	written = new(atomic.Int64)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var slowest time.Duration
	for g := range 2 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				es := events(fmt.Sprint(g, ".", n), "", 20, 6000)
				began := time.Now()
				if _, err := st.Append(context.Background(), es, noon); err != nil {
					t.Errorf("append: %v", err)
					return
				}
				took := time.Since(began)
				mu.Lock()
				slowest = max(slowest, took)
				mu.Unlock()
				written.Add(20 * 6000)
			}
		})
	}
	return written, func() time.Duration {
		cancel()
		wg.Wait()
		return slowest
	}
}

func TestTheLogStaysBounded(t *testing.T) {
	t.Parallel()
	st := open(t, t.TempDir(), Options{CacheBytes: 1 << 20, Now: noon})
	defer shut(t, st)
	file := func() int64 {
		fi, err := os.Stat(st.path)
		must(t, err)
		return fi.Size()
	}

	// A reader that stays for long pins the log: it grows, and the writers
	// are not held up by it.
	reading, leave := make(chan struct{}), make(chan struct{})
	readerDone := make(chan error, 1)
	go func() {
		readerDone <- st.snapshot(context.Background(), func(c *conn) error {
			_, err := c.q("SELECT count(*) FROM events").number()
			close(reading)
			<-leave
			return err
		})
	}()
	<-reading
	written, stop := keepWriting(t, st)
	until(t, "the log has outgrown its bound behind the reader", func() bool { return walSize(st.path) > logKept+(8<<20) })
	before := written.Load()
	until(t, "writing goes on behind the reader", func() bool { return written.Load() > before+(2<<20) })

	close(leave)
	must(t, <-readerDone)
	until(t, "the log begins anew", func() bool { return walSize(st.path) <= logKept })
	// With readers that come and go it stays bounded under constant writing,
	// and what it held is in the file.
	before, most := written.Load(), int64(0)
	until(t, "twice the bound has been written", func() bool {
		most = max(most, walSize(st.path))
		if _, err := st.Unfanned(t.Context(), 50); err != nil {
			t.Errorf("read: %v", err)
		}
		return written.Load() > before+2*restartAt
	})
	if slowest := stop(); slowest > busyTimeout/2 {
		t.Errorf("an append took %s: it waited for a checkpoint or a reader", slowest)
	}
	if most > 3*restartAt {
		t.Errorf("the log grew to %d bytes without a reader behind", most)
	}
	if size := file(); size < written.Load()/2 {
		t.Errorf("the file has %d bytes of %d written: nothing was copied into it", size, written.Load())
	}
}

func TestAnIdleStoreCopiesItsLogWithoutACommit(t *testing.T) {
	t.Parallel()
	st := setup(t)
	const enough = 4 << 20
	for n := 0; walSize(st.path) < enough; n++ {
		appendAll(t, st, events(fmt.Sprint(n), "", 50, 6000))
	}
	until(t, "the log is copied beside the idle writer", func() bool {
		fi, err := os.Stat(st.path)
		return err == nil && fi.Size() >= enough*3/4
	})
	fanOut(t, st, "sub_A", flow.Immediate)
}
