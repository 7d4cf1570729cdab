package cmd

import (
	"context"
	"fmt"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *App) groupsCommand() *cli.Command {
	const key = "3f2a9c0d5e6b7a8190c1d2e3f4a5b6c7"
	many := func(name, about, description string, do func(context.Context, *client.Client, string) (*client.Job, string, error)) *cli.Command {
		return &cli.Command{
			Name: name, Usage: about, ArgsUsage: "KEY…", Description: example(description, "fcctl groups "+name+" "+key),
			Action: func(c *cli.Context) error { return a.groupsAct(c, do) },
		}
	}
	return group("groups", "look at blocked message groups and free them",
		example("A dead letter blocks its group where the mode is BLOCK_ON_ERROR.", "fcctl groups list", "fcctl groups skip "+key),
		&cli.Command{
			Name: "list", Aliases: []string{"ls"}, Usage: "list blocked groups, longest blocked first",
			Description: example("", "fcctl groups list --subscription parcels"),
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
			Description: example("The first stays: retry or skip it.", "fcctl groups cancel-waiting "+key+" --yes"),
			Flags:       []cli.Flag{yesFlag()}, Action: a.groupsCancelWaiting,
		},
	)
}

func (a *App) groupsList(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.connect(c)
	if err != nil {
		return err
	}
	gs, more, err := take(c, cl.Groups.List(c.Context, client.GroupFilter{SubscriptionID: c.String("subscription"), ClientID: c.String("client"), PageSize: pageSize(c)}))
	if err != nil {
		return err
	}
	defer a.nothing(len(gs), more, "blocked groups")
	return a.data(c, gs, func() (string, error) {
		if len(gs) == 0 {
			return "", nil
		}
		return view.Groups(gs, a.ink()), nil
	})
}

func (a *App) groupsAct(c *cli.Context, do func(context.Context, *client.Client, string) (*client.Job, string, error)) error {
	return a.act(c, "group", "the order key of a group", do)
}

func (a *App) groupsCancelWaiting(c *cli.Context) error {
	if err := arguments(c, 1, 1, "the order key of a group"); err != nil {
		return err
	}
	cl, err := a.connect(c)
	if err != nil {
		return err
	}
	key := c.Args().First()
	if err := a.sure(c, "Cancel all that wait in this group?"); err != nil {
		return err
	}
	n, err := cl.Groups.CancelWaiting(c.Context, key)
	if err != nil {
		return err
	}
	return a.data(c, map[string]any{"orderKey": key, "cancelled": n}, func() (string, error) {
		return fmt.Sprintf("group %s: %d that waited are cancelled\n", key, n), nil
	})
}
