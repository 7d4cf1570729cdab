package access

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/urfave/cli/v2"
)

func (a *commands) loginCommand() *cli.Command {
	return &cli.Command{
		Name: "login", Usage: "log in and keep the session in a context",
		Description: app.Example("Without --email and --password-stdin it asks. A server without a context gets one, named after its host.",
			"fcctl login --url https://events.example.com", "fcctl login --email ops@example.com --password-stdin < password.txt"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "email", Usage: "your email `ADDRESS`"},
			&cli.BoolFlag{Name: "password-stdin", Usage: "read the password from standard input", DisableDefaultText: true},
		},
		Action: a.login,
	}
}

func (a *commands) login(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	t, err := a.Target(c)
	if err != nil {
		return err
	}
	if t.Dev != nil {
		a.Say("%s is a running fcd dev: you are logged in as %s already.", t.URL, t.Dev.Email)
		return nil
	}
	plain, err := a.Sessions().NewClient(t.URL, nil)
	if err != nil {
		return err
	}
	known := ""
	if t.Account != nil {
		known = t.Account.Email
	}
	email, password, err := a.credentials(c, known)
	if err != nil {
		return err
	}
	s, err := plain.Login(c.Context, email, password)
	if err != nil {
		return err
	}
	name := t.Name
	if name == "" {
		name = a.contextName(c, plain)
	}
	cs := t.File
	cs.Contexts[name] = &session.Account{URL: plain.URL(), Email: s.Email, Session: session.StoredOf(*s, time.Now())}
	if s.Email == "" {
		cs.Contexts[name].Email = email
	}
	if cs.Current == "" {
		cs.Current = name
	}
	if err := cs.Save(); err != nil {
		return err
	}
	a.Say("Logged in to %s as %s (context %q).", plain.URL(), cs.Contexts[name].Email, name)
	return nil
}

// contextName is what a new context is called: its host.
func (a *commands) contextName(c *cli.Context, made *client.Client) string {
	if n := c.String("context"); n != "" {
		return n
	}
	u, err := url.Parse(made.URL())
	if err != nil {
		return made.URL()
	}
	return u.Host
}

func (a *commands) credentials(c *cli.Context, known string) (email, password string, err error) {
	email = c.String("email")
	if email == "" {
		email = known
	}
	stdin := c.Bool("password-stdin")
	if !a.Terminal && (!stdin || email == "") {
		return "", "", fault.Usage("there is no terminal to ask at", "fcctl login --email ops@example.com --password-stdin < password.txt")
	}
	in := bufio.NewReader(a.In)
	if email == "" {
		if email, err = a.Ask(in, "Email: "); err != nil {
			return "", "", err
		}
	}
	if stdin {
		b, err := io.ReadAll(io.LimitReader(in, 4096))
		if err != nil {
			return "", "", fmt.Errorf("read the password: %w", err)
		}
		return email, strings.TrimRight(string(b), "\r\n"), nil
	}
	fmt.Fprintf(a.Err, "Password of %s: ", email)
	password, err = a.ReadPassword()
	a.Say("")
	if err != nil {
		return "", "", fmt.Errorf("read the password: %w", err)
	}
	return email, password, nil
}
