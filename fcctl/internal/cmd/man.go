package cmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/man"
	"github.com/urfave/cli/v2"
)

func manCommand(a *app.App) *cli.Command {
	return &cli.Command{
		Name: "man", Usage: "print a page of the manual, or write all of them", ArgsUsage: "[COMMAND…]",
		Description: app.Example("The pages are in roff, as man reads them: fcctl man jobs list | man -l -\nReleases contain them.",
			"fcctl man", "fcctl man jobs list", "fcctl man --dir man1"),
		Flags: []cli.Flag{&cli.StringFlag{Name: "dir", Usage: "write all pages into this `DIRECTORY`, which is made"}},
		Action: func(c *cli.Context) error {
			pages := man.Pages(root(a))
			if dir := c.String("dir"); dir != "" {
				if err := app.Arguments(c, 0, 0, ""); err != nil {
					return err
				}
				return writeManual(a, dir, pages)
			}
			name := strings.Join(append([]string{"fcctl"}, c.Args().Slice()...), "-")
			for _, p := range pages {
				if p.Name == name {
					_, err := io.WriteString(a.Out, p.Text)
					return err
				}
			}
			var names []string
			for _, p := range pages {
				names = append(names, p.Name)
			}
			try := "fcctl help"
			if n := fault.Nearest(name, names); n != "" {
				try = strings.Replace(n, "fcctl-", "fcctl man ", 1)
			}
			return fault.New(fault.NotFound, try, "there is no page %s in the manual", name)
		},
	}
}

func writeManual(a *app.App, dir string, pages []man.Page) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the manual: %w", err)
	}
	for _, p := range pages {
		if err := os.WriteFile(filepath.Join(dir, p.Name+".1"), []byte(p.Text), 0o644); err != nil {
			return fmt.Errorf("write the manual: %w", err)
		}
	}
	a.Say("Wrote %d pages into %s.", len(pages), dir)
	return nil
}
