package access

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) contextCommand() *cli.Command {
	return app.Group("context", "choose and manage the servers that fcctl speaks to",
		app.Example("A context is a server and a session there. The built-in context \"dev\" is a running `fcd dev`.",
			"fcctl context set prod --url https://events.example.com", "fcctl context use prod"),
		&cli.Command{Name: "list", Aliases: []string{"ls"}, Usage: "list the contexts",
			Description: app.Example("", "fcctl context list"), Action: a.contextList},
		&cli.Command{Name: "show", Usage: "show which server is used, and why", ArgsUsage: "[NAME]",
			Description: app.Example("", "fcctl context show"), Action: a.contextShow},
		&cli.Command{Name: "use", Usage: "make a context the current one", ArgsUsage: "NAME",
			Description: app.Example("", "fcctl context use prod", "fcctl context use dev"), Action: a.contextUse},
		&cli.Command{Name: "set", Usage: "add a context or change its URL", ArgsUsage: "NAME",
			Description: app.Example("The URL is that of --url. The first context becomes the current one. --ca-file is kept with it.",
				"fcctl context set prod --url https://events.example.com", "fcctl context set staging --url https://staging.example.com --ca-file company-ca.pem"), Action: a.contextSet},
		&cli.Command{Name: "delete", Usage: "forget a context and its session", ArgsUsage: "NAME",
			Description: app.Example("", "fcctl context delete prod"), Action: a.contextDelete},
	)
}

func (a *commands) contextList(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	rows, err := a.contextRows()
	if err != nil {
		return err
	}
	return a.Data(c, rows, func() (string, error) {
		if len(rows) == 0 {
			a.Say("There are no contexts. Try: fcd dev, or fcctl context set NAME --url https://events.example.com")
			return "", nil
		}
		return view.Contexts(rows, a.Ink()), nil
	})
}

// contextRows are the contexts of the file and the built-in one.
func (a *commands) contextRows() ([]view.Context, error) {
	cs, err := a.Sessions().Contexts()
	if err != nil {
		return nil, err
	}
	rows := []view.Context{}
	for _, name := range slices.Sorted(maps.Keys(cs.Contexts)) {
		acct := cs.Contexts[name]
		rows = append(rows, view.Context{Name: name, URL: acct.URL, Email: acct.Who(), Current: name == cs.Current, LoggedIn: acct.Session != nil})
	}
	dev, err := a.Sessions().Running()
	if err != nil {
		return nil, err
	}
	if dev != nil && cs.Contexts[session.DevContext] == nil {
		rows = append(rows, view.Context{Name: session.DevContext, URL: dev.URL, Email: dev.Email, LoggedIn: true,
			Current: cs.Current == session.DevContext || cs.Current == ""})
	}
	return rows, nil
}

func (a *commands) contextShow(c *cli.Context) error {
	if err := app.Arguments(c, 0, 1, ""); err != nil {
		return err
	}
	if c.NArg() == 1 {
		if err := c.Set("context", c.Args().First()); err != nil {
			return fmt.Errorf("show the context: %w", err)
		}
	}
	t, err := a.Target(c)
	if err != nil {
		return err
	}
	row := view.Context{Name: t.Name, URL: t.URL, Origin: t.Origin, LoggedIn: t.Token != "" || t.ClientID != "" || t.Dev != nil || t.Account != nil && t.Account.Session != nil}
	switch {
	case t.Token != "":
	case t.ClientID != "":
		row.Email = t.ClientID
	case t.Account != nil:
		row.Email = t.Account.Who()
	case t.Dev != nil:
		row.Email = t.Dev.Email
	}
	if t.Account != nil {
		row.CAFile = t.Account.CAFile
	}
	row.Current = t.Name != "" && t.Name == t.File.Current
	return a.Data(c, row, func() (string, error) { return view.OneContext(row, a.Ink()), nil })
}

func (a *commands) contextUse(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the name of a context"); err != nil {
		return err
	}
	name := c.Args().First()
	err := a.Sessions().Change(c.Context, func(f *session.File) error {
		if f.Contexts[name] == nil && name != session.DevContext {
			return session.UnknownContext(name, f)
		}
		f.Current = name
		return nil
	})
	if err != nil {
		return err
	}
	a.Say("Using context %q.", name)
	return nil
}

func (a *commands) contextSet(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "a name for the context"); err != nil {
		return err
	}
	name, url := c.Args().First(), c.String("url")
	switch {
	case url == "":
		return fault.Usage("context set needs --url", fmt.Sprintf("fcctl context set %s --url https://events.example.com", name))
	case name == session.DevContext:
		return fault.Usage(`the context "dev" is built in`, "another name")
	}
	made, err := a.Sessions().NewClient(url, nil)
	if err != nil {
		return err
	}
	ca := c.String("ca-file")
	if ca != "" {
		if ca, err = filepath.Abs(ca); err != nil {
			return fmt.Errorf("find --ca-file: %w", err)
		}
	}
	var acct *session.Account
	err = a.Sessions().Change(c.Context, func(f *session.File) error {
		acct = f.Contexts[name]
		if acct == nil || acct.URL != made.URL() {
			// A session must not follow to another server.
			acct = &session.Account{URL: made.URL()}
			f.Contexts[name] = acct
		}
		if ca != "" {
			acct.CAFile = ca
		}
		if f.Current == "" {
			f.Current = name
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.Say("Context %q is %s.", name, acct.URL)
	if acct.Session == nil {
		a.Say("Next: fcctl login --context %s", name)
	}
	return nil
}

func (a *commands) contextDelete(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the name of a context"); err != nil {
		return err
	}
	name := c.Args().First()
	err := a.Sessions().Change(c.Context, func(f *session.File) error {
		if f.Contexts[name] == nil {
			return session.UnknownContext(name, f)
		}
		delete(f.Contexts, name)
		if f.Current == name {
			f.Current = ""
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.Say("Forgot context %q.", name)
	return nil
}
