// Package manifests holds the commands of event routing as code.
package manifests

import (
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/urfave/cli/v2"
)

type commands struct{ *app.App }

// Commands are the commands of this package.
func Commands(a *app.App) []*cli.Command {
	c := &commands{a}
	return []*cli.Command{
		c.planCommand(), c.applyCommand(), c.validateCommand(), c.matchCommand(), c.exportCommand(), c.fmtCommand(), c.diffCommand(), c.destroyCommand(), c.showCommand(),
	}
}
