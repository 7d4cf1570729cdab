package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
)

// mostResources is how many of a kind are on the screen.
const mostResources = 10_000

// of lists the resources of a kind.
func of[T resource.Resource](d *desk, kind resource.Kind) func(ctx context.Context) ([]T, bool, error) {
	return func(ctx context.Context) ([]T, bool, error) {
		var out []T
		for r, err := range d.Resources(kind).List(ctx, client.ResourceFilter{PageSize: 200}) {
			if err != nil {
				return nil, false, err
			}
			if len(out) == mostResources {
				return out, true, nil
			}
			if v, is := r.(T); is {
				out = append(out, v)
			}
		}
		return out, false, nil
	}
}

// toggle pauses what is active and resumes what is not, and asks before it
// pauses.
func toggle(d *desk, p Page, collection, noun, code, status, paused string) tea.Cmd {
	info, known := resource.ParseKind(collection)
	if !known {
		return nil
	}
	rs := d.Resources(info.Kind)
	if status == paused {
		return act(d, p, fmt.Sprintf("fcctl %s resume %s", collection, code), func(ctx context.Context) (string, error) {
			_, err := resume(ctx, rs, info.Kind, code)
			return noun + " " + code + " goes on", err
		})
	}
	return confirm(p, fmt.Sprintf("Pause %s %s? What is for it waits.", noun, code), fmt.Sprintf("fcctl %s pause %s", collection, code), func(ctx context.Context) (string, error) {
		_, err := pause(ctx, rs, info.Kind, code)
		return noun + " " + code + " is paused", err
	})
}

func pause(ctx context.Context, rs *client.Resources, kind resource.Kind, code string) (resource.Resource, error) {
	if kind == resource.KindDispatchPool {
		return rs.Act(ctx, code, "suspend")
	}
	return rs.Pause(ctx, code)
}

func resume(ctx context.Context, rs *client.Resources, kind resource.Kind, code string) (resource.Resource, error) {
	if kind == resource.KindDispatchPool {
		return rs.Act(ctx, code, "activate")
	}
	return rs.Resume(ctx, code)
}

// newResource shows a resource as it is.
func newResource(d *desk, kind resource.Kind, id, code string) *detail {
	info, _ := resource.InfoOf(kind)
	keys, press := testsConnection(d, kind, id, code)
	return &detail{
		keys: keys, press: press,
		desk: d, name: code, equivalent: "fcctl get " + strings.ReplaceAll(string(kind), "_", "-") + " " + code + " -o json", id: id, every: 5e9,
		fetch: func(ctx context.Context) (any, error) { return d.Resources(kind).Get(ctx, id) },
		render: func(v any, width int) []string {
			r := v.(resource.Resource)
			f := &facts{p: d.palette, width: width}
			m := r.Base()
			f.add(strings.ToLower(info.Title), r.Key(), strong)
			f.add("id", m.ID, plain)
			f.add("client", d.codes.of(m.ClientID), plain)
			f.add("managed by", m.ManagedBy, plain)
			f.add("revision", fmt.Sprint(m.Revision), plain)
			f.add("changed", d.moment(m.UpdatedAt), plain)
			f.title("All of it")
			if b, err := json.MarshalIndent(r, "", "  "); err == nil {
				f.text(string(b))
			}
			return f.lines
		},
	}
}

