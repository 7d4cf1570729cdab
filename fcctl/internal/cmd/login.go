package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/urfave/cli/v2"
)

func (a *App) loginCommand() *cli.Command {
	return &cli.Command{
		Name: "login", Usage: "log in and keep the session in a context",
		Description: example("Without --email and --password-stdin it asks. A server without a context gets one, named after its host.",
			"fcctl login --url https://events.example.com", "fcctl login --email ops@example.com --password-stdin < password.txt"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "email", Usage: "your email `ADDRESS`"},
			&cli.BoolFlag{Name: "password-stdin", Usage: "read the password from standard input", DisableDefaultText: true},
		},
		Action: a.login,
	}
}

func (a *App) login(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	t, err := a.target(c)
	if err != nil {
		return err
	}
	if t.dev != nil {
		a.say("%s is a running fcd dev: you are logged in as %s already.", t.url, t.dev.Email)
		return nil
	}
	plain, err := a.newClient(t.url, nil)
	if err != nil {
		return err
	}
	known := ""
	if t.acct != nil {
		known = t.acct.Email
	}
	email, password, err := a.credentials(c, known)
	if err != nil {
		return err
	}
	s, err := plain.Login(c.Context, email, password)
	if err != nil {
		return err
	}
	name := t.name
	if name == "" {
		name = a.contextName(c, plain)
	}
	cs := t.file
	cs.Contexts[name] = &account{URL: plain.URL(), Email: s.Email, Session: sessionOf(*s, time.Now())}
	if s.Email == "" {
		cs.Contexts[name].Email = email
	}
	if cs.Current == "" {
		cs.Current = name
	}
	if err := cs.save(); err != nil {
		return err
	}
	a.say("Logged in to %s as %s (context %q).", plain.URL(), cs.Contexts[name].Email, name)
	return nil
}

// contextName is what a new context is called: its host.
func (a *App) contextName(c *cli.Context, made *client.Client) string {
	if n := c.String("context"); n != "" {
		return n
	}
	u, err := url.Parse(made.URL())
	if err != nil {
		return made.URL()
	}
	return u.Host
}

func (a *App) credentials(c *cli.Context, known string) (email, password string, err error) {
	email = c.String("email")
	if email == "" {
		email = known
	}
	stdin := c.Bool("password-stdin")
	if !a.Terminal && (!stdin || email == "") {
		return "", "", usage("there is no terminal to ask at", "fcctl login --email ops@example.com --password-stdin < password.txt")
	}
	in := bufio.NewReader(a.In)
	if email == "" {
		if email, err = a.ask(in, "Email: "); err != nil {
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
	a.say("")
	if err != nil {
		return "", "", fmt.Errorf("read the password: %w", err)
	}
	return email, password, nil
}

// ask asks the person at the terminal for a line.
func (a *App) ask(in *bufio.Reader, question string) (string, error) {
	fmt.Fprint(a.Err, question)
	line, err := in.ReadString('\n')
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// keep writes a refreshed session into its context. The file is read again
// first: another fcctl may have changed it.
func (a *App) keep(name string, s client.Session) error {
	cs, err := a.contexts()
	if err != nil {
		return err
	}
	acct := cs.Contexts[name]
	if acct == nil {
		return nil // forgotten in between; so be it
	}
	acct.Session = sessionOf(s, time.Now())
	return cs.save()
}
