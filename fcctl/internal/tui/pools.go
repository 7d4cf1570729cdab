package tui

import (
	"context"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
)

var poolColumns = []column{
	{title: "POOL", least: 12, gives: true}, {title: "STATUS"}, {title: "AT WORK", right: true}, {title: "WAITING", right: true},
	{title: "PER S", right: true}, {title: "OK", right: true}, {title: "P50", right: true}, {title: "P99", right: true}, {title: "LIMIT", right: true}, {title: "ENDPOINTS", right: true},
}

func poolRow(p client.PoolStats) row {
	m := p.Metrics.Last5Min
	limit := cell{text: "none"}
	if p.RateLimitPerMinute != nil {
		limit = cell{text: fmt.Sprintf("%.0f/m", *p.RateLimitPerMinute), num: *p.RateLimitPerMinute}
		if p.IsRateLimited {
			limit.tone = careful
		}
	}
	work := cell{text: fmt.Sprintf("%d of %d", p.ActiveWorkers, p.Concurrency), num: float64(p.ActiveWorkers)}
	if p.Concurrency > 0 && p.ActiveWorkers >= p.Concurrency {
		work.tone = careful
	}
	return row{p.PoolID, []cell{
		{text: nameOf(p.PoolCode, p.PoolID)}, {text: p.Status, tone: toneOf(p.Status)}, work, {text: fmt.Sprint(p.QueueSize), num: float64(p.QueueSize)},
		{text: fmt.Sprintf("%.1f", m.ThroughputPerSec), num: m.ThroughputPerSec}, share(m), {text: millis(m.ProcessingTime.P50Ms), num: m.ProcessingTime.P50Ms},
		{text: millis(m.ProcessingTime.P99Ms), num: m.ProcessingTime.P99Ms}, limit, {text: fmt.Sprint(p.EndpointCount), num: float64(p.EndpointCount)},
	}}
}

// share is how many exchanges went well.
func share(f client.Figures) cell {
	if f.TotalSuccess+f.TotalFailure == 0 {
		return cell{text: "–"}
	}
	c := cell{text: fmt.Sprintf("%.1f %%", 100*f.SuccessRate), num: f.SuccessRate + 0.001, tone: good}
	switch {
	case f.SuccessRate < 0.5:
		c.tone = bad
	case f.SuccessRate < 0.99:
		c.tone = careful
	}
	return c
}

func newPools(d *desk) *list[client.PoolStats] {
	return &list[client.PoolStats]{
		desk: d, name: "pools", equivalent: "fcctl router pools", every: often, empty: "no pool has had anything to do since the router began",
		grid: newGrid(poolColumns...), row: poolRow,
		fetch: func(ctx context.Context) ([]client.PoolStats, bool, error) {
			s, err := d.Router.Pools(ctx)
			if err != nil {
				return nil, false, err
			}
			return s.Pools, false, nil
		},
		enter: func(p client.PoolStats) tea.Cmd { return show(newEndpointsOf(d, p.PoolCode)) },
		keys:  []key{{name: "enter", does: "endpoints"}, {name: "p", does: "suspend or go on", writes: true}, {name: "+ -", does: "more or fewer slots", writes: true}},
		key: func(l *list[client.PoolStats], k string, chosen []client.PoolStats) (tea.Cmd, bool) {
			if len(chosen) == 0 {
				return nil, false
			}
			p := chosen[0]
			switch k {
			case "p":
				return toggle(d, l, "dispatch-pools", "pool", p.PoolCode, p.Status, "SUSPENDED"), true
			case "+", "=", "-":
				n := max(1, p.Concurrency+step(p.Concurrency, k))
				command := fmt.Sprintf("fcctl router pools tune %s --concurrency %d", p.PoolCode, n)
				return act(d, l, command, func(ctx context.Context) (string, error) {
					return fmt.Sprintf("%s has %d slots", p.PoolCode, n), d.Router.TunePool(ctx, p.PoolCode, client.PoolTuning{Concurrency: &n})
				}), true
			}
			return nil, false
		},
	}
}

// step is a tenth of what there is, and one at least.
func step(n int, k string) int {
	by := max(1, n/10)
	if k == "-" {
		return -by
	}
	return by
}

