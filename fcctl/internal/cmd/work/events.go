package work

import (
	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) eventsCommand() *cli.Command {
	return app.Group("events", "publish events, look at them and send them again",
		app.Example("", "fcctl events publish --type shop:sales:order:placed --data '{\"total\": 120}'", "fcctl events list --since 1h"),
		a.eventsPublishCommand(),
		a.eventsTriggerCommand(),
		&cli.Command{
			Name: "list", Aliases: []string{"ls"}, Usage: "list events, newest first",
			Description: app.Example("", "fcctl events list --type shop:sales:order:placed --since 1h", "fcctl events list --group order-7 -o json"),
			Flags: append(app.ListFlags(),
				&cli.StringFlag{Name: "type", Usage: "only this `TYPE`"},
				&cli.StringFlag{Name: "source", Usage: "only from this `SOURCE`"},
				&cli.StringFlag{Name: "subject", Usage: "only about this `SUBJECT`"},
			),
			Action: a.eventsList,
		},
		&cli.Command{
			Name: "get", Usage: "show one event", ArgsUsage: "ID",
			Description: app.Example("", "fcctl events get 0HZXEQ5Y8JY50"), Action: a.eventsGet,
		},
		&cli.Command{
			Name: "explain", Usage: "say which subscriptions an event went to, and why not to the others", ArgsUsage: "ID [SUBSCRIPTION]",
			Description: app.Example("SUBSCRIPTION is a code or an id.", "fcctl events explain 0HZXEQ5Y8JY50", "fcctl events explain 0HZXEQ5Y8JY50 big-orders"),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "subscription", Usage: "the same as the second argument: `CODE` or id"}},
			Action:      a.eventsExplain,
		},
		a.traceCommand(),
		a.eventsTailCommand(),
		a.eventsExportCommand(),
		a.eventsReplayCommand(),
	)
}

func (a *commands) eventsList(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	since, until, err := app.Span(c)
	if err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	return app.List(a.App, c, cl.Events.List(c.Context, client.EventFilter{
		Type: c.String("type"), Source: c.String("source"), Subject: c.String("subject"), MessageGroup: c.String("group"),
		ClientID: c.String("client"), CorrelationID: c.String("correlation"), Since: since, Until: until, PageSize: app.PageSize(c),
	}), app.Listing[client.Event]{What: "events", Table: func(es []client.Event) string { return view.Events(es, a.Ink()) }})
}

func (a *commands) eventsGet(c *cli.Context) error {
	ask := func(cl *client.Client, id string) (*client.Event, error) { return cl.Events.Get(c.Context, id) }
	return one(a, c, "the id of an event", ask, func(e *client.Event) string { return view.Event(e, a.Ink()) })
}

func (a *commands) eventsExplain(c *cli.Context) error {
	if err := app.Arguments(c, 1, 2, "the id of an event"); err != nil {
		return err
	}
	subscription := c.Args().Get(1)
	if subscription == "" {
		subscription = c.String("subscription")
	} else if c.IsSet("subscription") {
		return fault.Usage("the subscription is there twice", "fcctl events explain "+c.Args().First()+" "+subscription)
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	x, err := cl.Events.Explain(c.Context, c.Args().First(), subscription)
	if err != nil {
		return err
	}
	return a.Data(c, x, func() (string, error) { return view.Explanation(x, a.Ink()), nil })
}
