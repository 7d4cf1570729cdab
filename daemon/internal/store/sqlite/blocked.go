package sqlite

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

const gateCols = "key, holder, blocked, lane, client_id, message_group"

func scanGate(s *sqlite.Stmt) store.Gate {
	g := store.Gate{
		Holder: flow.ID(s.ColumnInt64(1)), BlockedSince: colTime(s, 2), Lane: s.ColumnText(3),
		ClientID: s.ColumnText(4), MessageGroup: s.ColumnText(5),
	}
	s.ColumnBytes(0, g.Key[:])
	g.SubscriptionID = flow.SubscriptionOf(g.Lane)
	g.ReplayID, _, _ = flow.ParseReplayLane(g.Lane)
	return g
}

// Blocked implements store.Gates. It walks the index of blocked keys from
// where the page before ended.
func (st *Store) Blocked(ctx context.Context, sc store.Scope, q store.GateQuery) (store.GatePage, error) {
	limit := store.PageLimit(q.Limit)
	since, key, err := parseGateCursor(q.After)
	if err != nil {
		return store.GatePage{}, fmt.Errorf("list blocked keys: %w", err)
	}
	var page store.GatePage
	err = st.snapshot(ctx, func(c *conn) error {
		examined := 0
		var last store.Gate
		if err := c.q("SELECT " + gateCols + " FROM gates INDEXED BY gates_blocked WHERE blocked IS NOT NULL AND (blocked, key) > (?, ?) ORDER BY blocked, key").
			int(since).blob(key).each(func(s *sqlite.Stmt) bool {
			if len(page.Gates) == limit || examined == store.MaxExamined {
				page.Next, page.Partial = gateCursor(&last), len(page.Gates) < limit
				return false
			}
			examined++
			last = scanGate(s)
			if sc.Sees(last.ClientID) && (q.SubscriptionID == "" || q.SubscriptionID == last.SubscriptionID) &&
				(q.ClientID == "" || q.ClientID == last.ClientID) {
				page.Gates = append(page.Gates, last)
			}
			return ctx.Err() == nil
		}); err != nil {
			return err
		}
		for i := range page.Gates {
			if err := c.countWaiting(&page.Gates[i]); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return store.GatePage{}, fmt.Errorf("list blocked keys: %w", err)
	}
	return page, nil
}

// countWaiting counts the jobs behind the holder of a gate.
func (c *conn) countWaiting(g *store.Gate) error {
	n, err := c.q("SELECT count(*) FROM (SELECT 1 FROM jobs INDEXED BY jobs_waiting WHERE order_key = ? AND waiting = 1 LIMIT ?)").
		blob(g.Key[:]).int(store.MaxCounted).number()
	g.Waiting = int(n)
	return err
}

// gateCursor is the place of a gate in the index: since when it is blocked, and
// its key.
func gateCursor(g *store.Gate) string {
	return strconv.FormatInt(g.BlockedSince.UnixMilli(), 10) + "." + g.Key.String()
}

func parseGateCursor(s string) (since int64, key []byte, err error) {
	if s == "" {
		return -1 << 63, nil, nil
	}
	at, hexKey, _ := strings.Cut(s, ".")
	since, err = strconv.ParseInt(at, 10, 64)
	if err != nil {
		return 0, nil, store.ErrCursor
	}
	if key, err = hex.DecodeString(hexKey); err != nil || len(key) != len(flow.OrderKey{}) {
		return 0, nil, store.ErrCursor
	}
	return since, key, nil
}

// Gate implements store.Gates.
func (st *Store) Gate(ctx context.Context, sc store.Scope, key flow.OrderKey) (g store.Gate, err error) {
	found := false
	err = st.snapshot(ctx, func(c *conn) (err error) {
		found, err = c.q("SELECT " + gateCols + " FROM gates WHERE key = ?").blob(key[:]).
			one(func(s *sqlite.Stmt) { g = scanGate(s) })
		if err != nil || !found || !sc.Sees(g.ClientID) {
			return err
		}
		return c.countWaiting(&g)
	})
	if err != nil {
		return store.Gate{}, fmt.Errorf("read gate: %w", err)
	}
	if !found || !sc.Sees(g.ClientID) {
		return store.Gate{}, store.ErrNotFound
	}
	return g, nil
}
