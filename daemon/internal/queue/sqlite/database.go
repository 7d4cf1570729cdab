package sqlite

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// database is the connection with its prepared statements. Only the goroutine
// of the writer uses it.
type database struct {
	conn    *sqlite.Conn
	path    string
	totals  totals // when it was opened
	change  totals // by the transaction under way
	written int    // bytes of bodies in the transaction under way
	broken  bool   // the connection must be opened anew before the next use

	unchecked int  // bytes written, about, since the size of the WAL was read
	dirty     bool // something was written since the last checkpoint

	beginStmt, commitStmt, insertStmt, deleteStmt, buryStmt         *sqlite.Stmt
	messageStmt, tailStmt, oldestStmt, peekStmt, idsStmt            *sqlite.Stmt
	unburyStmt, deadStmt, freePagesStmt, checkpointStmt, vacuumStmt *sqlite.Stmt
}

func (db *database) prepare() error {
	for _, p := range []struct {
		stmt  **sqlite.Stmt
		query string
	}{
		{&db.beginStmt, `BEGIN IMMEDIATE`},
		{&db.commitStmt, `COMMIT`},
		{&db.insertStmt, `INSERT INTO message (seq, id, enqueued_at, body) VALUES (?, ?, ?, ?)`},
		{&db.deleteStmt, `DELETE FROM message WHERE seq BETWEEN ? AND ?`},
		{&db.buryStmt, `INSERT INTO dead_letter (id, enqueued_at, dead_at, deliveries, reason, body)
			SELECT id, enqueued_at, ?, ?, ?, body FROM message WHERE seq = ?`},
		{&db.unburyStmt, `DELETE FROM dead_letter WHERE key = ?`},
		{&db.messageStmt, `SELECT seq, id, enqueued_at, body FROM message WHERE seq = ?`},
		{&db.tailStmt, `SELECT seq, id, enqueued_at, body FROM message WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?`},
		{&db.oldestStmt, `SELECT enqueued_at FROM message ORDER BY seq LIMIT 1`},
		{&db.peekStmt, `SELECT seq, id, enqueued_at, body FROM message ORDER BY seq LIMIT ?`},
		{&db.idsStmt, `SELECT seq, id FROM message WHERE seq > ? ORDER BY seq LIMIT ?`},
		{&db.deadStmt, `SELECT key, id, enqueued_at, dead_at, deliveries, reason, body
			FROM dead_letter WHERE key > ? ORDER BY key LIMIT ?`},
		{&db.freePagesStmt, `PRAGMA freelist_count`},
		{&db.checkpointStmt, `PRAGMA wal_checkpoint(TRUNCATE)`},
		{&db.vacuumStmt, `PRAGMA incremental_vacuum(` + strconv.Itoa(vacuumPages) + `)`},
	} {
		stmt, err := db.conn.Prepare(p.query)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", p.query, err)
		}
		*p.stmt = stmt
	}
	return nil
}

// complete runs a statement to its end.
func complete(stmt *sqlite.Stmt) error {
	for {
		row, err := stmt.Step()
		if err != nil {
			return err
		}
		if !row {
			return stmt.Reset()
		}
	}
}

func (db *database) begin() error { return complete(db.beginStmt) }

func (db *database) commit() error {
	db.unchecked += db.written + commitBytes
	db.dirty = true
	return complete(db.commitStmt)
}

func (db *database) rollback() {
	if db.conn.AutocommitEnabled() {
		return
	}
	if err := sqlitex.ExecuteTransient(db.conn, `ROLLBACK`, nil); err != nil {
		db.broken = true
	}
}

// failed notes whether err leaves the connection in doubt, and returns it.
func (db *database) failed(err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultOK, sqlite.ResultFull, sqlite.ResultTooBig, sqlite.ResultConstraint:
	case sqlite.ResultError:
		// Not SQLite's own word, or harmless.
	default:
		db.broken = true
	}
	return err
}

func (db *database) close() {
	if db.conn != nil {
		// Whatever was promised is in the WAL; closing only tidies up.
		_ = db.conn.Close()
		db.conn = nil
	}
	db.broken = true
}

func (db *database) insert(seq int64, id string, at int64, body []byte) error {
	s := db.insertStmt
	s.BindInt64(1, seq)
	s.BindText(2, id)
	s.BindInt64(3, at)
	s.BindBytes(4, body)
	db.written += len(body)
	db.change.messages++
	return complete(s)
}

// remove deletes rows, in as few steps as their gaps allow. It sorts seqs.
func (db *database) remove(seqs []int64) error {
	slices.Sort(seqs)
	for i := 0; i < len(seqs); {
		first, last := seqs[i], seqs[i]
		for i++; i < len(seqs) && seqs[i] <= last+1; i++ {
			last = seqs[i]
		}
		if err := db.removeRange(first, last); err != nil {
			return err
		}
	}
	return nil
}

