// Package access holds the commands about servers and who the user is there.
package access

import (
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/urfave/cli/v2"
)

type commands struct{ *app.App }

// Commands are the commands of this package.
func Commands(a *app.App) []*cli.Command {
	c := &commands{a}
	return []*cli.Command{
		c.loginCommand(), c.logoutCommand(), c.whoamiCommand(), c.contextCommand(),
		c.tokenCommand(), c.sessionsCommand(), c.passwordCommand(), c.bootstrapCommand(),
	}
}
