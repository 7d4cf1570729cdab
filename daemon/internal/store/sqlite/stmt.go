package sqlite

import (
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"zombiezen.com/go/sqlite"
)

// conn is a connection with its prepared statements.
type conn struct {
	c *sqlite.Conn
}

// stmt binds the parameters of one statement in order. An error is kept and
// comes out of the method that runs the statement.
type stmt struct {
	s   *sqlite.Stmt
	n   int
	err error
}

func (c *conn) q(sql string) stmt {
	s, err := c.c.Prepare(sql)
	return stmt{s: s, n: 1, err: err}
}

func (q stmt) int(v int64) stmt {
	if q.err == nil {
		q.s.BindInt64(q.n, v)
		q.n++
	}
	return q
}

func (q stmt) bool(v bool) stmt {
	if v {
		return q.int(1)
	}
	return q.int(0)
}

func (q stmt) null() stmt {
	if q.err == nil {
		q.s.BindNull(q.n)
		q.n++
	}
	return q
}

func (q stmt) text(v string) stmt {
	if q.err == nil {
		q.s.BindText(q.n, v)
		q.n++
	}
	return q
}

// opt binds a text, or NULL for "".
func (q stmt) opt(v string) stmt {
	if v == "" {
		return q.null()
	}
	return q.text(v)
}

// blob binds bytes, or NULL for none.
func (q stmt) blob(v []byte) stmt {
	if len(v) == 0 {
		return q.null()
	}
	if q.err == nil {
		q.s.BindBytes(q.n, v)
		q.n++
	}
	return q
}

// time binds milliseconds since the epoch, or NULL for the zero time.
func (q stmt) time(t time.Time) stmt {
	if t.IsZero() {
		return q.null()
	}
	return q.int(t.UnixMilli())
}

// after binds a time that must not come early: milliseconds, rounded up.
func (q stmt) after(t time.Time) stmt {
	if t.IsZero() {
		return q.null()
	}
	return q.int(ceilMilli(t))
}

func ceilMilli(t time.Time) int64 {
	return t.Add(time.Millisecond - time.Nanosecond).UnixMilli()
}

// exec runs the statement to its end.
func (q stmt) exec() error {
	for {
		more, err := q.next()
		if err != nil || !more {
			return err
		}
	}
}

// next steps to the next row; after the last one the statement is reset.
func (q stmt) next() (bool, error) {
	if q.err != nil {
		return false, q.err
	}
	more, err := q.s.Step()
	if err != nil {
		return false, err
	}
	if !more {
		return false, q.s.Reset()
	}
	return true, nil
}

// one reads a single row: scan is called if there is one.
func (q stmt) one(scan func(*sqlite.Stmt)) (bool, error) {
	more, err := q.next()
	if err != nil || !more {
		return false, err
	}
	scan(q.s)
	return true, q.s.Reset()
}

// each reads all rows until scan says stop.
func (q stmt) each(scan func(*sqlite.Stmt) bool) error {
	for {
		more, err := q.next()
		if err != nil || !more {
			return err
		}
		if !scan(q.s) {
			return q.s.Reset()
		}
	}
}

// number reads a single integer, 0 if there is no row.
func (q stmt) number() (n int64, err error) {
	_, err = q.one(func(s *sqlite.Stmt) { n = s.ColumnInt64(0) })
	return n, err
}

// ids reads a column of ids.
func (q stmt) ids() (out []flow.ID, err error) {
	err = q.each(func(s *sqlite.Stmt) bool {
		out = append(out, flow.ID(s.ColumnInt64(0)))
		return true
	})
	return out, err
}

func colTime(s *sqlite.Stmt, i int) time.Time {
	if s.ColumnType(i) == sqlite.TypeNull {
		return time.Time{}
	}
	return time.UnixMilli(s.ColumnInt64(i)).UTC()
}

func colBytes(s *sqlite.Stmt, i int) []byte {
	n := s.ColumnLen(i)
	if n == 0 {
		return nil
	}
	b := make([]byte, n)
	s.ColumnBytes(i, b)
	return b
}

// run executes SQL text of one statement that is not kept.
func (c *conn) run(sql string) error {
	s, _, err := c.c.PrepareTransient(sql)
	if err != nil {
		return fmt.Errorf("prepare %q: %w", sql, err)
	}
	for {
		more, err := s.Step()
		if err != nil {
			_ = s.Finalize()
			return fmt.Errorf("run %q: %w", sql, err)
		}
		if !more {
			return s.Finalize()
		}
	}
}
