package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// staleHold is how long the row of a hold is kept that does not stand any
// more, so that endpoints that are gone leave nothing behind.
const staleHold = time.Hour

const holdCols = "endpoint, reason, until, room, trips, detail, since"

func scanHold(s *sqlite.Stmt) store.Hold {
	return store.Hold{
		Endpoint: s.ColumnText(0), Reason: s.ColumnText(1), Until: colTime(s, 2), Window: s.ColumnInt(3),
		Trips: s.ColumnInt(4), Detail: s.ColumnText(5), Since: colTime(s, 6),
	}
}

// Hold implements store.Holds.
func (st *Store) Hold(ctx context.Context, h store.Hold) error {
	return st.write(ctx, func(t *tx) error {
		var was store.Hold
		found, err := t.q("SELECT " + holdCols + " FROM holds WHERE endpoint = ? AND reason = ?").text(h.Endpoint).text(h.Reason).
			one(func(s *sqlite.Stmt) { was = scanHold(s) })
		if err != nil {
			return fmt.Errorf("hold endpoint: %w", err)
		}
		if found {
			if was.Until.After(h.Until) {
				h.Until = was.Until
			}
			if was.Window > 0 || was.Until.After(h.Since) {
				h.Since = was.Since
			}
		}
		if err := t.q("INSERT INTO holds(" + holdCols + ") VALUES(?,?,?,?,?,?,?) ON CONFLICT(endpoint, reason) DO UPDATE SET " +
			"until = excluded.until, room = excluded.room, trips = excluded.trips, detail = excluded.detail, since = excluded.since").
			text(h.Endpoint).text(h.Reason).int(ceilMilli(h.Until)).int(int64(h.Window)).int(int64(h.Trips)).opt(h.Detail).time(h.Since).exec(); err != nil {
			return fmt.Errorf("hold endpoint: %w", err)
		}
		t.notes.then = append(t.notes.then, func() { st.wakes.Holds.Post(h.Endpoint) })
		if h.Since.IsZero() {
			return nil
		}
		return t.q("DELETE FROM holds WHERE until < ? AND room = 0").time(h.Since.Add(-staleHold)).exec()
	})
}

// Release implements store.Holds.
func (st *Store) Release(ctx context.Context, endpoint, reason string) error {
	return st.write(ctx, func(t *tx) error {
		t.notes.then = append(t.notes.then, func() { st.wakes.Holds.Post(endpoint) })
		if reason == "" {
			return t.q("DELETE FROM holds WHERE endpoint = ?").text(endpoint).exec()
		}
		return t.q("DELETE FROM holds WHERE endpoint = ? AND reason = ?").text(endpoint).text(reason).exec()
	})
}

// ListHolds implements store.Holds.
func (st *Store) ListHolds(ctx context.Context, now time.Time) (out []store.Hold, err error) {
	err = st.read(ctx, func(c *conn) error {
		out = nil
		return c.q("SELECT " + holdCols + " FROM holds WHERE until > ? OR room > 0 ORDER BY endpoint, reason").time(now).each(func(s *sqlite.Stmt) bool {
			out = append(out, scanHold(s))
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list holds: %w", err)
	}
	return out, nil
}
