package work

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) groupsCommand() *cli.Command {
	const (
		key   = "3f2a9c0d5e6b7a8190c1d2e3f4a5b6c7"
		named = " GROUP is the name of its message group, or its order key."
	)
	ofSubscription := &cli.StringFlag{Name: "subscription", Usage: "of this subscription, by `CODE` or id, where several have a group of the name"}
	many := func(name, about, description string, do func(context.Context, *client.Client, string) (*client.Job, string, error)) *cli.Command {
		return &cli.Command{
			Name: name, Usage: about, ArgsUsage: "GROUP…", Description: app.Example(description+named, "fcctl groups "+name+" parcel-7", "fcctl groups "+name+" "+key),
			Flags:  []cli.Flag{ofSubscription},
			Action: func(c *cli.Context) error { return a.groupsAct(c, do) },
		}
	}
	return app.Group("groups", "look at blocked message groups and free them",
		app.Example("A dead letter blocks its group where the mode is BLOCK_ON_ERROR.", "fcctl groups list", "fcctl groups skip parcel-7"),
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
			Name: "cancel-waiting", Usage: "cancel all that wait behind the first of a group", ArgsUsage: "GROUP",
			Description: app.Example("The first stays: retry or skip it."+named, "fcctl groups cancel-waiting parcel-7 --yes"),
			Flags:       []cli.Flag{ofSubscription, app.YesFlag()}, Action: a.groupsCancelWaiting,
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
	return a.act(c, "group", "the name or the order key of a group", func(ctx context.Context, cl *client.Client, name string) (*client.Job, string, error) {
		key, err := orderKey(ctx, cl, name, c.String("subscription"))
		if err != nil {
			return nil, "", err
		}
		return do(ctx, cl, key)
	})
}

var isOrderKey = regexp.MustCompile("^[0-9a-f]{32}$").MatchString

// orderKey is the key of the blocked group that a person means.
func orderKey(ctx context.Context, cl *client.Client, name, subscription string) (string, error) {
	if isOrderKey(name) {
		return name, nil
	}
	var keys, names []string
	for g, err := range cl.Groups.List(ctx, client.GroupFilter{SubscriptionID: subscription}) {
		switch {
		case err != nil:
			return "", err
		case g.MessageGroup == name:
			keys = append(keys, g.OrderKey)
		default:
			names = append(names, g.MessageGroup)
		}
	}
	switch len(keys) {
	case 1:
		return keys[0], nil
	case 0:
		try := "fcctl groups list"
		if n := fault.Nearest(name, names); n != "" {
			try = n
		}
		return "", fault.New(fault.NotFound, try, "no blocked group is called %q", name)
	}
	return "", fault.Usage(fmt.Sprintf("%d blocked groups are called %q", len(keys), name), "--subscription, or the order key of one: "+strings.Join(keys, ", "))
}

func (a *commands) groupsCancelWaiting(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the name or the order key of a group"); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	key, err := orderKey(c.Context, cl, c.Args().First(), c.String("subscription"))
	if err != nil {
		return err
	}
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
