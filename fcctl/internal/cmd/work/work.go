// Package work holds the commands about what flows: events, jobs, dead letters,
// replays, groups, the router, and a receiver to try things with.
package work

import (
	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/urfave/cli/v2"
)

type commands struct{ *app.App }

// Commands are the commands of this package.
func Commands(a *app.App) []*cli.Command {
	c := &commands{a}
	return []*cli.Command{
		c.eventsCommand(), c.traceCommand(), c.jobsCommand(),
		c.replaysCommand(), c.deadLettersCommand(), c.groupsCommand(),
		c.routerCommand(), c.queuesCommand(), c.describeCommand(), c.statisticsCommand(),
		c.secretCommand(),
		c.receiveCommand(), c.listenCommand(),
	}
}

// one asks for the one thing that the argument names, or does something to it,
// and shows what came of it.
func one[T any](a *commands, c *cli.Context, names string, ask func(cl *client.Client, name string) (T, error), text func(T) string) error {
	if err := app.Arguments(c, 1, 1, names); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	v, err := ask(cl, c.Args().First())
	if err != nil {
		return err
	}
	return a.Data(c, v, func() (string, error) { return text(v), nil })
}
