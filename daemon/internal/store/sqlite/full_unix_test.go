//go:build unix

package sqlite

import (
	"os"
	"os/exec"
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"
)

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
	fullDisk(t, t.TempDir(), disk{
		fill:  limit(func(st *Store) uint64 { return uint64(walSize(st.path)) + 100 }),
		free:  limit(func(*Store) uint64 { return unix.RLIM_INFINITY }),
		whole: true,
	})
}
