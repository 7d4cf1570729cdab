package cmd

import (
	"context"
	"errors"
	"os"
	"sort"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/fcctl/internal/tui"
)

func tuiCommand(a *app.App) *cli.Command {
	return &cli.Command{
		Name: "tui", Usage: "see what is stuck, why, and mend it",
		Description: app.Example("A screen with pages for events, jobs, dead letters, blocked groups, endpoints and more. ? lists the keys of each; every action "+
			"shows the fcctl command that does the same. --once prints the overview and ends, for scripts.",
			"fcctl tui --once -o json"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "read-only", Usage: "refuse every key that changes something", DisableDefaultText: true},
			&cli.BoolFlag{Name: "mouse", Usage: "take the mouse: the wheel scrolls, a click puts the cursor on a row", DisableDefaultText: true},
			&cli.BoolFlag{Name: "once", Usage: "print the overview and end", DisableDefaultText: true},
		},
		Action: func(c *cli.Context) error {
			if err := app.Arguments(c, 0, 0, ""); err != nil {
				return err
			}
			cl, err := a.Connect(c)
			if err != nil {
				return err
			}
			if c.Bool("once") {
				return once(c, a, cl)
			}
			if t, _ := a.Env("TERM"); t == "dumb" {
				return fault.New(fault.Failed, "fcctl tui --once, or TERM=xterm-256color if the terminal can do more than it says", "TERM=dumb: this terminal says that it can draw no screen")
			}
			out, is := a.Out.(*os.File)
			if !is || !a.Terminal || !term.IsTerminal(int(out.Fd())) {
				return fault.New(fault.Failed, "fcctl tui --once -o json", "there is no terminal to draw on")
			}
			err = tui.Run(c.Context, screen(a, c, cl))
			var failure *tui.Failure
			if errors.As(err, &failure) {
				return fault.New(fault.Failed, "the other commands, which do all that the screen does, and report this at "+app.Reports, "%w", err)
			}
			return err
		},
	}
}

// once prints what the overview shows.
func once(c *cli.Context, a *app.App, cl *client.Client) error {
	f, err := tui.Look(c.Context, cl, time.Now())
	if err != nil {
		return err
	}
	return a.Data(c, f, func() (string, error) { return f.Text(), nil })
}

// screen are the surroundings of the screen.
func screen(a *app.App, c *cli.Context, cl *client.Client) tui.Options {
	k := a.Sessions()
	in := a.In
	if s, is := in.(*stdin); is {
		in = s.Unwrap()
	}
	o := tui.Options{Client: cl, In: in, Out: a.Out, Colour: a.Colour, ReadOnly: c.Bool("read-only"), Mouse: c.Bool("mouse")}
	o.Again = "start the screen with another token"
	if t, err := a.Target(c); err == nil {
		o.Context = t.Name
		if t.Account != nil && t.Account.Session != nil {
			o.Again = "type fcctl login in another terminal"
		}
		if t.Account != nil && t.Account.Session != nil && t.Account.Email != "" {
			o.Login = func(ctx context.Context, password string) error { return k.SignInAgain(ctx, t.Name, password) }
		}
	}
	o.Contexts = func() []string {
		file, err := k.Contexts()
		if err != nil {
			return nil
		}
		var names []string
		for name := range file.Contexts {
			names = append(names, name)
		}
		sort.Strings(names)
		return names
	}
	o.Switch = func(name string) (*client.Client, error) {
		t, err := k.Target(session.Flags{Context: name})
		if err != nil {
			return nil, err
		}
		return k.Client(t)
	}
	return o
}
