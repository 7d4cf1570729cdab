package cmd

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"
)

func (a *App) versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version", Description: example("", "fcctl version"),
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0, ""); err != nil {
				return err
			}
			v := map[string]string{"version": a.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return a.data(c, v, func() (string, error) {
				return fmt.Sprintf("fcctl %s (%s, %s)\n", v["version"], v["go"], v["platform"]), nil
			})
		},
	}
}
