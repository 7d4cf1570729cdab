package work

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
)

// resource is the page of a declared thing: the fields that it has, what goes
// with its kind, and who changed it last.
func (p *page) resource(info resource.KindInfo, r resource.Resource) {
	if !about(p, r, nil, func(r resource.Resource) (string, error) { return view.Resource(r, p.ink) }) {
		return
	}
	p.value["code"] = r.Key()
	switch r := r.(type) {
	case *resource.Connection:
		used := p.usedBy(func(s *resource.Subscription) bool { return s.ConnectionID == r.ID })
		p.endpoint(func(e *client.EndpointStats) bool { return e.Endpoint == r.ID })
		p.backlog(used)
		p.warnings(r.ID, r.Code)
	case *resource.Subscription:
		if r.ConnectionID != "" {
			p.resources(resource.KindConnection, "connection", "connection", client.ResourceFilter{}, func(c resource.Resource) bool { return c.Base().ID == r.ConnectionID })
		}
		p.endpoint(func(e *client.EndpointStats) bool {
			return e.Endpoint == r.ConnectionID || r.ConnectionID == "" && e.Endpoint == r.Target
		})
		p.lastDay(r.ID)
		p.groups(r.ID, nil)
		p.jobs("openJobs", "open jobs, newest first", client.JobFilter{SubscriptionID: r.ID, Status: openStates})
		p.jobs("endedJobs", "ended jobs, newest first", client.JobFilter{SubscriptionID: r.ID, Status: []string{client.JobCompleted, client.JobFailed, client.JobExpired, client.JobCancelled}})
		p.warnings(r.ID, r.Code)
	case *resource.DispatchPool:
		p.pool(r)
		p.usedBy(func(s *resource.Subscription) bool {
			return s.DispatchPoolID == r.ID || s.DispatchPoolID == "" && s.DispatchPoolCode == r.Code || r.Code == resource.DefaultPool && s.DispatchPoolID == "" && s.DispatchPoolCode == ""
		})
	case *resource.EventType:
		p.usedBy(func(s *resource.Subscription) bool {
			for _, b := range s.EventTypes {
				if covers(b.EventTypeCode, r.Key()) {
					return true
				}
			}
			return false
		})
		part(p, "events", "newest events", func() ([]client.Event, error) {
			return all(p.cl.Events.List(p.c.Context, client.EventFilter{Type: r.Key(), PageSize: shownRows}), shownRows, nil)
		}, func(es []client.Event) string {
			if len(es) == 0 {
				return ""
			}
			return view.Events(es, p.ink)
		})
	case *resource.Client:
		f := client.ResourceFilter{ClientID: r.ID}
		p.resources(resource.KindConnection, "connections", "connections", f, nil)
		p.resources(resource.KindSubscription, "subscriptions", "subscriptions", f, nil)
		p.resources(resource.KindDispatchPool, "pools", "dispatch pools", f, nil)
		p.resources(resource.KindServiceAccount, "serviceAccounts", "service accounts", client.ResourceFilter{}, func(a resource.Resource) bool {
			return slices.Contains(a.(*resource.ServiceAccount).ClientIDs, r.ID)
		})
	case *resource.ServiceAccount:
		p.usedBy(func(s *resource.Subscription) bool { return s.ServiceAccountID == r.ID })
	case *resource.Role:
		p.resources(resource.KindPrincipal, "people", "people who have it", client.ResourceFilter{}, func(o resource.Resource) bool {
			for _, a := range o.(*resource.Principal).Roles {
				if a.Role == r.Key() {
					return true
				}
			}
			return false
		})
	}
	p.changes(info, r)
}

// covers says whether a pattern of four segments is one for an event type.
func covers(pattern, code string) bool {
	ps, cs := strings.Split(pattern, ":"), strings.Split(code, ":")
	if len(ps) != len(cs) {
		return false
	}
	for i := range ps {
		if ps[i] != "*" && ps[i] != cs[i] {
			return false
		}
	}
	return true
}

// usedBy adds the subscriptions that use something.
func (p *page) usedBy(uses func(*resource.Subscription) bool) []resource.Resource {
	return p.resources(resource.KindSubscription, "subscriptions", "subscriptions that use it", client.ResourceFilter{}, func(r resource.Resource) bool { return uses(r.(*resource.Subscription)) })
}

