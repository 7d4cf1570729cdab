// Package admin holds the commands that administer: the same verbs over every kind.
package admin

import (
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/urfave/cli/v2"
)

type commands struct{ *app.App }

// Commands are the commands of this package.
func Commands(a *app.App) []*cli.Command {
	c := &commands{a}
	return []*cli.Command{
		c.getCommand(), c.createCommand(), c.updateCommand(), c.deleteCommand(),
	}
}
