package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Version implements store.Resources.
func (st *Store) Version(context.Context) (int64, error) {
	return st.version.Load(), st.isClosed()
}

// Documents implements store.Resources.
func (st *Store) Documents(ctx context.Context, kinds ...string) (docs []store.Document, version int64, err error) {
	err = st.snapshot(ctx, func(c *conn) (err error) {
		docs = nil
		scan := func(s *sqlite.Stmt) bool {
			docs = append(docs, store.Document{
				Kind: s.ColumnText(0), ID: s.ColumnText(1), ClientID: s.ColumnText(2), Code: s.ColumnText(3),
				Body: []byte(s.ColumnText(4)), Revision: s.ColumnInt64(5),
			})
			return true
		}
		const cols = "SELECT kind, id, client_id, code, body, revision FROM documents"
		if len(kinds) == 0 {
			if err := c.q(cols).each(scan); err != nil {
				return err
			}
		}
		for _, k := range kinds {
			if err := c.q(cols + " WHERE kind = ?").text(k).each(scan); err != nil {
				return err
			}
		}
		version, err = c.q("SELECT value FROM meta WHERE key = 'resources'").number()
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read documents: %w", err)
	}
	return docs, version, nil
}

// Write implements store.Resources.
func (st *Store) Write(ctx context.Context, w store.WriteSet, now time.Time) (int64, error) {
	next := w.IfVersion + 1
	err := st.write(ctx, func(t *tx) error {
		if err := t.q("UPDATE meta SET value = ? WHERE key = 'resources' AND value = ?").int(next).int(w.IfVersion).exec(); err != nil {
			return fmt.Errorf("write resources: %w", err)
		}
		if t.c.Changes() == 0 {
			return store.ErrConflict
		}
		for _, k := range w.Delete {
			if err := t.q("DELETE FROM documents WHERE kind = ? AND id = ?").text(k.Kind).text(k.ID).exec(); err != nil {
				return fmt.Errorf("delete %s %s: %w", k.Kind, k.ID, err)
			}
		}
		for i := range w.Put {
			d := &w.Put[i]
			if err := t.q("INSERT INTO documents(kind, id, client_id, code, body, revision) VALUES(?,?,?,?,?,?) " +
				"ON CONFLICT(kind, id) DO UPDATE SET client_id = excluded.client_id, code = excluded.code, body = excluded.body, revision = excluded.revision").
				text(d.Kind).text(d.ID).opt(d.ClientID).text(d.Code).text(string(d.Body)).int(d.Revision).exec(); err != nil {
				return fmt.Errorf("put %s %s: %w", d.Kind, d.ID, err)
			}
		}
		for i := range w.Audit {
			if err := t.audit(&w.Audit[i], now); err != nil {
				return fmt.Errorf("write audit entry: %w", err)
			}
		}
		t.notes.then = append(t.notes.then, func() {
			st.version.Store(next)
			st.wakes.Resources.Post()
			// A lane may go now that could not before, or the other way round.
			st.wakes.Lanes.Post()
		})
		return nil
	})
	if err != nil {
		return 0, err
	}
	return next, nil
}

func (t *tx) audit(a *store.AuditEntry, now time.Time) error {
	_, err := t.auditAs(a, "", now)
	return err
}

// Acquire implements store.Leases.
func (st *Store) Acquire(ctx context.Context, name, owner string, until, now time.Time) (int64, error) {
	var fence int64
	err := st.write(ctx, func(t *tx) error {
		var holder string
		var ends time.Time
		if _, err := t.q("SELECT owner, until, fence FROM leases WHERE name = ?").text(name).one(func(s *sqlite.Stmt) {
			holder, ends, fence = s.ColumnText(0), colTime(s, 1), s.ColumnInt64(2)
		}); err != nil {
			return fmt.Errorf("acquire lease %s: %w", name, err)
		}
		if holder != owner {
			if holder != "" && now.Before(ends) {
				return store.ErrConflict
			}
			fence++
		}
		return t.q("INSERT INTO leases(name, owner, until, fence) VALUES(?,?,?,?) ON CONFLICT(name) DO UPDATE SET owner = excluded.owner, until = excluded.until, fence = excluded.fence").
			text(name).text(owner).after(until).int(fence).exec()
	})
	return answer(&fence, err)
}

// Drop implements store.Leases. The row stays, for its fencing token.
func (st *Store) Drop(ctx context.Context, name, owner string) error {
	return st.write(ctx, func(t *tx) error {
		return t.q("UPDATE leases SET until = 0, owner = '' WHERE name = ? AND owner = ?").text(name).text(owner).exec()
	})
}