// backlog adds the newest jobs that wait for a connection, by way of the
// subscriptions that use it.
func (p *page) backlog(used []resource.Resource) {
	part(p, "openJobs", "open jobs, newest first", func() ([]client.Job, error) {
		jobs := []client.Job{}
		for _, s := range used[:min(len(used), shownRows)] {
			js, err := all(p.cl.Jobs.List(p.c.Context, client.JobFilter{SubscriptionID: s.Base().ID, Status: openStates, PageSize: shownRows}), shownRows, nil)
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, js...)
		}
		slices.SortStableFunc(jobs, func(a, b client.Job) int { return b.CreatedAt.Compare(a.CreatedAt) })
		return jobs[:min(len(jobs), shownRows)], nil
	}, func(js []client.Job) string {
		if len(js) == 0 {
			return ""
		}
		return view.Jobs(js, p.ink)
	})
}

// pool adds what a pool does at the moment.
func (p *page) pool(r *resource.DispatchPool) {
	part(p, "stats", "at work, over 5 minutes", func() (*client.PoolStats, error) {
		v, err := p.cl.Router.Pools(p.c.Context)
		if err != nil {
			return nil, err
		}
		for i := range v.Pools {
			if v.Pools[i].PoolID == r.ID {
				return &v.Pools[i], nil
			}
		}
		return nil, errNothing
	}, func(s *client.PoolStats) string { return view.Pools([]client.PoolStats{*s}, p.ink) })
}

// warnings adds those that name something as their source.
func (p *page) warnings(names ...string) {
	part(p, "warnings", "warnings", func() ([]client.Warning, error) {
		ws, err := p.cl.Router.Warnings(p.c.Context)
		if err != nil {
			return nil, err
		}
		found := []client.Warning{}
		for _, w := range ws {
			for _, name := range names {
				if strings.Contains(" "+w.Source+" ", " "+name+" ") {
					found = append(found, w)
					break
				}
			}
		}
		return found, nil
	}, func(ws []client.Warning) string {
		if len(ws) == 0 {
			return ""
		}
		return view.Warnings(ws, p.ink)
	})
}

// lastDay adds how many jobs of a subscription ended how since yesterday.
func (p *page) lastDay(id string) {
	type counts struct {
		Jobs      int64 `json:"jobs"`
		Completed int64 `json:"completed"`
		Failed    int64 `json:"failed"`
		Cancelled int64 `json:"cancelled"`
		Expired   int64 `json:"expired"`
	}
	part(p, "lastDay", "last 24 hours", func() (*counts, error) {
		q := url.Values{"since": {time.Now().Add(-day).UTC().Format(time.RFC3339)}}
		raw, err := p.cl.Call(p.c.Context, "GET", "/api/statistics", q, nil)
		if err != nil {
			return nil, err
		}
		var s struct {
			Subscriptions map[string]counts `json:"subscriptions"`
		}
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("read the statistics: %w", err)
		}
		n, some := s.Subscriptions[id]
		if !some {
			return nil, errNothing
		}
		return &n, nil
	}, func(n *counts) string {
		return fmt.Sprintf("%d jobs; %d completed, %d failed, %d expired, %d cancelled\n", n.Jobs, n.Completed, n.Failed, n.Expired, n.Cancelled)
	})
}

// changes adds who changed something last.
func (p *page) changes(info resource.KindInfo, r resource.Resource) {
	if r.Base().ID == "" {
		return // built in
	}
	part(p, "changes", "last changes", func() ([]json.RawMessage, error) {
		q := url.Values{"entityType": {info.Noun()}, "entityId": {r.Base().ID}, "pageSize": {"5"}}
		raw, err := p.cl.Call(p.c.Context, "GET", "/api/audit-logs", q, nil)
		if err != nil {
			return nil, err
		}
		var log struct {
			AuditLogs []json.RawMessage `json:"auditLogs"`
		}
		if err := json.Unmarshal(raw, &log); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		return log.AuditLogs, nil
	}, func(rows []json.RawMessage) string {
		if len(rows) == 0 {
			return ""
		}
		text, err := view.Rows(rows, []view.Column{{Head: "ID", Member: "id"}, {Head: "AT", Member: "performedAt"}, {Head: "OPERATION", Member: "operation"}, {Head: "BY", Member: "principalId"}}, p.ink)
		if err != nil {
			p.err = err
		}
		return text
	})
}
