package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/complete"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

func completionCommand(a *app.App) *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print what makes a shell complete fcctl", ArgsUsage: strings.Join(complete.Shells, "|"),
		Description: app.Example("Commands, flags, their values, and the names of what is on the server. To install it:\n\n"+
			"  bash        echo 'source <(fcctl completion bash)' >> ~/.bashrc\n"+
			"  zsh         echo 'source <(fcctl completion zsh)' >> ~/.zshrc, after compinit\n"+
			"  fish        fcctl completion fish > ~/.config/fish/completions/fcctl.fish\n"+
			"  PowerShell  fcctl completion powershell | Out-String | Invoke-Expression, in $PROFILE",
			"fcctl completion bash", "fcctl completion fish"),
		Action: func(c *cli.Context) error {
			shells := strings.Join(complete.Shells, ", ")
			if err := app.Arguments(c, 1, 1, "a shell: "+shells); err != nil {
				return err
			}
			script, err := complete.Script(c.Args().First())
			if err != nil {
				try := "one of " + shells
				if n := fault.Nearest(c.Args().First(), complete.Shells); n != "" {
					try = "fcctl completion " + n
				}
				return fault.Usage(err.Error(), try)
			}
			if _, err = io.WriteString(a.Out, script); err != nil {
				return fmt.Errorf("write the script: %w", err)
			}
			return nil
		},
	}
}
