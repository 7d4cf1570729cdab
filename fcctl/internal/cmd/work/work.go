// Package work holds the commands about what flows: events, jobs, dead letters,
// replays, groups, the router, and a receiver to try things with.
package work

import (
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