func newSubscriptions(d *desk) *list[*resource.Subscription] {
	return &list[*resource.Subscription]{
		desk: d, name: "subscriptions", equivalent: "fcctl get subscriptions", every: 5e9, empty: "no subscription: fcctl apply --help",
		grid: newGrid(column{title: "SUBSCRIPTION", least: 10, gives: true}, column{title: "STATUS"}, column{title: "EVENTS", least: 14, gives: true}, column{title: "CONNECTION", least: 8, gives: true},
			column{title: "MODE"}, column{title: "POOL", least: 6, gives: true}, column{title: "CLIENT"}, column{title: "MANAGED BY"}),
		fetch: of[*resource.Subscription](d, resource.KindSubscription),
		row: func(s *resource.Subscription) row {
			var types []string
			for _, b := range s.EventTypes {
				types = append(types, b.EventTypeCode)
			}
			return row{s.ID, []cell{{text: s.Code}, {text: s.Status, tone: toneOf(s.Status)}, {text: strings.Join(types, " ")}, {text: nameOf(s.ConnectionCode, s.Target)}, {text: s.Mode}, {text: s.DispatchPoolCode},
				{text: d.codes.of(s.ClientID)}, {text: s.ManagedBy}}}
		},
		enter: func(s *resource.Subscription) tea.Cmd {
			return show(newJobs(d, jobsOf{subscription: s.ID, title: s.Code}))
		},
		keys: []key{{name: "enter", does: "its jobs"}, {name: "v", does: "all of it"}, {name: "p", does: "pause or resume", writes: true}, {name: "r", does: "send it old events", writes: true}},
		key: func(l *list[*resource.Subscription], k string, chosen []*resource.Subscription) (tea.Cmd, bool) {
			if len(chosen) == 0 {
				return nil, false
			}
			s := chosen[0]
			switch k {
			case "v":
				return show(newResource(d, resource.KindSubscription, s.ID, s.Code)), true
			case "p":
				return toggle(d, l, "subscriptions", "subscription", s.Code, s.Status, "PAUSED"), true
			case "r":
				return show(newReplayForm(d, s.Code)), true
			}
			return nil, false
		},
	}
}

func newConnections(d *desk) *list[*resource.Connection] {
	return &list[*resource.Connection]{
		desk: d, name: "connections", equivalent: "fcctl get connections", every: 5e9, empty: "no connection: fcctl apply --help",
		grid: newGrid(column{title: "CONNECTION", least: 10, gives: true}, column{title: "STATUS"}, column{title: "BREAKER"}, column{title: "WAITING", right: true}, column{title: "OK", right: true}, column{title: "P99", right: true},
			column{title: "URL", least: 14, gives: true}, column{title: "CLIENT"}, column{title: "MANAGED BY"}),
		fetch: of[*resource.Connection](d, resource.KindConnection),
		row: func(c *resource.Connection) row {
			r := row{c.ID, []cell{{text: c.Code}, {text: c.Status, tone: toneOf(c.Status)}, {text: "–"}, {text: "0"}, {text: "–"}, {text: "–"}, {text: c.URL}, {text: d.codes.of(c.ClientID)}, {text: c.ManagedBy}}}
			if d.live != nil {
				for _, e := range d.live.Endpoints.Endpoints {
					if e.Endpoint == c.ID {
						p99 := e.Metrics.Last5Min.ProcessingTime.P99Ms
						r.cells[2] = cell{text: e.Breaker, tone: toneOf(e.Breaker)}
						r.cells[3] = cell{text: fmt.Sprint(e.Waiting), num: float64(e.Waiting)}
						r.cells[4] = share(e.Metrics.Last5Min)
						r.cells[5] = cell{text: millis(p99), num: p99}
					}
				}
			}
			return r
		},
		enter: func(c *resource.Connection) tea.Cmd {
			return show(newResource(d, resource.KindConnection, c.ID, c.Code))
		},
		keys: []key{{name: "enter", does: "all of it"}, testKey, {name: "p", does: "pause or resume", writes: true}, {name: "x", does: "reset its breaker", writes: true}},
		key: func(l *list[*resource.Connection], k string, chosen []*resource.Connection) (tea.Cmd, bool) {
			if len(chosen) == 0 {
				return nil, false
			}
			c := chosen[0]
			switch k {
			case testKey.name:
				return show(newTrial(d, c.ID, c.Code)), true
			case "p":
				return toggle(d, l, "connections", "connection", c.Code, c.Status, "PAUSED"), true
			case "x":
				return resetBreaker(d, l, c.Code), true
			}
			return nil, false
		},
	}
}
