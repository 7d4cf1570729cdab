package work

import (
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
)

// event is the page of an event: where it went, and what became of it.
func (p *page) event(id string) {
	e, err := p.cl.Events.Get(p.c.Context, id)
	if client.StatusOf(err) == http.StatusNotFound {
		err = fault.New(fault.NotFound, "fcctl events list", "there is no event %q", id)
	}
	if !about(p, e, err, func(e *client.Event) (string, error) { return view.Event(e, p.ink), nil }) {
		return
	}
	p.value["id"] = e.ID
	part(p, "matching", "matching", func() (*client.Explanation, error) { return p.cl.Events.Explain(p.c.Context, e.ID, "") },
		func(x *client.Explanation) string { return view.Explanation(x, p.ink) })
	p.jobs("jobs", "jobs", client.JobFilter{EventID: e.ID})
}

// job is the page of a job: its exchanges, and what stands in its way.
func (p *page) job(id string) {
	j, err := p.cl.Jobs.Get(p.c.Context, id)
	if client.StatusOf(err) == http.StatusNotFound {
		err = fault.New(fault.NotFound, "fcctl jobs list", "there is no job %q", id)
	}
	if !about(p, j, err, func(j *client.Job) (string, error) { return view.Job(j, p.ink), nil }) {
		return
	}
	p.value["id"] = j.ID
	part(p, "attempts", "attempts", func() ([]client.Attempt, error) { return p.cl.Jobs.Attempts(p.c.Context, j.ID) }, func(as []client.Attempt) string {
		if len(as) == 0 {
			return ""
		}
		return view.Attempts(as, true, p.ink)
	})
	if j.SubscriptionID != "" {
		p.groups(j.SubscriptionID, func(g client.Group) bool { return g.OrderKey == j.OrderKey })
		p.resources(resource.KindSubscription, "subscription", "subscription", client.ResourceFilter{}, func(r resource.Resource) bool { return r.Base().ID == j.SubscriptionID })
	}
	if !j.IsTerminal {
		p.endpoint(func(e *client.EndpointStats) bool { return e.Endpoint == j.ConnectionID || e.Endpoint == j.TargetURL })
	}
}

// jobs adds the newest jobs that fit.
func (p *page) jobs(key, title string, f client.JobFilter) {
	f.PageSize = shownRows
	part(p, key, title, func() ([]client.Job, error) { return all(p.cl.Jobs.List(p.c.Context, f), shownRows, nil) }, func(js []client.Job) string {
		if len(js) == 0 {
			return ""
		}
		return view.Jobs(js, p.ink)
	})
}

// groups adds the groups of a subscription that are blocked.
func (p *page) groups(subscription string, fits func(client.Group) bool) {
	part(p, "blockedGroups", "blocked groups", func() ([]client.Group, error) {
		return all(p.cl.Groups.List(p.c.Context, client.GroupFilter{SubscriptionID: subscription}), shownRows, fits)
	}, func(gs []client.Group) string {
		if len(gs) == 0 {
			return ""
		}
		return view.Groups(gs, p.ink)
	})
}

// endpoint adds the figures of an endpoint and, if it is not closed, its
// breaker.
func (p *page) endpoint(is func(*client.EndpointStats) bool) {
	e := part(p, "endpoint", "endpoint, over 5 minutes", func() (*client.EndpointStats, error) {
		v, err := p.cl.Router.Endpoints(p.c.Context, 0)
		if err != nil {
			return nil, err
		}
		for i := range v.Endpoints {
			if is(&v.Endpoints[i]) {
				return &v.Endpoints[i], nil
			}
		}
		return nil, errNothing // the router has not met it of late
	}, func(e *client.EndpointStats) string { return view.Endpoints([]client.EndpointStats{*e}, p.ink) })
	if e == nil {
		return
	}
	part(p, "breaker", "breaker", func() (*client.Breaker, error) {
		v, err := p.cl.Router.Breakers(p.c.Context, 0)
		if err != nil {
			return nil, err
		}
		for i := range v.Breakers {
			if b := &v.Breakers[i]; b.Name == e.Endpoint && (b.State != client.BreakerClosed || len(b.Holds) > 0) {
				return b, nil
			}
		}
		return nil, errNothing
	}, func(b *client.Breaker) string { return view.Breaker(b, p.ink) })
}

// openStates are those of jobs that are not over.
var openStates = []string{client.JobPending, client.JobQueued, client.JobProcessing}

// day is how far back counts go.
const day = 24 * time.Hour
