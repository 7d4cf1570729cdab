package work

import (
	"context"
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) replaysCommand() *cli.Command {
	one := func(name, about, description string, do func(context.Context, *client.Client, string) (*client.Replay, error)) *cli.Command {
		return &cli.Command{
			Name: name, Usage: about, ArgsUsage: "ID", Description: app.Example(description, "fcctl replays "+name+" rpl_0HZXEQ5Y8JY5Z"),
			Action: func(c *cli.Context) error { return a.replaysAct(c, do) },
		}
	}
	return app.Group("replays", "look at replays, pause and end them",
		app.Example("A replay is begun with: fcctl events replay.", "fcctl replays list", "fcctl replays pause rpl_0HZXEQ5Y8JY5Z"),
		&cli.Command{
			Name: "list", Aliases: []string{"ls"}, Usage: "list replays, newest first",
			Description: app.Example("The 500 newest that are over are kept.", "fcctl replays list", "fcctl replays list --status running"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "status", Usage: "only in this `STATUS`: running, paused, cancelled or completed"},
				&cli.StringFlag{Name: "client", Usage: "only over events of this `CLIENT`"},
				&cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N`; 0 is all"},
			},
			Action: a.replaysList,
		},
		&cli.Command{
			Name: "get", Usage: "show one replay and how far it is", ArgsUsage: "ID",
			Description: app.Example("", "fcctl replays get rpl_0HZXEQ5Y8JY5Z"), Action: a.replaysGet,
		},
		one("pause", "send nothing until it is resumed", "What is under way ends. Pausing twice is not an error.",
			func(ctx context.Context, cl *client.Client, id string) (*client.Replay, error) {
				return cl.Replays.Pause(ctx, id)
			}),
		one("resume", "let a paused replay go on", "",
			func(ctx context.Context, cl *client.Client, id string) (*client.Replay, error) {
				return cl.Replays.Resume(ctx, id)
			}),
		one("cancel", "end a replay", "Its jobs that have not gone are cancelled; what was delivered stays delivered.",
			func(ctx context.Context, cl *client.Client, id string) (*client.Replay, error) {
				return cl.Replays.Cancel(ctx, id)
			}),
		&cli.Command{
			Name: "rate", Usage: "change how fast a replay goes", ArgsUsage: "ID RATE",
			Description: app.Example("0 is no limit.", "fcctl replays rate rpl_0HZXEQ5Y8JY5Z 50/s"), Action: a.replaysRate,
		},
		&cli.Command{
			Name: "wait", Usage: "wait until a replay is over", ArgsUsage: "ID",
			Description: app.Example("The exit code is 6 if some could not be delivered. An interrupt leaves the replay running.", "fcctl replays wait rpl_0HZXEQ5Y8JY5Z"), Action: a.replaysWait,
		},
	)
}

var workStates = []string{client.WorkRunning, client.WorkPaused, client.WorkCancelled, client.WorkCompleted}

// workStatus reads --status of a list of work, in any case.
func workStatus(c *cli.Context) (string, error) {
	s := c.String("status")
	for _, known := range workStates {
		if s == "" || strings.EqualFold(s, known) {
			if s != "" {
				s = known
			}
			return s, nil
		}
	}
	try := strings.Join(workStates, ", ")
	if n := fault.Nearest(s, workStates); n != "" {
		try = "--status " + n
	}
	return "", fault.Usage(fmt.Sprintf("there is no status %q", s), try)
}

func (a *commands) replaysList(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	status, err := workStatus(c)
	if err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	return app.List(a.App, c, cl.Replays.List(c.Context, client.WorkFilter{Status: status, ClientID: c.String("client"), PageSize: app.PageSize(c)}),
		app.Listing[client.Replay]{What: "replays", Table: func(rs []client.Replay) string { return view.Replays(rs, a.Ink()) }})
}

// replayArgument finds the replay that the first argument names.
func (a *commands) replayArgument(c *cli.Context, n int, names string) (*client.Client, *client.Replay, error) {
	if err := app.Arguments(c, n, n, names); err != nil {
		return nil, nil, err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return nil, nil, err
	}
	r, err := cl.Replays.Get(c.Context, c.Args().First())
	return cl, r, err
}

func (a *commands) replaysGet(c *cli.Context) error {
	_, r, err := a.replayArgument(c, 1, "the id of a replay")
	if err != nil {
		return err
	}
	return a.Data(c, r, func() (string, error) { return view.Replay(r, a.Ink()), nil })
}

func (a *commands) replaysWait(c *cli.Context) error {
	cl, r, err := a.replayArgument(c, 1, "the id of a replay")
	if err != nil {
		return err
	}
	return a.awaitReplay(c, cl, r)
}

func (a *commands) replaysRate(c *cli.Context) error {
	if err := app.Arguments(c, 2, 2, "the id of a replay and a rate"); err != nil {
		return err
	}
	rate, err := perSecond(c.Args().Get(1), c.Args().Get(1))
	if err != nil {
		return err
	}
	if rate == nil {
		return fault.Usage("the rate is empty", "fcctl replays rate ID 100/s")
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	id := c.Args().First()
	if err := cl.Replays.SetRate(c.Context, id, *rate); err != nil {
		return err
	}
	r, err := cl.Replays.Get(c.Context, id)
	if err != nil {
		return err
	}
	return a.Data(c, r, func() (string, error) { return fmt.Sprintf("replay %s: goes at %s\n", r.ID, view.Rate(r.Rate)), nil })
}

func (a *commands) replaysAct(c *cli.Context, do func(context.Context, *client.Client, string) (*client.Replay, error)) error {
	ask := func(cl *client.Client, id string) (*client.Replay, error) { return do(c.Context, cl, id) }
	return one(a, c, "the id of a replay", ask, func(r *client.Replay) string { return fmt.Sprintf("replay %s: is %s\n", r.ID, r.Status) })
}
