package sqlite

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
)

// The write-ahead log is copied into the database by a connection of its own,
// beside the writer, a few times a second when there is something to copy.
// Only when that can not keep up, and the log has grown to restartAt, does the
// writer pause between two commits and copy the rest itself, so that the log
// begins anew. Its file keeps its size: writing over what is there already
// costs the disk less than growing, and the first commit after a cut waits for
// the file system. So logKept is more than the log usually has.
const (
	checkpointEvery   = 250 * time.Millisecond
	checkpointCommits = 64 // that have gathered, or any after idleTicks
	idleTicks         = 4
	restartAt         = 32 << 20
	pageSize          = 4096
	logKept           = 64 << 20 // bytes of the log's file that stay when it begins anew
)

type checkpointer struct {
	c       *conn
	file    *os.File // the database
	restart atomic.Bool
	quit    chan struct{}
	done    chan struct{}
}

func (w *checkpointer) open(path string) error {
	c, err := openConn(path)
	if err != nil {
		return err
	}
	w.c = c
	if w.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return fmt.Errorf("open database to sync it: %w", err)
	}
	return nil
}

func (w *checkpointer) run(st *Store) {
	defer close(w.done)
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	failing := false
	var copied int64 // commits that are in the database
	idle := 0
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
		}
		commits := st.commits.Load()
		// Once the writer is asked to begin the log anew it gets its turn: two
		// checkpoints at a time refuse each other, on a slow disk for ever.
		if commits == copied || w.restart.Load() {
			continue
		}
		if idle++; commits-copied < checkpointCommits && idle < idleTicks {
			continue
		}
		frames, done, err := w.checkpoint()
		if err != nil {
			if !failing {
				st.log.Warn("checkpoint failed; it is tried again", "error", err)
			}
			failing = true
			continue
		}
		failing, idle = false, 0
		if done {
			copied = commits
		}
		if frames*pageSize < restartAt {
			continue
		}
		// What came meanwhile is copied at once, so that little is left for the
		// writer, whose callers wait.
		if _, _, err := w.checkpoint(); err == nil {
			w.restart.Store(true)
		}
	}
}

// checkpoint copies what it can without waiting for anybody. It returns the
// length of the log in frames, and whether all of it is copied. SQLite syncs
// the database only when all is copied, which under load is when the writer
// begins the log anew; what could be copied is synced here, so that the writer
// has little left to wait for.
func (w *checkpointer) checkpoint() (frames int64, done bool, err error) {
	_, err = w.c.q("PRAGMA wal_checkpoint(PASSIVE)").one(func(s *sqlite.Stmt) {
		frames, done = s.ColumnInt64(1), s.ColumnInt64(1) == s.ColumnInt64(2)
	})
	if err == nil && !done {
		err = w.file.Sync()
	}
	return frames, done, err
}

func walSize(path string) int64 {
	fi, err := os.Stat(path + "-wal")
	if err != nil {
		return 0
	}
	return fi.Size()
}

// afterCommit runs in the writer, between two groups.
func (st *Store) afterCommit() {
	if !st.wal.restart.Load() || st.wc == nil {
		return
	}
	st.wal.restart.Store(false)
	// Whoever still reads the log is not waited for: callers would wait too.
	st.wc.c.SetBusyTimeout(0)
	defer st.wc.c.SetBusyTimeout(busyTimeout)
	if err := st.wc.run("PRAGMA wal_checkpoint(RESTART)"); err != nil {
		st.log.Debug("the log could not begin anew; it is tried again", "error", err)
	}
}

func (w *checkpointer) stop() {
	close(w.quit)
	<-w.done
}

func (w *checkpointer) close() {
	if w.c != nil {
		_ = w.c.c.Close()
		w.c = nil
	}
}

// closeFile comes after all connections are closed: where locks are POSIX's,
// closing any descriptor of a file drops all that the process has on it.
func (w *checkpointer) closeFile() {
	if w.file != nil {
		_ = w.file.Close()
		w.file = nil
	}
}