func endpointRow(d *desk, e client.EndpointStats) row {
	m := e.Metrics.Last5Min
	state := cell{text: e.Breaker, tone: toneOf(e.Breaker)}
	for _, h := range e.Holds {
		if h.Reason == "PAUSED" {
			state = cell{text: "PAUSED", tone: careful}
		} else if h.Reason == "RETRY_AFTER" && state.text == client.BreakerClosed {
			state = cell{text: "RESTS " + age(h.Until.Sub(d.now())), tone: careful}
		}
	}
	return row{e.Endpoint, []cell{
		{text: nameOf(e.ConnectionCode, e.Endpoint)}, state, {text: fmt.Sprint(e.Active), num: float64(e.Active)}, {text: fmt.Sprint(e.Waiting), num: float64(e.Waiting)},
		{text: fmt.Sprintf("%.1f", m.ThroughputPerSec), num: m.ThroughputPerSec}, share(m), {text: millis(m.ProcessingTime.P50Ms), num: m.ProcessingTime.P50Ms},
		{text: millis(m.ProcessingTime.P99Ms), num: m.ProcessingTime.P99Ms}, {text: e.URL},
	}}
}

func newEndpoints(d *desk) *list[client.EndpointStats] { return newEndpointsOf(d, "") }

// newEndpointsOf lists endpoints; those of one pool are not told apart by the
// router, so the pool is but the way here.
func newEndpointsOf(d *desk, _ string) *list[client.EndpointStats] {
	return &list[client.EndpointStats]{
		desk: d, name: "endpoints", equivalent: "fcctl router endpoints", every: often, empty: "no endpoint was called of late",
		grid: newGrid(column{title: "ENDPOINT", least: 10, gives: true}, column{title: "BREAKER"}, column{title: "AT WORK", right: true}, column{title: "WAITING", right: true},
			column{title: "PER S", right: true}, column{title: "OK", right: true}, column{title: "P50", right: true}, column{title: "P99", right: true}, column{title: "URL", least: 12, gives: true}),
		fetch: func(ctx context.Context) ([]client.EndpointStats, bool, error) {
			s, err := d.Router.Endpoints(ctx, 0)
			if err != nil {
				return nil, false, err
			}
			return s.Endpoints, s.Total > len(s.Endpoints), nil
		},
		row:   func(e client.EndpointStats) row { return endpointRow(d, e) },
		enter: func(e client.EndpointStats) tea.Cmd { return show(newBreaker(d, e)) },
		keys:  []key{{name: "enter", does: "its breaker"}, {name: "x", does: "reset its breaker", writes: true}, {name: "p", does: "pause or resume", writes: true}},
		key: func(l *list[client.EndpointStats], k string, chosen []client.EndpointStats) (tea.Cmd, bool) {
			if len(chosen) == 0 {
				return nil, false
			}
			e := chosen[0]
			switch k {
			case "x":
				return resetBreaker(d, l, nameOf(e.ConnectionCode, e.Endpoint)), true
			case "p":
				if e.ConnectionCode == "" {
					return nil, true
				}
				status := "ACTIVE"
				for _, h := range e.Holds {
					if h.Reason == "PAUSED" {
						status = "PAUSED"
					}
				}
				return toggle(d, l, "connections", "connection", e.ConnectionCode, status, "PAUSED"), true
			}
			return nil, false
		},
	}
}

func resetBreaker(d *desk, p Page, name string) tea.Cmd {
	command := "fcctl router breakers reset " + name
	return confirm(p, "Call "+name+" again now?", command, func(ctx context.Context) (string, error) {
		b, err := d.Router.ResetBreaker(ctx, name)
		if err != nil {
			return "", err
		}
		return name + ": " + b.Story, nil
	})
}

// met is an endpoint with its breaker.
type met struct {
	client.EndpointStats
	breaker client.Breaker
}

// newBreaker tells the story of an endpoint.
func newBreaker(d *desk, e client.EndpointStats) *detail {
	name := nameOf(e.ConnectionCode, e.Endpoint)
	var p *detail
	p = &detail{
		desk: d, name: name, equivalent: "fcctl router breakers --all", id: e.Endpoint, every: often,
		fetch: func(ctx context.Context) (any, error) {
			all, err := d.Router.Endpoints(ctx, 0)
			if err != nil {
				return nil, err
			}
			now := met{EndpointStats: e}
			for _, x := range all.Endpoints {
				if x.Endpoint == e.Endpoint {
					now.EndpointStats = x
				}
			}
			bs, err := d.Router.Breakers(ctx, 0)
			if err != nil {
				return nil, err
			}
			for _, b := range bs.Breakers {
				if b.Name == e.Endpoint {
					now.breaker = b
					return now, nil
				}
			}
			now.breaker = client.Breaker{Name: e.Endpoint, Target: e.URL, State: now.Breaker}
			return now, nil
		},
		render: func(v any, width int) []string {
			e := v.(met)
			b := e.breaker
			f := &facts{p: d.palette, width: width}
			f.add("endpoint", name, strong)
			f.add("URL", e.URL, plain)
			f.add("breaker", b.State, toneOf(b.State))
			f.add("now", b.Story, plain)
			f.add("opened because", b.Why, plain)
			f.add("last error", b.LastError, bad)
			f.add("opened", d.moment(b.LastFailure), plain)
			f.add("next probe", d.moment(b.ResetAt), plain)
			f.add("in 5 minutes", fmt.Sprintf("%d went well, %d failed", b.SuccessCount, b.FailureCount), plain)
			for _, h := range e.Holds {
				f.add("held", h.Reason+" "+h.Detail+" until "+d.moment(h.Until), careful)
			}
			m := e.Metrics.Last5Min.ProcessingTime
			f.add("latency", fmt.Sprintf("p50 %s, p95 %s, p99 %s, most %s", millis(m.P50Ms), millis(m.P95Ms), millis(m.P99Ms), millis(m.MaxMs)), plain)
			f.add("at work", fmt.Sprintf("%d, and %d wait", e.Active, e.Waiting), plain)
			return f.lines
		},
		keys: []key{{name: "x", does: "reset the breaker", writes: true}},
		press: func(_ any, k string) (tea.Cmd, bool) {
			if k != "x" {
				return nil, false
			}
			return resetBreaker(d, p, name), true
		},
	}
	return p
}

