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
	"runtime/debug"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/flowcatalyst/fc/fcctl/internal/wire"
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
	// OutTerminal says that stdout is a terminal, which can be drawn anew, and
	// Rows how many lines it has; nil if that is not known.
	OutTerminal bool
	Rows        func() int
	// Width is how many columns stdout has; nil or 0 if that is not known.
	Width func() int
	// ReadPassword reads a line without echo.
	ReadPassword func() (string, error)
	// Browse opens a URL in the user's browser; nil if there is none to open.
	Browse func(url string) error
	// Colour says whether stdout and stderr are terminals that want colour.
	Colour, ErrColour bool

	layout   *view.Layout // of the command that runs
	whole    bool         // its tables are not made to fit the terminal
	wire     wire.Options // as its flags say
	sessions *session.Keeper
	target   *session.Target // that was spoken to
	stopped  <-chan struct{} // closed when it is interrupted
}

// Run runs one command of the tree and returns its exit code.
func (a *App) Run(ctx context.Context, root *cli.App, args []string) int {
	a.stopped = ctx.Done()
	err := a.run(ctx, root, args)
	code := a.report(ctx, err)
	var stopped fault.Signal
	if err != nil && errors.As(context.Cause(ctx), &stopped) {
		return stopped.Code()
	}
	return code
}

// run runs a command, of which a panic is one more error.
func (a *App) run(ctx context.Context, root *cli.App, args []string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Failed, "again with --debug, and report what it shows at "+Reports, "fcctl has made a mistake of its own: %v", p)
			if a.wire.Debug != nil {
				a.Say("%s", debug.Stack())
			}
		}
	}()
	if args, err = Arrange(root, args); err != nil {
		return err
	}
	return root.RunContext(ctx, append([]string{"fcctl"}, args...))
}

// Reports is where mistakes of fcctl are reported.
const Reports = "https://github.com/flowcatalyst/fc/issues"

// report says what went wrong and what to try, and returns the exit code.
func (a *App) report(ctx context.Context, err error) int {
	if err == nil {
		return fault.OK
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) && !client.MaybeDone(err) {
		err = errors.New("interrupted")
	}
	var quiet fault.Exit
	if errors.As(err, &quiet) {
		return int(quiet)
	}
	ink := a.ErrInk()
	message, code, try := fault.Judge(err)
	message, try = a.aim(err, message, code, try)
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
func (a *App) Ink() view.Ink {
	ink := view.NewInk(a.Colour).Laid(a.layout)
	if a.OutTerminal && a.Width != nil && !a.whole {
		ink = ink.Within(a.Width())
	}
	return ink
}

// ErrInk is what talk is written with.
func (a *App) ErrInk() view.Ink { return view.NewInk(a.ErrColour) }

// Say talks to the person at the terminal.
func (a *App) Say(format string, args ...any) {
	fmt.Fprintln(a.Err, a.ErrInk().Shown(fmt.Sprintf(format, args...)))
}

// Getenv reads the environment; what is not set is empty.
func (a *App) Getenv(name string) string {
	if v, set := a.Env(name); set {
		return v
	}
	return ""
}

// Sessions are the servers that the user knows, and who they are there.
func (a *App) Sessions() *session.Keeper {
	if a.sessions == nil {
		a.sessions = &session.Keeper{Env: a.Env, Warn: a.Say, Agent: "fcctl/" + a.Version, Wire: a.wire}
	}
	return a.sessions
}

// Target finds the server that a command speaks to.
func (a *App) Target(c *cli.Context) (*session.Target, error) {
	t, err := a.Sessions().Target(session.Flags{URL: c.String("url"), Token: c.String("token"), Context: c.String("context")})
	a.target = t
	return t, err
}

// Connect makes a client for the server that a command speaks to.
func (a *App) Connect(c *cli.Context) (*client.Client, error) {
	t, err := a.Target(c)
	if err != nil {
		return nil, err
	}
	return a.Sessions().Client(t)
}