func (db *database) removeRange(first, last int64) error {
	db.deleteStmt.BindInt64(1, first)
	db.deleteStmt.BindInt64(2, last)
	if err := complete(db.deleteStmt); err != nil {
		return err
	}
	db.change.messages -= int64(db.conn.Changes())
	return nil
}

// bury moves a row to the dead letters, if it is there.
func (db *database) bury(seq int64, deliveries int, at int64, reason string) error {
	s := db.buryStmt
	s.BindInt64(1, at)
	s.BindInt64(2, int64(deliveries))
	s.BindText(3, reason)
	s.BindInt64(4, seq)
	if err := complete(s); err != nil {
		return err
	}
	if db.conn.Changes() == 0 {
		return nil
	}
	db.change.dead++
	return db.removeRange(seq, seq)
}

// unbury takes a dead letter away whose message is in the same transaction.
func (db *database) unbury(key int64) error {
	db.unburyStmt.BindInt64(1, key)
	if err := complete(db.unburyStmt); err != nil {
		return err
	}
	if db.conn.Changes() == 0 {
		return queue.ErrGone
	}
	db.change.dead--
	return nil
}

// rows steps through a statement's result.
func rows(stmt *sqlite.Stmt, each func(*sqlite.Stmt) bool) error {
	for {
		row, err := stmt.Step()
		if err != nil {
			return err
		}
		if !row || !each(stmt) {
			return stmt.Reset()
		}
	}
}

// scan reads a row of seq, id, enqueued_at, body.
func scan(s *sqlite.Stmt) stored {
	body := make([]byte, s.ColumnLen(3))
	s.ColumnBytes(3, body)
	return decoded(came{seq: s.ColumnInt64(0), at: s.ColumnInt64(2)}, s.ColumnText(1), body)
}

func (db *database) message(seq int64) (m stored, ok bool, err error) {
	db.messageStmt.BindInt64(1, seq)
	err = rows(db.messageStmt, func(s *sqlite.Stmt) bool {
		m, ok = scan(s), true
		return true
	})
	return m, ok, err
}

// tail reads the first rows of a span, at least one if there is one.
func (db *database) tail(of span, limit, maxBytes int) (tail []stored, err error) {
	db.tailStmt.BindInt64(1, of.first)
	db.tailStmt.BindInt64(2, of.last)
	db.tailStmt.BindInt64(3, int64(limit))
	size := 0
	err = rows(db.tailStmt, func(s *sqlite.Stmt) bool {
		m := scan(s)
		tail = append(tail, m)
		size += m.size
		return size < maxBytes
	})
	return tail, err
}

// oldest is when the oldest message was enqueued, or zero.
func (db *database) oldest() (at int64, err error) {
	err = rows(db.oldestStmt, func(s *sqlite.Stmt) bool {
		at = s.ColumnInt64(0)
		return true
	})
	return at, err
}

func (db *database) peek(limit int) (page []stored, err error) {
	db.peekStmt.BindInt64(1, int64(max(limit, 0)))
	err = rows(db.peekStmt, func(s *sqlite.Stmt) bool {
		page = append(page, scan(s))
		return true
	})
	return page, err
}

// ids reads rows after a seq, without their bodies.
func (db *database) ids(after int64, limit int) (page []stored, err error) {
	db.idsStmt.BindInt64(1, after)
	db.idsStmt.BindInt64(2, int64(limit))
	err = rows(db.idsStmt, func(s *sqlite.Stmt) bool {
		page = append(page, stored{came: came{seq: s.ColumnInt64(0)}, msg: queue.Message{ID: s.ColumnText(1)}})
		return true
	})
	return page, err
}

func (db *database) deadLetters(after int64, limit int) (page []queue.DeadLetter, err error) {
	db.deadStmt.BindInt64(1, after)
	db.deadStmt.BindInt64(2, int64(max(limit, 0)))
	err = rows(db.deadStmt, func(s *sqlite.Stmt) bool {
		body := make([]byte, s.ColumnLen(6))
		s.ColumnBytes(6, body)
		m := decoded(came{}, s.ColumnText(1), body)
		page = append(page, queue.DeadLetter{
			Received: queue.Received{
				Message: m.msg, Raw: m.raw, Err: m.err,
				Deliveries: int(s.ColumnInt64(4)), EnqueuedAt: time.UnixMilli(s.ColumnInt64(2)),
			},
			Reason: s.ColumnText(5), Key: strconv.FormatInt(s.ColumnInt64(0), 10),
			At: time.UnixMilli(s.ColumnInt64(3)),
		})
		return true
	})
	return page, err
}

// walSize is the size of the write-ahead log on disk.
func (db *database) walSize() (int64, error) {
	info, err := os.Stat(db.path + "-wal")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
