package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Audit lists audit entries, newest first.
func (p *Platform) Audit(ctx context.Context, c Caller, q store.AuditQuery) (store.AuditPage, error) {
	page, err := p.st.Audit(ctx, c.Scope, q)
	if err != nil {
		return page, fmt.Errorf("list audit entries: %w", err)
	}
	for i := range page.Entries {
		c.viewAudit(&page.Entries[i])
	}
	return page, nil
}

// viewAudit leaves of an entry what the caller would see of the thing itself.
func (c Caller) viewAudit(e *store.AuditEntry) {
	if c.Scope.All || e.Report != nil {
		return // what an application reported shows nothing of a resource
	}
	for _, info := range resource.Kinds {
		if info.Noun() != e.EntityType {
			continue
		}
		for _, body := range []*[]byte{&e.Before, &e.After} {
			if len(*body) == 0 {
				continue
			}
			r := info.New()
			if err := json.Unmarshal(*body, r); err != nil {
				*body = nil // what can not be read can not be seen in part
				continue
			}
			shown := c.view(r)
			if shown == r {
				continue // nothing of it is hidden
			}
			out, err := json.Marshal(shown)
			if err != nil {
				out = nil
			}
			*body = out
		}
	}
}

// AuditEntry returns one audit entry.
func (p *Platform) AuditEntry(ctx context.Context, c Caller, id string) (store.AuditEntry, error) {
	n, err := flow.ParseID(id)
	if err != nil {
		return store.AuditEntry{}, refuse(CodeNotFound, "there is no audit entry with this id")
	}
	e, err := p.st.AuditEntry(ctx, c.Scope, n)
	if err != nil {
		return e, missing(err, "audit entry")
	}
	c.viewAudit(&e)
	return e, nil
}

// AuditFacets are the values that occur among the newest audit entries.
func (p *Platform) AuditFacets(ctx context.Context, c Caller) (store.Facets, error) {
	return p.st.AuditFacets(ctx, c.Scope)
}

// PrincipalName is what a principal is called, or "".
func (p *Platform) PrincipalName(ctx context.Context, id string) string {
	if id == "system" {
		return "System"
	}
	w, err := p.currentWorld(ctx)
	if err != nil {
		return ""
	}
	_, r, err := w.principal(System(), id, "view")
	if err != nil {
		return ""
	}
	switch r := r.(type) {
	case *resource.Principal:
		return r.Name
	case *resource.ServiceAccount:
		return r.Name
	}
	return ""
}

// EventTypes are the types that the caller may filter by: those that are
// declared and those that occur among the newest events, sorted.
func (p *Platform) EventTypes(ctx context.Context, c Caller) ([]string, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	f, err := p.st.EventFacets(ctx, c.Scope)
	if err != nil {
		return nil, err
	}
	types := slices.Clone(f[store.FacetTypes])
	for _, r := range w.sorted[resource.KindEventType] {
		if c.sees(r) {
			types = append(types, r.Key())
		}
	}
	slices.Sort(types)
	return slices.Compact(types), nil
}

// Clients are the clients that the caller sees, by identifier.
func (p *Platform) Clients(ctx context.Context, c Caller) ([]*resource.Client, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	var clients []*resource.Client
	for _, r := range w.sorted[resource.KindClient] {
		if t := r.(*resource.Client); c.sees(r) && t.Status != resource.ClientDeleted {
			clients = append(clients, t)
		}
	}
	return clients, nil
}

// ClientIDs are the ids of clients that go by these names.
func (p *Platform) ClientIDs(ctx context.Context, names []string) ([]string, error) {
	var ids []string
	for _, name := range names {
		id, err := p.ClientID(ctx, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Rollups are sums by the hour.
func (p *Platform) Rollups(ctx context.Context, c Caller, q store.RollupQuery) ([]store.Rollup, error) {
	return p.st.Rollups(ctx, c.Scope, q)
}

// Dashboard is what the platform has done, in few numbers.
type Dashboard struct {
	Events, Jobs, EventsLastHour     int64
	ActiveSubscriptions, ActivePools int64
}

// Dashboard sums up what the caller sees. The events of the last hour are those
// of this hour and a part of those of the hour before.
func (p *Platform) Dashboard(ctx context.Context, c Caller) (Dashboard, error) {
	var d Dashboard
	totals, err := p.st.Totals(ctx, c.Scope)
	if err != nil {
		return d, err
	}
	for _, t := range totals {
		switch t.Count {
		case store.CountEvents:
			d.Events += t.N
		case store.CountJobs:
			d.Jobs += t.N
		}
	}
	now := p.now()
	hour := now.Truncate(time.Hour)
	sums, err := p.st.Rollups(ctx, c.Scope, store.RollupQuery{Since: hour.Add(-time.Hour)})
	if err != nil {
		return d, err
	}
	var before int64
	for _, r := range sums {
		switch {
		case r.Count != store.CountEvents:
		case r.Hour.Before(hour):
			before += r.N
		default:
			d.EventsLastHour += r.N
		}
	}
	d.EventsLastHour += before * int64(time.Hour-now.Sub(hour)) / int64(time.Hour)
	w, err := p.currentWorld(ctx)
	if err != nil {
		return d, err
	}
	for _, kind := range []resource.Kind{resource.KindSubscription, resource.KindDispatchPool} {
		for _, r := range w.sorted[kind] {
			if !c.sees(r) || statusOf(r) != "ACTIVE" {
				continue
			}
			if kind == resource.KindSubscription {
				d.ActiveSubscriptions++
			} else {
				d.ActivePools++
			}
		}
	}
	return d, nil
}
