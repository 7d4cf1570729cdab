package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

var errKilled = errors.New("the process was killed")

// Kill ends the queue as kill -9 would: the writer stops wherever it is, even
// between two rows of a transaction, and the files stay as they are then.
func (q *Queue) Kill(t testing.TB) {
	t.Helper()
	parked, release := make(chan struct{}), make(chan struct{})
	first := true // only the writer comes here
	fault := func(step) error {
		if first {
			first = false
			close(parked)
			<-release
		}
		return errKilled
	}
	q.fault.Store(&fault)
	// An idle writer gets something to do, so that it parks.
	if err := q.submit(&op{kind: read, read: func(*database) error { return nil }}); err != nil {
		t.Errorf("kill: %v", err)
		close(release)
		return
	}
	<-parked
	files, err := filepath.Glob(q.path + "*")
	if err != nil {
		t.Errorf("kill: %v", err)
	}
	images := map[string][]byte{}
	for _, f := range files {
		if images[f], err = os.ReadFile(f); err != nil {
			t.Errorf("kill: %v", err)
		}
	}
	close(release)
	_ = q.Close() // what lingers cannot be written any more
	for f, image := range images {
		if err := os.WriteFile(f, image, 0o600); err != nil {
			t.Errorf("kill: %v", err)
		}
	}
}

// Settle returns once everything that was published is in the file.
func (q *Queue) Settle(t testing.TB) {
	t.Helper()
	err := q.do(t.Context(), &op{kind: read, read: func(*database) error { return q.flushAll(false) }})
	if err != nil {
		t.Errorf("settle: %v", err)
	}
}

// Exec runs a script on the writer's connection.
func (q *Queue) Exec(t testing.TB, script string, args ...any) {
	t.Helper()
	err := q.do(t.Context(), &op{kind: read, read: func(db *database) error { return execArgs(db, script, args) }})
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}
