package storetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Features is what a backend tells the suite about itself.
type Features struct {
	// Open opens the store in a directory of its own, and creates it the
	// first time. Now is the time of opening, for a backend that returns
	// the leases of a former owner.
	Open func(t testing.TB, dir string, now time.Time) store.Store
	// Crash leaves a store as the end of its process would, without Close,
	// and returns the directory in which Open finds what a disk would hold.
	// A backend that keeps everything in one directory of files can use
	// CrashByCopy. Without Crash, stores are closed instead.
	Crash func(t testing.TB, s store.Store, dir string) (next string)
	// SingleOwner says that opening proves the former owner dead: every
	// lease has ended, and QUEUED jobs are PENDING again.
	SingleOwner bool
	// Shared says that two stores may be open on one directory at a time.
	Shared bool
}

// Run tries every sentence of the contract.
func Run(t *testing.T, f Features) {
	for _, group := range []struct {
		name  string
		cases []testCase
	}{
		{"Append", appendCases},
		{"FanOut", fanOutCases},
		{"Tasks", taskCases},
		{"Gates", gateCases},
		{"Blocked", blockedCases},
		{"Blocked keys", blockedListCases},
		{"Offer", offerCases},
		{"Tickets", ticketCases},
		{"Start", startCases},
		{"Record", recordCases},
		{"Recover", recoverCases},
		{"Rivals", rivalCases},
		{"Retry", retryCases},
		{"Cancel", cancelCases},
		{"Lists", listCases},
		{"Tenancy", tenancyCases},
		{"Resources", resourceCases},
		{"Entries", entryCases},
		{"Retention", retentionCases},
		{"Expunge", expungeCases},
		{"Statistics", statisticsCases},
		{"Audit", auditCases},
		{"Leases", leaseCases},
		{"Holds", holdCases},
		{"Scan", scanCases},
		{"Letters", letterCases},
		{"Discard", discardCases},
		{"Replay", replayCases},
		{"Progress", progressCases},
		{"Wakes", wakeCases},
		{"Lifecycle", lifecycleCases},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range group.cases {
				if c.needs != nil && !c.needs(f) {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, t, f)
					t.Cleanup(w.close)
					c.run(w)
				})
			}
		})
	}
	t.Run("Machine", func(t *testing.T) {
		t.Parallel()
		runMachine(t, f)
	})
}

// testCase is one sentence of the contract. Needs, if set, says for which
// backends it is one.
type testCase struct {
	name  string
	run   func(w *world)
	needs func(Features) bool
}

// CrashByCopy copies a directory of files to a new one, as a power cut would
// leave it, while its store is still open but idle. Write-ahead logs go
// first: a checkpoint in between then only repeats what the log says. Lock
// and shared-memory files stay behind, as they mean nothing to another
// process. The store that was left is closed.
func CrashByCopy(t testing.TB, s store.Store, dir string) string {
	t.Helper()
	next := t.TempDir()
	copyFiles := func(wal bool) error {
		return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			switch name := d.Name(); {
			case d.IsDir():
				return os.MkdirAll(filepath.Join(next, rel), 0o700)
			case strings.HasSuffix(name, ".lock"), strings.HasSuffix(name, "-shm"), strings.HasSuffix(name, "-wal") != wal:
				return nil
			}
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil // the store removed it meanwhile
			}
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(next, rel), b, 0o600)
		})
	}
	for _, wal := range []bool{true, false} {
		if err := copyFiles(wal); err != nil {
			t.Fatalf("copy the store's files: %v", err)
		}
	}
	if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
		t.Fatalf("close the store that was left: %v", err)
	}
	return next
}
