package cmd

import (
	"fmt"
	"iter"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *App) eventsCommand() *cli.Command {
	return group("events", "publish events, look at them and send them again",
		example("", "fcctl events publish --type shop:sales:order:placed --data '{\"total\": 120}'", "fcctl events list --since 1h"),
		a.eventsPublishCommand(),
		&cli.Command{
			Name: "list", Aliases: []string{"ls"}, Usage: "list events, newest first",
			Description: example("", "fcctl events list --type shop:sales:order:placed --since 1h", "fcctl events list --group order-7 -o json"),
			Flags: append(listFlags(),
				&cli.StringFlag{Name: "type", Usage: "only this `TYPE`"},
				&cli.StringFlag{Name: "source", Usage: "only from this `SOURCE`"},
				&cli.StringFlag{Name: "subject", Usage: "only about this `SUBJECT`"},
			),
			Action: a.eventsList,
		},
		&cli.Command{
			Name: "get", Usage: "show one event", ArgsUsage: "ID",
			Description: example("", "fcctl events get 0HZXEQ5Y8JY50"), Action: a.eventsGet,
		},
		&cli.Command{
			Name: "explain", Usage: "say which subscriptions an event went to, and why not to the others", ArgsUsage: "ID",
			Description: example("", "fcctl events explain 0HZXEQ5Y8JY50", "fcctl events explain 0HZXEQ5Y8JY50 --subscription big-orders"),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "subscription", Usage: "only this subscription, by `CODE` or id"}},
			Action:      a.eventsExplain,
		},
		a.eventsReplayCommand(),
	)
}

// listFlags narrow lists of events and of jobs alike.
func listFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "group", Usage: "only of this message `GROUP`"},
		&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
		&cli.StringFlag{Name: "correlation", Usage: "only with this correlation `ID`"},
		&cli.StringFlag{Name: "since", Usage: "only after this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d ago"},
		&cli.StringFlag{Name: "until", Usage: "only before this `TIME`"},
		&cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N`; 0 is all"},
	}
}

// moment reads a time, or how long ago it was.
func moment(c *cli.Context, name string) (time.Time, error) {
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
	return time.Time{}, usage(fmt.Sprintf("--%s %s is neither a time nor a duration", name, s), fmt.Sprintf("--%s 1h or --%s 2026-01-02T15:04:05Z", name, name))
}

// span reads --since and --until.
func span(c *cli.Context) (since, until time.Time, err error) {
	if since, err = moment(c, "since"); err != nil {
		return
	}
	until, err = moment(c, "until")
	return
}

// take collects a list up to the limit. Without a limit it takes all.
func take[T any](c *cli.Context, all iter.Seq2[T, error]) (items []T, more bool, err error) {
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

// pageSize asks for one item more than is shown, to know whether there are
// more.
func pageSize(c *cli.Context) int {
	if n := c.Int("limit"); n > 0 && n < 200 {
		return n + 1
	}
	return 200
}

// nothing says that a list is empty, or that it goes on.
func (a *App) nothing(n int, more bool, what string) {
	switch {
	case more:
		a.say("There are more. Try: --limit 0, or a filter such as --since 1h")
	case n == 0:
		a.say("No %s.", what)
	}
}

func (a *App) eventsList(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	since, until, err := span(c)
	if err != nil {
		return err
	}
	cl, err := a.connect(c)
	if err != nil {
		return err
	}
	events, more, err := take(c, cl.Events.List(c.Context, client.EventFilter{
		Type: c.String("type"), Source: c.String("source"), Subject: c.String("subject"), MessageGroup: c.String("group"),
		ClientID: c.String("client"), CorrelationID: c.String("correlation"), Since: since, Until: until, PageSize: pageSize(c),
	}))
	if err != nil {
		return err
	}
	defer a.nothing(len(events), more, "events")
	return a.data(c, events, func() (string, error) {
		if len(events) == 0 {
			return "", nil
		}
		return view.Events(events, a.ink()), nil
	})
}

func (a *App) eventsGet(c *cli.Context) error {
	if err := arguments(c, 1, 1, "the id of an event"); err != nil {
		return err
	}
	cl, err := a.connect(c)
	if err != nil {
		return err
	}
	e, err := cl.Events.Get(c.Context, c.Args().First())
	if err != nil {
		return err
	}
	return a.data(c, e, func() (string, error) { return view.Event(e, a.ink()), nil })
}

func (a *App) eventsExplain(c *cli.Context) error {
	if err := arguments(c, 1, 1, "the id of an event"); err != nil {
		return err
	}
	cl, err := a.connect(c)
	if err != nil {
		return err
	}
	x, err := cl.Events.Explain(c.Context, c.Args().First(), c.String("subscription"))
	if err != nil {
		return err
	}
	return a.data(c, x, func() (string, error) { return view.Explanation(x, a.ink()), nil })
}
