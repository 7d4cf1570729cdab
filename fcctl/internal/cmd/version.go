package cmd

import (
	"fmt"
	"runtime"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/urfave/cli/v2"
)

func versionCommand(a *app.App) *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version", Description: app.Example("", "fcctl version"),
		Action: func(c *cli.Context) error {
			if err := app.Arguments(c, 0, 0, ""); err != nil {
				return err
			}
			v := map[string]string{"version": a.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return a.Data(c, v, func() (string, error) {
				return fmt.Sprintf("fcctl %s (%s, %s)\n", v["version"], v["go"], v["platform"]), nil
			})
		},
	}
}
