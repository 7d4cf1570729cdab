package sqlite

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Stats implements store.Store. Counts are kept in memory; the oldest blocked
// key and dead letter are the first entries of their indexes, and asked for
// only where there are any.
func (st *Store) Stats(ctx context.Context) (store.Stats, error) {
	if err := st.isClosed(); err != nil {
		return store.Stats{}, err
	}
	s := store.Stats{
		LastPosition: st.last.Load(), OpenJobs: st.open.Load(), BlockedKeys: st.blockedKeys.Load(), DeadLetters: st.deadLetters.Load(),
		Backlog: st.backlog.Load(), Commits: st.commits.Load(), Verbs: st.verbs.Load(),
	}
	for _, suffix := range []string{"", "-wal"} {
		if fi, err := os.Stat(st.path + suffix); err == nil {
			s.Bytes += fi.Size()
		}
	}
	if s.BlockedKeys == 0 && s.DeadLetters == 0 {
		return s, nil
	}
	err := st.read(ctx, func(c *conn) (err error) {
		if s.OldestBlocked, err = c.first("SELECT blocked FROM gates INDEXED BY gates_blocked WHERE blocked IS NOT NULL ORDER BY blocked LIMIT 1"); err != nil {
			return err
		}
		s.OldestLetter, err = c.first("SELECT completed_at FROM jobs INDEXED BY jobs_letters WHERE status IN (14, 16) ORDER BY completed_at LIMIT 1")
		return err
	})
	if err != nil {
		return store.Stats{}, fmt.Errorf("read the oldest blocked key and dead letter: %w", err)
	}
	return s, nil
}

// first reads a single time, zero if there is no row.
func (c *conn) first(sql string) (at time.Time, err error) {
	_, err = c.q(sql).one(func(s *sqlite.Stmt) { at = colTime(s, 0) })
	return at, err
}
