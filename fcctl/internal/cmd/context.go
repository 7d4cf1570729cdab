package cmd

import (
	"fmt"
	"maps"
	"slices"

	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *App) contextCommand() *cli.Command {
	return group("context", "choose and manage the servers that fcctl speaks to",
		example("A context is a server and a session there. The built-in context \"dev\" is a running `fcd dev`.",
			"fcctl context set prod --url https://events.example.com", "fcctl context use prod"),
		&cli.Command{Name: "list", Aliases: []string{"ls"}, Usage: "list the contexts",
			Description: example("", "fcctl context list"), Action: a.contextList},
		&cli.Command{Name: "show", Usage: "show which server is used, and why", ArgsUsage: "[NAME]",
			Description: example("", "fcctl context show"), Action: a.contextShow},
		&cli.Command{Name: "use", Usage: "make a context the current one", ArgsUsage: "NAME",
			Description: example("", "fcctl context use prod", "fcctl context use dev"), Action: a.contextUse},
		&cli.Command{Name: "set", Usage: "add a context or change its URL", ArgsUsage: "NAME",
			Description: example("The URL is that of --url. The first context becomes the current one.", "fcctl context set prod --url https://events.example.com"), Action: a.contextSet},
		&cli.Command{Name: "delete", Usage: "forget a context and its session", ArgsUsage: "NAME",
			Description: example("", "fcctl context delete prod"), Action: a.contextDelete},
	)
}

func (a *App) contextList(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	rows, err := a.contextRows()
	if err != nil {
		return err
	}
	return a.data(c, rows, func() (string, error) {
		if len(rows) == 0 {
			a.say("There are no contexts. Try: fcd dev, or fcctl context set NAME --url https://events.example.com")
			return "", nil
		}
		return view.Contexts(rows, a.ink()), nil
	})
}

// contextRows are the contexts of the file and the built-in one.
func (a *App) contextRows() ([]view.Context, error) {
	cs, err := a.contexts()
	if err != nil {
		return nil, err
	}
	rows := []view.Context{}
	for _, name := range slices.Sorted(maps.Keys(cs.Contexts)) {
		acct := cs.Contexts[name]
		rows = append(rows, view.Context{Name: name, URL: acct.URL, Email: acct.Email, Current: name == cs.Current, LoggedIn: acct.Session != nil})
	}
	dev, err := a.running()
	if err != nil {
		return nil, err
	}
	if dev != nil && cs.Contexts[devContext] == nil {
		rows = append(rows, view.Context{Name: devContext, URL: dev.URL, Email: dev.Email, LoggedIn: true,
			Current: cs.Current == devContext || cs.Current == ""})
	}
	return rows, nil
}

func (a *App) contextShow(c *cli.Context) error {
	if err := arguments(c, 0, 1, ""); err != nil {
		return err
	}
	if c.NArg() == 1 {
		if err := c.Set("context", c.Args().First()); err != nil {
			return fmt.Errorf("show the context: %w", err)
		}
	}
	t, err := a.target(c)
	if err != nil {
		return err
	}
	row := view.Context{Name: t.name, URL: t.url, Origin: t.origin, LoggedIn: t.token != "" || t.dev != nil || t.acct != nil && t.acct.Session != nil}
	switch {
	case t.token != "":
	case t.acct != nil:
		row.Email = t.acct.Email
	case t.dev != nil:
		row.Email = t.dev.Email
	}
	row.Current = t.name != "" && t.name == t.file.Current
	return a.data(c, row, func() (string, error) { return view.OneContext(row, a.ink()), nil })
}

func (a *App) contextUse(c *cli.Context) error {
	if err := arguments(c, 1, 1, "the name of a context"); err != nil {
		return err
	}
	cs, err := a.contexts()
	if err != nil {
		return err
	}
	name := c.Args().First()
	if cs.Contexts[name] == nil && name != devContext {
		return unknownContext(name, cs)
	}
	cs.Current = name
	if err := cs.save(); err != nil {
		return err
	}
	a.say("Using context %q.", name)
	return nil
}

func (a *App) contextSet(c *cli.Context) error {
	if err := arguments(c, 1, 1, "a name for the context"); err != nil {
		return err
	}
	name, url := c.Args().First(), c.String("url")
	switch {
	case url == "":
		return usage("fcctl context set needs --url", fmt.Sprintf("fcctl context set %s --url https://events.example.com", name))
	case name == devContext:
		return usage(`the context "dev" is built in`, "another name")
	}
	made, err := a.newClient(url, nil)
	if err != nil {
		return err
	}
	cs, err := a.contexts()
	if err != nil {
		return err
	}
	acct := cs.Contexts[name]
	if acct == nil || acct.URL != made.URL() {
		// A session must not follow to another server.
		acct = &account{URL: made.URL()}
		cs.Contexts[name] = acct
	}
	if cs.Current == "" {
		cs.Current = name
	}
	if err := cs.save(); err != nil {
		return err
	}
	a.say("Context %q is %s.", name, acct.URL)
	if acct.Session == nil {
		a.say("Next: fcctl login --context %s", name)
	}
	return nil
}

func (a *App) contextDelete(c *cli.Context) error {
	if err := arguments(c, 1, 1, "the name of a context"); err != nil {
		return err
	}
	cs, err := a.contexts()
	if err != nil {
		return err
	}
	name := c.Args().First()
	if cs.Contexts[name] == nil {
		return unknownContext(name, cs)
	}
	delete(cs.Contexts, name)
	if cs.Current == name {
		cs.Current = ""
	}
	if err := cs.save(); err != nil {
		return err
	}
	a.say("Forgot context %q.", name)
	return nil
}
