package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Audit implements store.Resources. What is asked of one thing is found in an
// index of it.
func (st *Store) Audit(ctx context.Context, sc store.Scope, q store.AuditQuery) (store.AuditPage, error) {
	limit := store.PageLimit(q.Limit)
	high, low := idRange(q.Since, q.Until)
	if q.Before > 0 {
		high = min(high, int64(q.Before))
	}
	var page store.AuditPage
	err := st.read(ctx, func(c *conn) error {
		page = store.AuditPage{}
		var rows stmt
		if q.EntityID != "" {
			rows = c.q("SELECT " + auditCols + " FROM audit INDEXED BY audit_entity WHERE entity_id = ? AND id < ? AND id >= ? ORDER BY id DESC").text(q.EntityID)
		} else {
			rows = c.q("SELECT " + auditCols + " FROM audit WHERE id < ? AND id >= ? ORDER BY id DESC")
		}
		examined, last, broken := 0, flow.ID(0), error(nil)
		err := rows.int(high).int(low).each(func(s *sqlite.Stmt) bool {
			if len(page.Entries) == limit || examined == store.MaxExamined {
				page.Next, page.Partial = last, len(page.Entries) < limit
				return false
			}
			examined++
			a := scanAudit(s)
			last = a.ID
			if matchesAudit(&a, sc, &q) {
				broken = fillAudit(s, &a)
				page.Entries = append(page.Entries, a)
			}
			return broken == nil && ctx.Err() == nil
		})
		return cmp.Or(err, broken, ctx.Err())
	})
	if err != nil {
		return store.AuditPage{}, fmt.Errorf("list audit entries: %w", err)
	}
	return page, nil
}

const auditCols = "id, entity_type, entity_id, operation, principal_id, client_id, request_id, performed_at, before, after, report"

func matchesAudit(a *store.AuditEntry, sc store.Scope, q *store.AuditQuery) bool {
	return sc.Sees(a.ClientID) &&
		(len(q.EntityTypes) == 0 || slices.Contains(q.EntityTypes, a.EntityType)) &&
		(len(q.Operations) == 0 || slices.Contains(q.Operations, a.Operation)) &&
		(q.EntityID == "" || q.EntityID == a.EntityID) &&
		(q.PrincipalID == "" || q.PrincipalID == a.PrincipalID) &&
		(q.Origin == "" || q.Origin == a.Origin()) &&
		(len(q.Clients) == 0 || slices.Contains(q.Clients, a.ClientID))
}

// scanAudit reads of auditCols what entries are chosen by.
func scanAudit(s *sqlite.Stmt) store.AuditEntry {
	a := store.AuditEntry{
		ID: flow.ID(s.ColumnInt64(0)), EntityType: s.ColumnText(1), EntityID: s.ColumnText(2), Operation: s.ColumnText(3),
		PrincipalID: s.ColumnText(4), ClientID: s.ColumnText(5), RequestID: s.ColumnText(6), PerformedAt: colTime(s, 7),
	}
	if !s.ColumnIsNull(10) {
		a.Report = new(store.AuditReport)
	}
	return a
}

// fillAudit reads the rest of auditCols.
func fillAudit(s *sqlite.Stmt, a *store.AuditEntry) error {
	a.Before, a.After = colBytes(s, 8), colBytes(s, 9)
	if a.Report == nil {
		return nil
	}
	if err := json.Unmarshal(colBytes(s, 10), a.Report); err != nil {
		return fmt.Errorf("audit entry %s: what was reported: %w", a.ID, err)
	}
	return nil
}

// ReportAudit implements store.Resources.
func (st *Store) ReportAudit(ctx context.Context, es []store.AuditEntry, now time.Time) ([]store.Reported, error) {
	var out []store.Reported
	err := st.write(ctx, func(t *tx) error {
		out = make([]store.Reported, len(es))
		for i := range es {
			var report string
			e := &es[i]
			if e.Report != nil {
				b, err := json.Marshal(e.Report)
				if err != nil {
					return fmt.Errorf("report audit entry %d: %w", i, err)
				}
				report = string(b)
				if e.Report.DedupKey != "" {
					id, err := t.q("SELECT id FROM audit WHERE dedup = ?").text(e.Report.DedupKey).number()
					if err != nil {
						return fmt.Errorf("report audit entry %d: %w", i, err)
					}
					if id != 0 {
						out[i] = store.Reported{ID: flow.ID(id), Duplicate: true}
						continue
					}
				}
			}
			id, err := t.auditAs(e, report, now)
			if err != nil {
				return fmt.Errorf("report audit entry %d: %w", i, err)
			}
			out[i].ID = id
		}
		return nil
	})
	return answer(&out, err)
}

// auditAs writes an entry.
func (t *tx) auditAs(a *store.AuditEntry, report string, now time.Time) (flow.ID, error) {
	id, dedup := t.st.ids.New(now), ""
	if a.Report != nil {
		dedup = a.Report.DedupKey
	}
	return id, t.q("INSERT INTO audit(id, entity_type, entity_id, operation, before, after, principal_id, client_id, request_id, performed_at, report, dedup) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)").
		int(int64(id)).text(a.EntityType).text(a.EntityID).text(a.Operation).opt(string(a.Before)).opt(string(a.After)).
		opt(a.PrincipalID).opt(a.ClientID).opt(a.RequestID).time(now).opt(report).opt(dedup).exec()
}

// AuditEntry implements store.Resources.
func (st *Store) AuditEntry(ctx context.Context, sc store.Scope, id flow.ID) (a store.AuditEntry, err error) {
	found := false
	err = st.read(ctx, func(c *conn) (err error) {
		var broken error
		found, err = c.q("SELECT " + auditCols + " FROM audit WHERE id = ?").int(int64(id)).one(func(s *sqlite.Stmt) {
			a = scanAudit(s)
			broken = fillAudit(s, &a)
		})
		return cmp.Or(err, broken)
	})
	switch {
	case err != nil:
		return store.AuditEntry{}, fmt.Errorf("read audit entry: %w", err)
	case !found || !sc.Sees(a.ClientID):
		return store.AuditEntry{}, store.ErrNotFound
	}
	return a, nil
}

// AuditFacets implements store.Resources.
func (st *Store) AuditFacets(ctx context.Context, sc store.Scope) (store.Facets, error) {
	f := newFacets()
	err := st.read(ctx, func(c *conn) error {
		f = newFacets()
		return c.q("SELECT entity_type, operation, client_id FROM audit ORDER BY id DESC LIMIT ?").int(store.MaxFaceted).each(func(s *sqlite.Stmt) bool {
			if client := s.ColumnText(2); sc.Sees(client) {
				f.add(store.FacetEntityTypes, s.ColumnText(0))
				f.add(store.FacetOperations, s.ColumnText(1))
				f.add(store.FacetClients, client)
			}
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read facets of the audit: %w", err)
	}
	return f.sorted(), nil
}
