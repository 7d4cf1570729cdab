package sqlite

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// roll says that one more of something happened.
type roll struct {
	hour   int64 // since the epoch
	count  store.Count
	client string
	name   string
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// roll counts in the commit that is in the making.
func (t *tx) roll(at time.Time, count store.Count, client, name string) {
	t.notes.rolls = append(t.notes.rolls, roll{hourOf(at), count, client, name})
}

// rollJob counts how a job ended.
func (t *tx) rollJob(j *flow.Job) {
	t.roll(j.CompletedAt, store.CountCompleted+store.Count(j.Status-flow.Completed), j.ClientID, j.SubscriptionID)
}

// saveRolls writes what the transaction has counted: one row for each sum that
// changed, and one for its total, however many verbs there were.
func (t *tx) saveRolls() error {
	if len(t.notes.rolls) == 0 {
		return nil
	}
	clear(t.sums)
	for _, r := range t.notes.rolls {
		t.sums[r]++
		t.sums[roll{0, r.count, r.client, ""}]++
	}
	for r, n := range t.sums {
		if err := t.q("INSERT INTO rollups(hour, count, client, name, n) VALUES(?1,?2,?3,?4,?5) ON CONFLICT(hour, count, client, name) DO UPDATE SET n = n + ?5").
			int(r.hour).int(int64(r.count)).text(r.client).text(r.name).int(n).exec(); err != nil {
			return fmt.Errorf("count by the hour: %w", err)
		}
	}
	return nil
}

// Rollups implements store.Statistics.
func (st *Store) Rollups(ctx context.Context, sc store.Scope, q store.RollupQuery) ([]store.Rollup, error) {
	low, high := max(hourOf(q.Since.Add(time.Hour-time.Nanosecond)), 1), int64(1<<40)
	if !q.Until.IsZero() {
		high = hourOf(q.Until.Add(time.Hour - time.Nanosecond))
	}
	out, err := st.rollups(ctx, sc, q.ClientID, low, high)
	if err != nil {
		return nil, fmt.Errorf("read rollups: %w", err)
	}
	return out, nil
}

// Totals implements store.Statistics.
func (st *Store) Totals(ctx context.Context, sc store.Scope) ([]store.Rollup, error) {
	out, err := st.rollups(ctx, sc, "", 0, 1)
	if err != nil {
		return nil, fmt.Errorf("read totals: %w", err)
	}
	return out, nil
}

func (st *Store) rollups(ctx context.Context, sc store.Scope, client string, low, high int64) (out []store.Rollup, err error) {
	err = st.read(ctx, func(c *conn) error {
		out = nil
		return c.q("SELECT hour, count, client, name, n FROM rollups WHERE hour >= ? AND hour < ? ORDER BY hour, count, client, name").int(low).int(high).each(func(s *sqlite.Stmt) bool {
			r := store.Rollup{Count: store.Count(s.ColumnInt64(1)), ClientID: s.ColumnText(2), Name: s.ColumnText(3), N: s.ColumnInt64(4)}
			if hour := s.ColumnInt64(0); hour > 0 {
				r.Hour = time.Unix(hour*3600, 0).UTC()
			}
			if sc.Sees(r.ClientID) && (client == "" || client == r.ClientID) {
				out = append(out, r)
			}
			return ctx.Err() == nil
		})
	})
	if err == nil {
		err = ctx.Err()
	}
	return out, err
}

// EventFacets implements store.Statistics.
func (st *Store) EventFacets(ctx context.Context, sc store.Scope) (store.Facets, error) {
	f := newFacets()
	err := st.read(ctx, func(c *conn) error {
		f = newFacets()
		return c.q("SELECT type, client_id FROM events ORDER BY position DESC LIMIT ?").int(store.MaxExamined).each(func(s *sqlite.Stmt) bool {
			if sc.Sees(s.ColumnText(1)) {
				f.add(store.FacetTypes, s.ColumnText(0))
			}
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read facets of events: %w", err)
	}
	return f.sorted(), nil
}

// facets gather values that occur.
type facets map[string]map[string]bool

func newFacets() facets { return facets{} }

func (f facets) add(name, v string) {
	if v == "" {
		return
	}
	if f[name] == nil {
		f[name] = map[string]bool{}
	}
	f[name][v] = true
}

func (f facets) sorted() store.Facets {
	out := store.Facets{}
	for name, vs := range f {
		out[name] = slices.Sorted(maps.Keys(vs))
	}
	return out
}
