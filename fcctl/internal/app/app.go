// Package app is what all of fcctl's commands stand on: the terminal and the
// environment around them, how arguments are read and answers are written, and
// the way to the server.
//
// Data goes to stdout, talk to stderr. args.go lets flags stand where people
// type them, output.go writes the data in the format that was asked for, and
// tables.go shapes its tables.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
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
	// Browse opens a URL in the user's browser; nil if there is none to open.
	Browse func(url string) error
	// Colour says whether stdout and stderr are terminals that want colour.
	Colour, ErrColour bool

	layout *view.Layout // of the command that runs
}

// Run runs one command of the tree and returns its exit code.
func (a *App) Run(ctx context.Context, root *cli.App, args []string) int {
	args, err := Arrange(root, args)
	if err == nil {
		err = root.RunContext(ctx, append([]string{"fcctl"}, args...))
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = errors.New("interrupted")
	}
	return a.report(err)
}

// report says what went wrong and what to try, and returns the exit code.
func (a *App) report(err error) int {
	if err == nil {
		return fault.OK
	}
	var quiet fault.Exit
	if errors.As(err, &quiet) {
		return int(quiet)
	}
	ink := a.ErrInk()
	message, code, try := fault.Judge(err)
	a.Say("%s %s", ink.Red("fcctl:"), message)
	var refused *client.Error
	if errors.As(err, &refused) {
		for _, p := range refused.Problems {
			a.Say("  %s", p)
		}
		for _, c := range refused.Conflicts {
			a.Say("  %s", c)
		}
		if refused.Status >= 500 && refused.RequestID != "" {
			a.Say("  request %s, in the server's log", refused.RequestID)
		}
	}
	if try != "" {
		a.Say("Try: %s", try)
	}
	return code
}

// Ink is what data is written with.
func (a *App) Ink() view.Ink { return view.NewInk(a.Colour).Laid(a.layout) }

// ErrInk is what talk is written with.
func (a *App) ErrInk() view.Ink { return view.NewInk(a.ErrColour) }

// Say talks to the person at the terminal.
func (a *App) Say(format string, args ...any) {
	fmt.Fprintf(a.Err, format+"\n", args...)
}

// Getenv reads the environment; what is not set is empty.
func (a *App) Getenv(name string) string {
	v, _ := a.Env(name)
	return v
}

// Sessions are the servers that the user knows, and who they are there.
func (a *App) Sessions() *session.Keeper {
	return &session.Keeper{Env: a.Env, Warn: a.Say, Agent: "fcctl/" + a.Version}
}

// Target finds the server that a command speaks to.
func (a *App) Target(c *cli.Context) (*session.Target, error) {
	return a.Sessions().Target(session.Flags{URL: c.String("url"), Token: c.String("token"), Context: c.String("context")})
}

// Connect makes a client for the server that a command speaks to.
func (a *App) Connect(c *cli.Context) (*client.Client, error) {
	t, err := a.Target(c)
	if err != nil {
		return nil, err
	}
	return a.Sessions().Client(t)
}
