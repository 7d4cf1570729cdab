package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// App is fcctl's surroundings as a value, so that a test can have its own.
type App struct {
	Version  string
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) (string, bool)
	// Terminal says that a person sits at In and can be asked.
	Terminal bool
	// ErrTerminal says that stderr is a terminal, where a bar can be drawn.
	ErrTerminal bool
	// ReadPassword reads a line without echo.
	ReadPassword func() (string, error)
	// Colour says whether stdout and stderr are terminals that want colour.
	Colour, ErrColour bool
}

// Main runs fcctl on the process's own surroundings.
func Main(version string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	_, plain := os.LookupEnv("NO_COLOR")
	colour := func(f *os.File) bool { return !plain && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd())) }
	a := &App{
		Version: version, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv,
		Terminal: term.IsTerminal(int(os.Stdin.Fd())), ErrTerminal: os.Getenv("TERM") != "dumb" && term.IsTerminal(int(os.Stderr.Fd())),
		ReadPassword: func() (string, error) {
			b, err := term.ReadPassword(int(os.Stdin.Fd()))
			return string(b), err
		},
		Colour: colour(os.Stdout), ErrColour: colour(os.Stderr),
	}
	return a.Run(ctx, os.Args[1:])
}

// Run runs one command and returns its exit code.
func (a *App) Run(ctx context.Context, args []string) int {
	root := a.root()
	args, err := arrange(root, args)
	if err == nil {
		err = root.RunContext(ctx, append([]string{"fcctl"}, args...))
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = errors.New("interrupted")
	}
	return a.report(err)
}

// root is the tree of commands.
func (a *App) root() *cli.App {
	app := &cli.App{
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
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usage(err.Error(), "fcctl help") },
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "url", Usage: "the platform's `URL` (FCCTL_URL)"},
			&cli.StringFlag{Name: "token", Usage: "a bearer `TOKEN` (FCCTL_TOKEN); better in the environment, where ps does not show it"},
			&cli.StringFlag{Name: "context", Usage: "the `NAME` of a context (FCCTL_CONTEXT)"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "table", Usage: "`FORMAT` of the data on stdout: table, wide (where a table has more to show) or json"},
		},
		Before: func(c *cli.Context) error {
			if o := c.String("output"); o != "table" && o != "wide" && o != "json" {
				return usage(fmt.Sprintf("there is no output format %q", o), "-o table, -o wide or -o json")
			}
			return nil
		},
		Action: func(c *cli.Context) error { return cli.ShowAppHelp(c) },
		Commands: []*cli.Command{
			a.planCommand(), a.applyCommand(), a.validateCommand(),
			a.eventsCommand(), a.jobsCommand(), a.getCommand(),
			a.createCommand(), a.updateCommand(), a.deleteCommand(),
			a.replaysCommand(), a.deadLettersCommand(), a.groupsCommand(),
			a.routerCommand(),
			a.pauseCommand(resource.KindSubscription, "pause and resume subscriptions", "big-orders"),
			a.pauseCommand(resource.KindConnection, "pause and resume connections", "hooks"),
			a.secretCommand(),
			a.receiveCommand(),
			a.contextCommand(), a.loginCommand(), a.tokenCommand(), a.versionCommand(),
		},
	}
	refuse(app.Commands)
	return app
}

// refuse lets every command say what is wrong with a flag's value in a
// sentence; urfave/cli would print the whole help before it.
func refuse(commands []*cli.Command) {
	for _, cmd := range commands {
		cmd.OnUsageError = func(c *cli.Context, err error, _ bool) error {
			return usage(strings.TrimSuffix(err.Error(), ": parse error"), c.Command.HelpName+" --help")
		}
		refuse(cmd.Subcommands)
	}
}

// group makes a command that only holds others.
func group(name, about, description string, commands ...*cli.Command) *cli.Command {
	return &cli.Command{
		Name: name, Usage: about, Description: description, Subcommands: commands,
		Action: func(c *cli.Context) error {
			c.App.Writer = c.App.ErrWriter // help that nobody asked for is talk
			if err := cli.ShowSubcommandHelp(c); err != nil {
				return err
			}
			return usage(fmt.Sprintf("%s needs to know what to do", name), fmt.Sprintf("fcctl %s %s", name, commands[0].Name))
		},
	}
}

// example is a command's description: sentences, then lines to type.
func example(about string, lines ...string) string {
	s := about
	if s != "" {
		s += "\n\n"
	}
	s += "Examples:"
	for _, l := range lines {
		s += "\n  " + l
	}
	return s
}

// data writes the answer of a command: the table for people, or the value for
// programs.
func (a *App) data(c *cli.Context, v any, table func() (string, error)) error {
	if c.String("output") == "json" {
		e := json.NewEncoder(a.Out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	s, err := table()
	if err != nil {
		return err
	}
	_, err = io.WriteString(a.Out, s)
	return err
}

// wide says that a table should show all that it has.
func wide(c *cli.Context) bool { return c.String("output") == "wide" }

func (a *App) ink() view.Ink    { return view.NewInk(a.Colour) }
func (a *App) errInk() view.Ink { return view.NewInk(a.ErrColour) }

// say talks to the person at the terminal.
func (a *App) say(format string, args ...any) {
	fmt.Fprintf(a.Err, format+"\n", args...)
}

func (a *App) env(name string) string {
	v, _ := a.Env(name)
	return v
}

// arguments checks how many a command got; names are for people.
func arguments(c *cli.Context, least, most int, names string) error {
	n := c.NArg()
	help := c.Command.HelpName + " --help"
	name := strings.TrimPrefix(c.Command.HelpName, "fcctl ")
	switch {
	case n < least:
		return usage(fmt.Sprintf("%s needs %s", name, names), help)
	case most >= 0 && n > most:
		return usage(fmt.Sprintf("%s has an argument too many: %q", name, c.Args().Get(most)), help)
	}
	return nil
}
