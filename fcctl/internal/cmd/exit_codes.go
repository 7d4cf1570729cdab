package cmd

import (
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// exitCodesCommand is for `fcctl help exit-codes`, too.
func exitCodesCommand(a *app.App) *cli.Command {
	var about strings.Builder
	about.WriteString("What a script can tell from the exit code:\n\n")
	for _, m := range fault.Meanings {
		fmt.Fprintf(&about, "  %3d  %s\n", m.Code, m.Means)
	}
	return &cli.Command{
		Name: "exit-codes", Usage: "say what the exit codes mean",
		Description: app.Example(strings.TrimRight(about.String(), "\n"), "fcctl exit-codes", "fcctl exit-codes -o json"),
		Action: func(c *cli.Context) error {
			if err := app.Arguments(c, 0, 0, ""); err != nil {
				return err
			}
			return a.Data(c, fault.Meanings, func() (string, error) { return view.ExitCodes(fault.Meanings, a.Ink()), nil })
		},
	}
}
