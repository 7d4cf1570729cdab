package sqlite

import "zombiezen.com/go/sqlite"

// The WAL is written back when it is this large and nobody waits, or when it is
// that large and somebody does. A checkpoint costs two fsyncs.
const (
	walWanted = 4 << 20
	walBound  = 32 << 20
	// walStep is how much may be written between two looks at the WAL's size.
	walStep = 1 << 20
	// commitBytes is about what a commit writes beside the bodies.
	commitBytes = 16 << 10
	// vacuumPages is how many pages one step of tidying gives back at most.
	vacuumPages = 1024
	// sparePages stay in the file, since a queue that was empty fills again.
	sparePages = 1024
)

// tidy writes the WAL back when that is due and gives free pages back when
// nothing else is to be done. It says whether more is left for another time.
func (q *Queue) tidy(idle bool) (more bool) {
	db := q.db
	if db.broken || !idle && db.unchecked < walStep {
		return false
	}
	size, err := db.walSize()
	if err != nil {
		q.opts.Logger.Warn("the size of the queue's write-ahead log is unknown", "path", q.path, "error", err)
		return false
	}
	if size <= walBound && !idle && (size <= walWanted || q.waiting()) {
		db.unchecked = walStep / 2 // look again soon
		return false
	}
	if idle && !db.dirty {
		return false
	}
	// Failing or not, the next try comes after another step or when idle.
	db.unchecked = 0
	if err := q.checkpoint(db); err != nil {
		q.opts.Logger.Warn("the queue's write-ahead log could not be written back", "path", q.path, "error", db.failed(err))
		return false
	}
	if !idle {
		return false
	}
	more, err = db.vacuum()
	if err != nil {
		q.opts.Logger.Warn("the queue's free pages could not be given back", "path", q.path, "error", db.failed(err))
		return false
	}
	db.dirty = more
	return more
}

func (q *Queue) waiting() bool {
	q.listMu.Lock()
	defer q.listMu.Unlock()
	return len(q.list) > 0
}

func (q *Queue) checkpoint(db *database) error {
	if err := q.fail(stepCheckpoint); err != nil {
		return err
	}
	return complete(db.checkpointStmt)
}

// vacuum gives pages back if many are free, and says whether it did.
func (db *database) vacuum() (bool, error) {
	var free int64
	err := rows(db.freePagesStmt, func(s *sqlite.Stmt) bool {
		free = s.ColumnInt64(0)
		return true
	})
	if err != nil {
		return false, err
	}
	if free <= sparePages {
		return false, nil
	}
	return true, complete(db.vacuumStmt)
}
