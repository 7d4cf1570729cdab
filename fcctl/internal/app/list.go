package app

import (
	"fmt"
	"iter"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// ListFlags narrow lists of events and of jobs alike.
func ListFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "group", Usage: "only of this message `GROUP`"},
		&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
		&cli.StringFlag{Name: "correlation", Usage: "only with this correlation `ID`"},
		&cli.StringFlag{Name: "since", Usage: "only after this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d ago"},
		&cli.StringFlag{Name: "until", Usage: "only before this `TIME`"},
		&cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N`; 0 is all"},
	}
}

// Moment reads a time, or how long ago it was.
func Moment(c *cli.Context, name string) (time.Time, error) {
	s := c.String(name)
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if d, err := resource.ParseDuration(s); err == nil {
		return time.Now().Add(-time.Duration(d)), nil
	}
	return time.Time{}, fault.Usage(fmt.Sprintf("--%s %s is neither a time nor a duration", name, s), fmt.Sprintf("--%s 1h or --%s 2026-01-02T15:04:05Z", name, name))
}

// Span reads --since and --until.
func Span(c *cli.Context) (since, until time.Time, err error) {
	if since, err = Moment(c, "since"); err != nil {
		return
	}
	until, err = Moment(c, "until")
	return
}

// Take collects a list up to the limit. Without a limit it takes all.
func Take[T any](c *cli.Context, all iter.Seq2[T, error]) (items []T, more bool, err error) {
	limit := c.Int("limit")
	items = []T{}
	for v, err := range all {
		if err != nil {
			return nil, false, err
		}
		if limit > 0 && len(items) == limit {
			return items, true, nil
		}
		items = append(items, v)
	}
	return items, false, nil
}

// PageSize asks for one item more than is shown, to know whether there are
// more.
func PageSize(c *cli.Context) int {
	if n := c.Int("limit"); n > 0 && n < 200 {
		return n + 1
	}
	return 200
}

// Nothing says that a list is empty, or that it goes on.
func (a *App) Nothing(n int, more bool, what string) {
	switch {
	case more:
		a.Say("There are more. Try: --limit 0, or a filter such as --since 1h")
	case n == 0:
		a.Say("No %s.", what)
	}
}
