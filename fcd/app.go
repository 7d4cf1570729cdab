package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/flowcatalyst/fc/config"
)

// The exit codes; 64 is EX_USAGE of sysexits(3).
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 64
)

// run is the whole command: arguments in, exit code out.
func run(args []string, stdout, stderr io.Writer) int {
	err := newApp(stdout, stderr).Run(args)
	var (
		usage *usageError
		code  codeError
		diags *refusal
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &diags):
		if err := diags.render(stderr); err != nil {
			return exitError
		}
		return exitError
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "fcd: %v\nTry: %s\n", usage.what, usage.try)
		return exitUsage
	default:
		what, try := hint(err)
		fmt.Fprintf(stderr, "fcd: %s\n", what)
		if try != "" {
			fmt.Fprintf(stderr, "Try: %s\n", try)
		}
		return exitError
	}
}

// hint takes an error's sentence and its next step apart.
func hint(err error) (what, try string) {
	what, try, _ = strings.Cut(err.Error(), " Try: ")
	return strings.TrimSuffix(what, "."), try
}

// codeError ends the command with a code, after everything was said.
type codeError int

func (c codeError) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// usageError is a wrong command line, and what to type instead.
type usageError struct {
	what error
	try  string
}

func (u *usageError) Error() string { return u.what.Error() }

// refusal is a configuration that will not do.
type refusal struct{ diags config.Diagnostics }

func (r *refusal) Error() string { return r.diags.Error() }

func (r *refusal) render(w io.Writer) error { return r.diags.Render(w, colourful(w)) }

// colourful says whether w is a terminal whose owner did not ask for plain
// text (https://no-color.org).
func colourful(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(f.Fd()))
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:                 "fcd",
		Usage:                "publish an event, receive the webhook",
		Version:              version,
		HideVersion:          true,
		Writer:               stdout,
		ErrWriter:            stderr,
		EnableBashCompletion: true,
		ExitErrHandler:       func(*cli.Context, error) {},
		OnUsageError:         wrongUsage,
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				return &usageError{fmt.Errorf("there is no command %q", name), nearest(c.App, name)}
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			runCommand(), devCommand(), validateCommand(), configCommand(), healthcheckCommand(), versionCommand(),
		},
	}
	for _, c := range app.Commands {
		tidy(c)
	}
	return app
}

// tidy lets every command refuse what it does not know in the same words.
func tidy(c *cli.Command) {
	c.OnUsageError = wrongUsage
	c.HideHelpCommand = true
	for _, sub := range c.Subcommands {
		tidy(sub)
	}
	do := c.Action
	c.Action = func(ctx *cli.Context) error {
		if arg := ctx.Args().First(); arg != "" {
			return &usageError{fmt.Errorf("%s does not know what to do with %q", ctx.Command.HelpName, arg), ctx.Command.HelpName + " --help"}
		}
		if do == nil {
			return cli.ShowSubcommandHelp(ctx)
		}
		return do(ctx)
	}
}

func wrongUsage(c *cli.Context, err error, _ bool) error {
	name := "fcd"
	if c.Command != nil && c.Command.HelpName != "" {
		name = c.Command.HelpName
	}
	return &usageError{err, name + " --help"}
}

// nearest is the command that was probably meant.
func nearest(app *cli.App, name string) string {
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	best, distance := "", 3 // further away it is another word
	for _, n := range names {
		if d := levenshtein.Distance(name, n, nil); strings.HasPrefix(n, name) || d < distance {
			best, distance = n, d
		}
	}
	if best == "" {
		return "fcd --help"
	}
	return "fcd " + best
}
