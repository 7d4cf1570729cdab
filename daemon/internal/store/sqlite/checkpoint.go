package sqlite

import (
	"os"
	"sync/atomic"
	"time"
)

// When the write-ahead log has grown to checkpointAt it is copied into the
// database by a connection of its own, beside the writer. Only when that can
// not keep up, and the log has reached restartAt, does the writer pause
// between two commits and copy the rest itself, so that the log begins anew.
const (
	checkpointAt    = 4 << 20
	restartAt       = 32 << 20
	checkpointEvery = 250 * time.Millisecond
)

type checkpointer struct {
	c       *conn
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
	return nil
}

func (w *checkpointer) run(st *Store) {
	defer close(w.done)
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
		}
		size := walSize(st.path)
		if size < checkpointAt {
			continue
		}
		if err := w.c.run("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
			if !failing {
				st.log.Warn("checkpoint failed; it is tried again", "error", err)
			}
			failing = true
			continue
		}
		failing = false
		if size >= restartAt {
			w.restart.Store(true)
		}
	}
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
	if err := st.wc.run("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
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
