package work

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) describeCommand() *cli.Command {
	return &cli.Command{
		Name: "describe", Usage: "show everything about one thing on one page", ArgsUsage: "KIND NAME",
		Description: app.Example("KIND is event, job, or one of what fcctl get shows; NAME is its code or id. The page has what goes with it: for a connection the subscriptions that use it, its figures and its breaker; for a subscription its last jobs and the groups that are blocked; for an event where it went. Parts that you may not see are named at the end.",
			"fcctl describe connection hooks", "fcctl describe subscription big-orders", "fcctl describe dispatch-pool priority", "fcctl describe client acme", "fcctl describe event 0HZXEQ5Y8JY50", "fcctl describe job 0HZXEQ5Y8JY5Z -o json"),
		Action: a.describe,
	}
}

func (a *commands) describe(c *cli.Context) error {
	if err := app.Arguments(c, 2, 2, "a kind and a name, as in: fcctl describe connection hooks"); err != nil {
		return err
	}
	kind, name := c.Args().Get(0), c.Args().Get(1)
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	p := &page{c: c, cl: cl, ink: a.Ink().Indented(2), value: map[string]any{}}
	switch strings.ToLower(kind) {
	case "event", "events":
		p.value["kind"] = "event"
		p.event(name)
	case "job", "jobs":
		p.value["kind"] = "job"
		p.job(name)
	default:
		info, err := app.KindOf(kind)
		if err != nil {
			return err
		}
		r, err := cl.Resources(info.Kind).Get(c.Context, name)
		if client.StatusOf(err) == http.StatusNotFound {
			return a.NoSuch(c, cl, info, name, "fcctl describe "+kind)
		}
		if err != nil {
			return err
		}
		p.value["kind"] = string(info.Kind)
		p.resource(info, r)
	}
	if p.err != nil {
		return p.err
	}
	err = a.Data(c, p.value, func() (string, error) { return strings.Join(p.parts, "\n"), nil })
	if err == nil && len(p.hidden) > 0 {
		a.Say("Not shown: %s.", strings.Join(p.hidden, "; "))
	}
	return err
}

// page is a description as it grows: texts for people, and the same under names
// for programs.
type page struct {
	c      *cli.Context
	cl     *client.Client
	ink    view.Ink
	parts  []string
	value  map[string]any
	hidden []string // parts that could not be had, and why
	err    error
}

// part asks for a part of the page and adds it, unless there is nothing to show.
// A part that the caller may not see, or that this server does not have, is no
// reason to show nothing.
func part[T any](p *page, key, title string, ask func() (T, error), show func(T) string) (got T) {
	if p.err != nil {
		return got
	}
	v, err := ask()
	switch status := client.StatusOf(err); {
	case errors.Is(err, errNothing):
		return got
	case status == http.StatusForbidden || status == http.StatusNotFound || status == http.StatusNotImplemented:
		message, _, _ := fault.Judge(err)
		p.hidden = append(p.hidden, title+" ("+message+")")
		return got
	case err != nil:
		p.err = fmt.Errorf("describe: %s: %w", title, err)
		return got
	}
	if text := show(v); text != "" {
		p.parts = append(p.parts, p.ink.Bold(strings.ToUpper(title))+"\n"+indented(text))
		p.value[key] = v
	}
	return v
}

// errNothing says that a part does not apply.
var errNothing = errors.New("nothing to show")

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}

// about is what the page is about: without it there is none.
func about[T any](p *page, v T, err error, text func(T) (string, error)) bool {
	if err == nil {
		var s string
		if s, err = text(v); err == nil {
			p.parts = append(p.parts, s)
			p.value["about"] = v
			return true
		}
	}
	p.err = err
	return false
}

// all collects a list up to a bound.
func all[T any](seq func(func(T, error) bool), most int, fits func(T) bool) ([]T, error) {
	out := []T{}
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		if fits != nil && !fits(v) {
			continue
		}
		if out = append(out, v); len(out) == most {
			break
		}
	}
	return out, nil
}

// shownRows is how much a part shows; the lists have the rest.
const shownRows = 10

// resources adds a table of resources of a kind that fit.
func (p *page) resources(kind resource.Kind, key, title string, f client.ResourceFilter, fits func(resource.Resource) bool) []resource.Resource {
	f.PageSize = 200
	const most = 1000
	return part(p, key, title, func() ([]resource.Resource, error) {
		return all(p.cl.Resources(kind).List(p.c.Context, f), most, fits)
	}, func(rs []resource.Resource) string {
		if len(rs) == 0 {
			return ""
		}
		text := view.Resources(rs[:min(len(rs), shownRows)], p.ink)
		if n := len(rs) - shownRows; n > 0 {
			text += fmt.Sprintf("and %d more\n", n)
		}
		return text
	})
}