func newQueues(d *desk) *list[client.QueueStats] {
	return &list[client.QueueStats]{
		desk: d, name: "queues", equivalent: "fcctl router queues", every: often, empty: "no queue",
		grid: newGrid(column{title: "QUEUE", least: 8, gives: true}, column{title: "WAITING", right: true}, column{title: "IN FLIGHT", right: true}, column{title: "DEAD", right: true}, column{title: "OLDEST", right: true}),
		fetch: func(ctx context.Context) ([]client.QueueStats, bool, error) {
			qs, err := d.Router.Queues(ctx)
			return qs, false, err
		},
		row: func(q client.QueueStats) row {
			dead := cell{text: fmt.Sprint(q.DeadLetters), num: float64(q.DeadLetters)}
			if q.DeadLetters > 0 {
				dead.tone = bad
			}
			oldest := time.Duration(q.OldestAgeSeconds * float64(time.Second))
			return row{q.Name, []cell{{text: q.Name}, {text: fmt.Sprint(q.Pending), num: float64(q.Pending)}, {text: fmt.Sprint(q.InFlight), num: float64(q.InFlight)}, dead, {text: age(oldest), num: q.OldestAgeSeconds}}}
		},
	}
}

func newWarnings(d *desk) *list[client.Warning] {
	return &list[client.Warning]{
		desk: d, name: "warnings", equivalent: "fcctl router warnings", every: 5 * time.Second, empty: "nothing that somebody should look at",
		grid: newGrid(column{title: "LAST", right: true}, column{title: "SEVERITY"}, column{title: "TIMES", right: true}, column{title: "KNOWN"}, column{title: "CATEGORY"}, column{title: "MESSAGE", least: 20, gives: true}),
		fetch: func(ctx context.Context) ([]client.Warning, bool, error) {
			ws, err := d.Router.Warnings(ctx)
			return ws, false, err
		},
		row: func(w client.Warning) row {
			seen := ""
			if w.Acknowledged {
				seen = "yes"
			}
			return row{w.ID, []cell{d.ago(w.LastAt), {text: w.Severity, tone: toneOf(w.Severity)}, {text: fmt.Sprint(w.Count), num: float64(w.Count)}, {text: seen}, {text: w.Category}, {text: w.Message}}}
		},
		enter: func(w client.Warning) tea.Cmd {
			return show(&detail{desk: d, name: w.Category, equivalent: "fcctl router warnings -o json", id: w.ID,
				fetch: func(context.Context) (any, error) { return w, nil },
				render: func(v any, width int) []string {
					f := &facts{p: d.palette, width: width}
					f.add("severity", w.Severity, toneOf(w.Severity))
					f.add("category", w.Category, plain)
					f.add("source", w.Source, plain)
					f.add("client", d.codes.of(w.ClientID), plain)
					f.add("first", d.moment(w.CreatedAt), plain)
					f.add("last", d.moment(w.LastAt), plain)
					f.add("times", fmt.Sprint(w.Count), plain)
					f.title("Message")
					f.text(w.Message)
					return f.lines
				}})
		},
		keys: []key{{name: "enter", does: "read it"}, {name: "a", does: "acknowledge", writes: true}},
		key: func(l *list[client.Warning], k string, chosen []client.Warning) (tea.Cmd, bool) {
			if k != "a" || len(chosen) == 0 {
				return nil, false
			}
			command := "fcctl router warnings ack"
			for _, w := range chosen {
				command += " " + w.ID
			}
			return act(d, l, command, func(ctx context.Context) (string, error) {
				for _, w := range chosen {
					if _, err := d.Router.Acknowledge(ctx, w.ID); err != nil {
						return "", err
					}
				}
				return fmt.Sprintf("acknowledged %d", len(chosen)), nil
			}), true
		},
	}
}
