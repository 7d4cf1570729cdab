package access

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) sessionsCommand() *cli.Command {
	return app.Group("sessions", "look at where you are logged in, and end it",
		app.Example("", "fcctl sessions list", "fcctl logout --everywhere"),
		&cli.Command{
			Name: "list", Aliases: []string{"ls"}, Usage: "list your sessions, the last used first",
			Description: app.Example("", "fcctl sessions list", "fcctl sessions list -o json"), Action: a.sessionsList,
		},
		&cli.Command{
			Name: "end", Usage: "end one of your sessions", ArgsUsage: "ID",
			Description: app.Example("What it holds is refused from the next request.", "fcctl sessions end 0HZXEQ5Y8JY50"), Action: a.sessionsEnd,
		},
	)
}

func (a *commands) sessionsList(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	raw, err := cl.Call(c.Context, "GET", "/auth/sessions", nil, nil)
	if err != nil {
		return err
	}
	var answer struct {
		Sessions []view.Session `json:"sessions"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("read the sessions: %w", err)
	}
	defer a.Nothing(len(answer.Sessions), false, "sessions")
	return a.Data(c, answer.Sessions, func() (string, error) {
		if len(answer.Sessions) == 0 {
			return "", nil
		}
		return view.Sessions(answer.Sessions, a.Ink()), nil
	})
}

func (a *commands) sessionsEnd(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the id of a session"); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	id := c.Args().First()
	if _, err := cl.Call(c.Context, "DELETE", "/auth/sessions/"+url.PathEscape(id), nil, nil); err != nil {
		return err
	}
	return a.Data(c, map[string]string{"ended": id}, func() (string, error) { return fmt.Sprintf("session %s: ended\n", id), nil })
}

func (a *commands) passwordCommand() *cli.Command {
	return &cli.Command{
		Name: "change-password", Usage: "change your password; your other sessions end",
		Description: app.Example("It asks for both passwords. With --passwords-stdin the first line is the current one and the second the new one.",
			"fcctl change-password", "fcctl change-password --passwords-stdin < passwords.txt"),
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "passwords-stdin", Usage: "read both from standard input", DisableDefaultText: true}},
		Action: a.changePassword,
	}
}

func (a *commands) changePassword(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	const try = "fcctl change-password --passwords-stdin < passwords.txt"
	var current, fresh string
	if c.Bool("passwords-stdin") {
		lines := bufio.NewScanner(io.LimitReader(a.In, 8192))
		for _, into := range []*string{&current, &fresh} {
			if lines.Scan() {
				*into = strings.TrimRight(lines.Text(), "\r")
			}
		}
		if current == "" || fresh == "" {
			return fault.New(fault.Failed, try, "there are no two lines with passwords on standard input")
		}
	} else {
		if current, err = a.AskSecret("current password", false, try); err != nil {
			return err
		}
		if fresh, err = a.AskNewPassword("new password", false, try); err != nil {
			return err
		}
	}
	if _, err := cl.Call(c.Context, "POST", "/auth/change-password", nil, map[string]string{"currentPassword": current, "newPassword": fresh}); err != nil {
		return err
	}
	a.Say("The password is changed, and your other sessions have ended.")
	return nil
}

func (a *commands) bootstrapCommand() *cli.Command {
	return &cli.Command{
		Name: "bootstrap", Usage: "make the first administrator of a new server", ArgsUsage: "EMAIL",
		Description: app.Example("The server's log shows a token that is good for this once. It is asked for, and so is a password; "+
			"without a terminal the token is read from FCCTL_BOOTSTRAP_TOKEN and the password from standard input.",
			"fcctl bootstrap ops@example.com --name Ops --url http://localhost:8080"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "the `NAME` of the administrator", DefaultText: "the email address"},
			&cli.BoolFlag{Name: "password-stdin", Usage: "read the password from standard input", DisableDefaultText: true},
		},
		Action: a.bootstrap,
	}
}

func (a *commands) bootstrap(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the email address of the administrator"); err != nil {
		return err
	}
	t, err := a.Target(c)
	if err != nil {
		return err
	}
	if t.Dev != nil {
		return fault.New(fault.Failed, "fcctl whoami", "a running fcd dev has an administrator already")
	}
	plain, err := a.Sessions().NewClient(t.URL, nil)
	if err != nil {
		return err
	}
	email := c.Args().First()
	const try = "FCCTL_BOOTSTRAP_TOKEN=… fcctl bootstrap ops@example.com --password-stdin < password.txt"
	token := a.Getenv("FCCTL_BOOTSTRAP_TOKEN")
	if token == "" {
		if token, err = a.AskSecret("token in the server's log", false, try); err != nil {
			return err
		}
	}
	password, err := a.AskNewPassword("new password of "+email, c.Bool("password-stdin"), try)
	if err != nil {
		return err
	}
	name := c.String("name")
	if name == "" {
		name = email
	}
	raw, err := plain.Call(c.Context, "POST", "/auth/bootstrap", nil, map[string]string{"token": token, "email": email, "name": name, "password": password})
	if err != nil {
		return err
	}
	var s client.Session
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("read the session: %w", err)
	}
	called := t.Name
	if called == "" {
		called = a.contextName(c, plain)
	}
	err = a.Sessions().Change(c.Context, func(f *session.File) error {
		f.Contexts[called] = &session.Account{URL: plain.URL(), Email: email, Session: session.StoredOf(s, time.Now())}
		if f.Current == "" {
			f.Current = called
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.Say("%s is the administrator of %s, and logged in (context %q).", email, plain.URL(), called)
	return nil
}
