package app

import (
	"fmt"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/wire"
	"github.com/urfave/cli/v2"
)

// WireFlags say how requests travel.
func WireFlags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "timeout", Value: wire.DefaultTimeout, Usage: "how long each request may take, as a `DURATION` such as 10s; 0 is without end"},
		&cli.StringFlag{Name: "ca-file", Usage: "trust the certificates in this PEM `FILE` besides the system's (FCCTL_CA_FILE)"},
		&cli.BoolFlag{Name: "insecure-skip-verify", Usage: "trust any server, which anybody on the way can pretend to be", DisableDefaultText: true},
		&cli.BoolFlag{Name: "debug", Usage: "show each request and its answer on stderr, without secrets (FCCTL_DEBUG)", DisableDefaultText: true},
	}
}

// Travel reads those flags.
func (a *App) Travel(c *cli.Context) error {
	t := c.Duration("timeout")
	switch {
	case t < 0:
		return fault.Usage(fmt.Sprintf("--timeout %s is negative", t), "--timeout 10s")
	case t == 0:
		t = -1
	}
	a.wire = wire.Options{Timeout: t, CAFile: c.String("ca-file"), Insecure: c.Bool("insecure-skip-verify")}
	if a.wire.CAFile == "" {
		a.wire.CAFile = a.Getenv("FCCTL_CA_FILE")
	}
	if d := a.Getenv("FCCTL_DEBUG"); c.Bool("debug") || d != "" && d != "0" && d != "false" {
		a.wire.Debug = a.Err
	}
	a.sessions = nil // one that was made before knew nothing of them
	return nil
}
