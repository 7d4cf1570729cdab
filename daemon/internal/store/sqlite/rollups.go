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
	touched := map[int64]bool{}
	for _, r := range t.notes.rolls {
		touched[r.hour] = true
		t.sums[r]++
		t.sums[roll{0, r.count, r.client, ""}]++
	}
	for r, n := range t.sums {
		if err := t.q("INSERT INTO rollups(hour, count, client, name, n) VALUES(?1,?2,?3,?4,?5) ON CONFLICT(hour, count, client, name) DO UPDATE SET n = n + ?5").
			int(r.hour).int(int64(r.count)).text(r.client).text(r.name).int(n).exec(); err != nil {
			return fmt.Errorf("count by the hour: %w", err)
		}
	}
	t.notes.then = append(t.notes.then, func() { t.st.hours.count(touched) })
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
	asked := st.hours.now()
	err = st.snapshot(ctx, func(c *conn) error {
		out = nil
		first, err := c.q("SELECT hour FROM rollups WHERE hour >= ? ORDER BY hour LIMIT 1").int(low).number()
		if err != nil {
			return err
		}
		last, err := c.q("SELECT hour FROM rollups WHERE hour < ? ORDER BY hour DESC LIMIT 1").int(high).number()
		if err != nil {
			return err
		}
		for at := max(first, low); at <= last && ctx.Err() == nil; at++ {
			rows, err := st.hour(c, at, asked)
			if err != nil {
				return err
			}
			for i := range rows {
				if r := &rows[i]; sc.Sees(r.ClientID) && (client == "" || client == r.ClientID) {
					out = append(out, *r)
				}
			}
		}
		return ctx.Err()
	})
	return out, err
}

// hour returns the sums of an hour, from memory if they are there.
func (st *Store) hour(c *conn, at int64, asked uint64) ([]store.Rollup, error) {
	rows, known := st.hours.get(at)
	if known {
		return rows, nil
	}
	err := c.q("SELECT count, client, name, n FROM rollups WHERE hour = ? ORDER BY count, client, name").int(at).each(func(s *sqlite.Stmt) bool {
		r := store.Rollup{Count: store.Count(s.ColumnInt64(0)), ClientID: s.ColumnText(1), Name: s.ColumnText(2), N: s.ColumnInt64(3)}
		if at > 0 {
			r.Hour = time.Unix(at*3600, 0).UTC()
		}
		rows = append(rows, r)
		return true
	})
	if err == nil && at > 0 { // the totals change with every commit
		st.hours.keep(at, asked, rows)
	}
	return rows, err
}

// EventFacets implements store.Statistics.
func (st *Store) EventFacets(ctx context.Context, sc store.Scope) (store.Facets, error) {
	f := newFacets()
	err := st.read(ctx, func(c *conn) error {
		f = newFacets()
		return c.q("SELECT type, client_id FROM events ORDER BY position DESC LIMIT ?").int(store.MaxFaceted).each(func(s *sqlite.Stmt) bool {
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
