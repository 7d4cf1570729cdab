package access

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
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
		Description: app.Example("It asks for an email address and a password. With --device you let it in from a browser, on this machine or any other; "+
			"so it is where your company's provider signs you in. --token-stdin keeps a token that you have, such as that of a service account. "+
			"A server without a context gets one, named after its host.\n\n"+
			"Machines need no login: with FCCTL_CLIENT_ID and FCCTL_CLIENT_SECRET in the environment each command gets a token by itself.",
			"fcctl login --url https://events.example.com", "fcctl login --device --no-browser",
			"fcctl login --email ops@example.com --password-stdin < password.txt", "fcctl login --token-stdin < token.txt"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "email", Usage: "your email `ADDRESS`"},
			&cli.BoolFlag{Name: "password-stdin", Usage: "read the password from standard input", DisableDefaultText: true},
			&cli.BoolFlag{Name: "device", Usage: "log in from a browser, with a code", DisableDefaultText: true},
			&cli.BoolFlag{Name: "no-browser", Usage: "with --device: only show the address, open nothing", DisableDefaultText: true},
			&cli.BoolFlag{Name: "token-stdin", Usage: "read a token from standard input", DisableDefaultText: true},
		},
		Action: a.login,
	}
}

func (a *commands) login(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	ways := 0
	for _, way := range []bool{c.Bool("device"), c.Bool("token-stdin"), c.Bool("password-stdin")} {
		if way {
			ways++
		}
	}
	switch {
	case ways > 1:
		return fault.Usage("--device, --token-stdin and --password-stdin are three ways to log in", "one of them")
	case c.Bool("no-browser") && !c.Bool("device"):
		return fault.Usage("--no-browser is for a login from a browser", "fcctl login --device --no-browser")
	}
	t, err := a.Target(c)
	if err != nil {
		return err
	}
	if t.Dev != nil && ways == 0 && c.String("email") == "" {
		a.Say("%s is a running fcd dev: you are logged in as %s already.", t.URL, t.Dev.Email)
		return nil
	}
	plain, err := a.Sessions().NewClient(t.URL, nil)
	if err != nil {
		return err
	}
	var acct *session.Account
	switch {
	case c.Bool("device"):
		acct, err = a.loginDevice(c, plain)
	case c.Bool("token-stdin"):
		acct, err = a.loginToken(c.Context, plain)
	default:
		acct, err = a.loginPassword(c, plain, t)
	}
	if err != nil {
		return err
	}
	name := t.Name
	if name == "" || t.Dev != nil {
		name = a.contextName(c, plain)
	}
	acct.URL = plain.URL()
	err = a.Sessions().Change(c.Context, func(f *session.File) error {
		f.Contexts[name] = acct
		if f.Current == "" {
			f.Current = name
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.Say("Logged in to %s as %s (context %q).", plain.URL(), acct.Who(), name)
	return nil
}

// contextName is what a new context is called: its host.
func (a *commands) contextName(c *cli.Context, made *client.Client) string {
	if n := c.String("context"); n != "" && n != session.DevContext {
		return n
	}
	u, err := url.Parse(made.URL())
	if err != nil {
		return made.URL()
	}
	return u.Host
}

// loginPassword asks for what was not given. Whose provider signs them in goes
// on in a browser, before a password is asked for.
func (a *commands) loginPassword(c *cli.Context, plain *client.Client, t *session.Target) (*session.Account, error) {
	const try = "fcctl login --email ops@example.com --password-stdin < password.txt"
	email := c.String("email")
	if email == "" && t.Account != nil {
		email = t.Account.Email
	}
	stdin := c.Bool("password-stdin")
	if !a.Terminal && (!stdin || email == "") {
		return nil, fault.Usage("there is no terminal to ask at", try)
	}
	if email == "" {
		var err error
		if email, err = a.Ask(bufio.NewReader(a.In), "Email: "); err != nil {
			return nil, err
		}
	}
	if !stdin {
		if way, err := plain.SignInWay(c.Context, email); err == nil && way == client.SignInOIDC {
			a.Say("People of this domain sign in with its provider.")
			return a.loginDevice(c, plain)
		}
	}
	password, err := a.AskSecret("password of "+email, stdin, try)
	if err != nil {
		return nil, err
	}
	s, err := plain.Login(c.Context, email, password)
	if err != nil {
		return nil, err
	}
	if s.Email != "" {
		email = s.Email
	}
	return &session.Account{Email: email, Session: session.StoredOf(*s, time.Now())}, nil
}

// loginToken keeps a token once the server has said whose it is.
func (a *commands) loginToken(ctx context.Context, plain *client.Client) (*session.Account, error) {
	token, err := a.AskSecret("token", true, "fcctl login --token-stdin < token.txt")
	if err != nil {
		return nil, err
	}
	return a.account(ctx, plain, &session.Stored{AccessToken: token, Grant: session.GrantToken})
}

// account says whose a session is.
func (a *commands) account(ctx context.Context, plain *client.Client, s *session.Stored) (*session.Account, error) {
	cl, err := a.Sessions().NewClient(plain.URL(), client.StaticToken(s.AccessToken))
	if err != nil {
		return nil, err
	}
	me, err := cl.Me(ctx)
	if client.StatusOf(err) == 401 {
		return nil, fault.New(fault.Refused, "", "the server does not know this token: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("ask whose session it is: %w", err)
	}
	return &session.Account{Email: me.Email, Name: me.Name, Session: s}, nil
}
