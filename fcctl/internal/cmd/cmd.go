package cmd

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/cmd/access"
	"github.com/flowcatalyst/fc/fcctl/internal/cmd/admin"
	"github.com/flowcatalyst/fc/fcctl/internal/cmd/manifests"
	"github.com/flowcatalyst/fc/fcctl/internal/cmd/work"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// Main runs fcctl on the process's own surroundings.
func Main(version string) int {
	ctx := stoppable(context.Background())
	plain := os.Getenv("NO_COLOR") != "" // https://no-color.org
	colour := func(f *os.File) bool { return !plain && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd())) }
	a := &app.App{
		Version: version, In: &stdin{ctx: ctx, from: os.Stdin}, Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv,
		Terminal: term.IsTerminal(int(os.Stdin.Fd())), ErrTerminal: os.Getenv("TERM") != "dumb" && term.IsTerminal(int(os.Stderr.Fd())),
		OutTerminal: os.Getenv("TERM") != "dumb" && term.IsTerminal(int(os.Stdout.Fd())),
		Rows: func() int {
			_, rows, err := term.GetSize(int(os.Stdout.Fd()))
			if err != nil {
				return 0
			}
			return rows
		},
		Width: func() int {
			width, _, err := term.GetSize(int(os.Stdout.Fd()))
			if err != nil {
				return 0
			}
			return width
		},
		ReadPassword: func() (string, error) { return readPassword(ctx) },
		Browse:       browser(),
		Colour:       colour(os.Stdout), ErrColour: colour(os.Stderr),
	}
	return Run(ctx, a, os.Args[1:])
}

// Run runs one command and returns its exit code.
func Run(ctx context.Context, a *app.App, args []string) int {
	if len(args) > 0 && args[0] == completeCommand {
		completeWords(ctx, a, args[1:])
		return fault.OK
	}
	return a.Run(ctx, root(a), args)
}

// root is the tree of commands.
func root(a *app.App) *cli.App {
	root := &cli.App{
		Name:                      "fcctl",
		Usage:                     "FlowCatalyst's command line",
		Version:                   a.Version,
		UsageText:                 "fcctl [flags] command [arguments]",
		Description:               "fcctl finds a server by itself: --url, FCCTL_URL, a context, or a running `fcd dev`.",
		Reader:                    a.In,
		Writer:                    a.Out,
		ErrWriter:                 a.Err,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return fault.Usage(err.Error(), "fcctl help") },
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "url", Usage: "the platform's `URL` (FCCTL_URL)"},
			&cli.StringFlag{Name: "token", Usage: "a bearer `TOKEN` (FCCTL_TOKEN); better in the environment, where ps does not show it"},
			&cli.StringFlag{Name: "context", Usage: "the `NAME` of a context (FCCTL_CONTEXT)"},
			app.OutputFlag(),
		}, app.WireFlags()...),
		Before: func(c *cli.Context) error {
			if err := app.KnownFormat(c.String("output"), manifests.Formats(c.Args().First())...); err != nil {
				return err
			}
			return a.Travel(c)
		},
		Action: func(c *cli.Context) error { return cli.ShowAppHelp(c) },
		Commands: slices.Concat(
			under("as code", manifests.Commands(a)),
			under("events and deliveries", append(work.Commands(a), tuiCommand(a))),
			under("administration", admin.Commands(a)),
			under("access", access.Commands(a)),
			under("fcctl itself", []*cli.Command{completionCommand(a), exitCodesCommand(a), manCommand(a), versionCommand(a)}),
		),
	}
	a.Readable(root.Commands)
	app.Refuse(root.Commands)
	return root
}

func init() {
	// Headings are for the list of all commands; the library would repeat them
	// in the help of each.
	const heading = "{{if .Category}}\n\nCATEGORY:\n   {{.Category}}{{end}}"
	cli.CommandHelpTemplate = strings.Replace(cli.CommandHelpTemplate, heading, "", 1)
	cli.SubcommandHelpTemplate = strings.Replace(cli.SubcommandHelpTemplate, heading, "", 1)
}

// under puts commands under a heading of the help.
func under(heading string, commands []*cli.Command) []*cli.Command {
	for _, c := range commands {
		c.Category = heading
	}
	return commands
}
