//go:build unix

package sqlite

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"
)

// stayReading pins the log until it is called off.
func stayReading(t *testing.T, st *Store) (leave func()) {
	t.Helper()
	reading, gone := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- st.snapshot(context.Background(), func(c *conn) error {
			_, err := c.q("SELECT count(*) FROM events").number()
			close(reading)
			<-gone
			return err
		})
	}()
	<-reading
	return func() {
		close(gone)
		must(t, <-ended)
	}
}

// A limit on the size of files makes real writes fail in the middle of a
// commit. It holds for a whole process, so this test runs itself in another.
func TestAFailingDiskRefusesAndRecoversByItself(t *testing.T) {
	t.Parallel()
	const env = "FC_STORE_TEST_LIMIT_FILES"
	if os.Getenv(env) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), env+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("with a limit on files: %v\n%s", err, out)
		}
		return
	}
	signal.Ignore(unix.SIGXFSZ)
	limit := func(n func(*Store) uint64) func(*testing.T, *Store) {
		return func(t *testing.T, st *Store) {
			t.Helper()
			var now unix.Rlimit
			must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &now))
			now.Cur = n(st)
			must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &now))
		}
	}
	fill := limit(func(st *Store) uint64 { return uint64(walSize(st.path)) + 100 })
	free := limit(func(*Store) uint64 { return unix.RLIM_INFINITY })
	var leave func()
	fullDisk(t, t.TempDir(), disk{
		// A log that was copied begins anew and needs no space for a while.
		// A reader that stays keeps it from that.
		fill:  func(t *testing.T, st *Store) { leave = stayReading(t, st); fill(t, st) },
		free:  func(t *testing.T, st *Store) { free(t, st); leave() },
		whole: true,
	})
}
