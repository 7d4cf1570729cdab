package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/flowcatalyst/fc/config"
)

func configFlag() cli.Flag {
	return &cli.StringFlag{Name: "config", Aliases: []string{"c"}, EnvVars: []string{"FC_CONFIG"}, Usage: "the configuration: an HCL `FILE`, or a directory whose *.hcl files are read as one"}
}

// load reads the configuration that a command line names. Warnings are said;
// a refusal carries every diagnostic.
func load(c *cli.Context) (*config.Daemon, error) {
	path := c.String("config")
	if path == "" {
		return nil, &usageError{errors.New("no configuration was named"), c.Command.HelpName + " -c fcd.hcl, or fcd dev, which needs none"}
	}
	cfg, diags := config.LoadDaemon(path, os.LookupEnv)
	if diags.HasErrors() {
		return nil, &refusal{diags}
	}
	if len(diags) > 0 {
		if err := diags.Render(c.App.ErrWriter, colourful(c.App.ErrWriter)); err != nil {
			return nil, err
		}
	}
	return cfg, nil
}

// available refuses what this build has no backend for.
func available(cfg *config.Daemon) error {
	if diags := cfg.Unavailable(); diags.HasErrors() {
		return &refusal{diags}
	}
	return nil
}

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:  "validate",
		Usage: "say what is wrong with a configuration, and where",
		Flags: []cli.Flag{configFlag()},
		Action: func(c *cli.Context) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			if err := available(cfg); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.App.Writer, "%s is valid\n", c.String("config"))
			return err
		},
	}
}

func configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "look at a configuration",
		Subcommands: []*cli.Command{{
			Name:  "print",
			Usage: "print the effective values and where each came from; secrets are not shown",
			Flags: []cli.Flag{configFlag()},
			Action: func(c *cli.Context) error {
				cfg, err := load(c)
				if err != nil {
					return err
				}
				return cfg.Print(c.App.Writer)
			},
		}},
	}
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			_, err := fmt.Fprintf(c.App.Writer, "fcd %s\n", version)
			return err
		},
	}
}
