package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "run the services of a configuration until a signal",
		Flags: []cli.Flag{configFlag()},
		Action: func(c *cli.Context) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			if err := available(cfg); err != nil {
				return err
			}
			d, err := daemon.New(cfg, daemon.Options{LogOutput: c.App.ErrWriter, Version: version})
			if err != nil {
				return err
			}
			p := &process{daemon: d, reload: func() (*config.Daemon, error) { return reread(c.String("config")) }}
			return p.run()
		},
	}
}

func reread(path string) (*config.Daemon, error) {
	cfg, diags := config.LoadDaemon(path, os.LookupEnv)
	if diags.HasErrors() {
		return nil, &refusal{diags}
	}
	return cfg, available(cfg)
}
