package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

const entryCols = "SELECT space, key, grp, owner, body, revision, expires_at FROM entries"

func scanEntry(s *sqlite.Stmt) store.Entry {
	return store.Entry{
		Space: s.ColumnText(0), Key: s.ColumnText(1), Group: s.ColumnText(2), Owner: s.ColumnText(3),
		Body: colBytes(s, 4), Revision: s.ColumnInt64(5), ExpiresAt: colTime(s, 6),
	}
}

// Entry implements store.Entries.
func (st *Store) Entry(ctx context.Context, key store.EntryKey, now time.Time) (e store.Entry, err error) {
	found := false
	err = st.read(ctx, func(c *conn) (err error) {
		found, err = c.q(entryCols + " WHERE space = ? AND key = ? AND expires_at > ?").text(key.Space).text(key.Key).int(now.UnixMilli()).
			one(func(s *sqlite.Stmt) { e = scanEntry(s) })
		return err
	})
	switch {
	case err != nil:
		return store.Entry{}, fmt.Errorf("read entry of %s: %w", key.Space, err)
	case !found:
		return store.Entry{}, store.ErrNotFound
	}
	return e, nil
}

// SwapEntries implements store.Entries.
func (st *Store) SwapEntries(ctx context.Context, put []store.Entry, drop []store.EntryKey, now time.Time) error {
	return st.write(ctx, func(t *tx) error {
		for _, k := range drop {
			if err := t.q("DELETE FROM entries WHERE space = ? AND key = ?").text(k.Space).text(k.Key).exec(); err != nil {
				return fmt.Errorf("drop entry of %s: %w", k.Space, err)
			}
		}
		for i := range put {
			if err := t.swapEntry(&put[i], now); err != nil {
				return fmt.Errorf("swap entry of %s: %w", put[i].Space, err)
			}
		}
		return nil
	})
}

func (t *tx) swapEntry(e *store.Entry, now time.Time) error {
	revision, err := t.q("SELECT revision FROM entries WHERE space = ? AND key = ? AND expires_at > ?").
		text(e.Space).text(e.Key).int(now.UnixMilli()).number()
	if err != nil {
		return err
	}
	if revision != e.Revision {
		return store.ErrConflict
	}
	return t.q("INSERT INTO entries(space, key, grp, owner, body, revision, expires_at) VALUES(?,?,?,?,?,?,?) " +
		"ON CONFLICT(space, key) DO UPDATE SET grp = excluded.grp, owner = excluded.owner, body = excluded.body, revision = excluded.revision, expires_at = excluded.expires_at").
		text(e.Space).text(e.Key).opt(e.Group).opt(e.Owner).blob(e.Body).int(e.Revision + 1).int(ceilMilli(e.ExpiresAt)).exec()
}

// fits makes the condition of a query and binds it to a statement.
func (c *conn) fits(verb string, q store.EntryQuery, tail string) stmt {
	switch {
	case q.Group != "" && q.Owner != "":
		return c.q(verb + " WHERE space = ? AND grp = ? AND owner = ?" + tail).text(q.Space).text(q.Group).text(q.Owner)
	case q.Group != "":
		return c.q(verb + " WHERE space = ? AND grp = ?" + tail).text(q.Space).text(q.Group)
	case q.Owner != "":
		return c.q(verb + " WHERE space = ? AND owner = ?" + tail).text(q.Space).text(q.Owner)
	}
	return c.q(verb + " WHERE space = ?" + tail).text(q.Space)
}

// DropEntries implements store.Entries.
func (st *Store) DropEntries(ctx context.Context, q store.EntryQuery) (int, error) {
	if q.Group == "" && q.Owner == "" {
		return 0, errors.New("drop entries: a group or an owner is needed")
	}
	dropped := 0
	err := st.write(ctx, func(t *tx) error {
		dropped = 0
		if err := t.fits("DELETE FROM entries", q, "").exec(); err != nil {
			return fmt.Errorf("drop entries of %s: %w", q.Space, err)
		}
		dropped = t.c.Changes()
		return nil
	})
	if err != nil {
		return 0, err
	}
	return dropped, nil
}

// ListEntries implements store.Entries.
func (st *Store) ListEntries(ctx context.Context, q store.EntryQuery, now time.Time) (out []store.Entry, err error) {
	err = st.read(ctx, func(c *conn) error {
		out = nil
		return c.fits(entryCols, q, " AND key > ? AND expires_at > ? ORDER BY key LIMIT ?").
			text(q.After).int(now.UnixMilli()).int(int64(store.PageLimit(q.Limit))).
			each(func(s *sqlite.Stmt) bool { out = append(out, scanEntry(s)); return true })
	})
	if err != nil {
		return nil, fmt.Errorf("list entries of %s: %w", q.Space, err)
	}
	return out, nil
}

// ExpireEntries implements store.Entries.
func (st *Store) ExpireEntries(ctx context.Context, now time.Time, limit int) (int, error) {
	ended := 0
	err := st.write(ctx, func(t *tx) error {
		ended = 0
		if err := t.q("DELETE FROM entries WHERE (space, key) IN (SELECT space, key FROM entries INDEXED BY entries_end WHERE expires_at <= ? LIMIT ?)").
			int(now.UnixMilli()).int(int64(limit)).exec(); err != nil {
			return fmt.Errorf("expire entries: %w", err)
		}
		ended = t.c.Changes()
		return nil
	})
	if err != nil {
		return 0, err
	}
	return ended, nil
}
