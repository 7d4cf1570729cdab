package work

import (
	"context"
	"fmt"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) groupsCommand() *cli.Command {
	const key = "3f2a9c0d5e6b7a8190c1d2e3f4a5b6c7"
	many := func(name, about, description string, do func(context.Context, *client.Client, string) (*client.Job, string, error)) *cli.Command {
		return &cli.Command{
			Name: name, Usage: about, ArgsUsage: "KEY…", Description: app.Example(description, "fcctl groups "+name+" "+key),
			Action: func(c *cli.Context) error { return a.groupsAct(c, do) },
		}
	}
	return app.Group("groups", "look at blocked message groups and free them",
		app.Example("A dead letter blocks its group where the mode is BLOCK_ON_ERROR.", "fcctl groups list", "fcctl groups skip "+key),
		&cli.Command{
			Name: "list", Aliases: []string{"ls"}, Usage: "list blocked groups, longest blocked first",
			Description: app.Example("", "fcctl groups list --subscription parcels"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "subscription", Usage: "only of this subscription, by `CODE` or id"},
				&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
				&cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N`; 0 is all"},
			},
			Action: a.groupsList,
		},
		many("retry", "send the dead letter that blocks a group again", "The others keep waiting for it.",
			func(ctx context.Context, cl *client.Client, key string) (*client.Job, string, error) {
				j, err := cl.Groups.Retry(ctx, key)
				return j, "goes again; its group waits for it", err
			}),
		many("skip", "give the dead letter that blocks a group up", "It is cancelled, and the next of its group goes.",
			func(ctx context.Context, cl *client.Client, key string) (*client.Job, string, error) {
				j, err := cl.Groups.Skip(ctx, key)
				return j, "skipped; its group goes on", err
			}),
		&cli.Command{
			Name: "cancel-waiting", Usage: "cancel all that wait behind the first of a group", ArgsUsage: "KEY",
			Description: app.Example("The first stays: retry or skip it.", "fcctl groups cancel-waiting "+key+" --yes"),
			Flags:       []cli.Flag{app.YesFlag()}, Action: a.groupsCancelWaiting,
		},
	)
}

func (a *commands) groupsList(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	return app.List(a.App, c, cl.Groups.List(c.Context, client.GroupFilter{SubscriptionID: c.String("subscription"), ClientID: c.String("client"), PageSize: app.PageSize(c)}),
		app.Listing[client.Group]{What: "blocked groups", Table: func(gs []client.Group) string { return view.Groups(gs, a.Ink()) }})
}

func (a *commands) groupsAct(c *cli.Context, do func(context.Context, *client.Client, string) (*client.Job, string, error)) error {
	return a.act(c, "group", "the order key of a group", do)
}

func (a *commands) groupsCancelWaiting(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the order key of a group"); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	key := c.Args().First()
	if err := a.Sure(c, "Cancel all that wait in this group?"); err != nil {
		return err
	}
	n, err := cl.Groups.CancelWaiting(c.Context, key)
	if err != nil {
		return err
	}
	return a.Data(c, map[string]any{"orderKey": key, "cancelled": n}, func() (string, error) {
		return fmt.Sprintf("group %s: %d that waited are cancelled\n", key, n), nil
	})
}
