package access

import (
	"fmt"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/urfave/cli/v2"
)

func (a *commands) logoutCommand() *cli.Command {
	return &cli.Command{
		Name: "logout", Usage: "end the session of a context; the context stays",
		Description: app.Example("The server ends the session, so that no copy of it is good any more. With --everywhere it ends all your sessions, in browsers too.",
			"fcctl logout", "fcctl logout --context prod", "fcctl logout --everywhere"),
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "everywhere", Usage: "end all your sessions", DisableDefaultText: true}},
		Action: a.logout,
	}
}

func (a *commands) logout(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	t, err := a.Target(c)
	switch {
	case err != nil:
		return err
	case t.Token != "" || t.ClientID != "":
		return fault.Usage("the token is not that of a context: it comes from a flag or the environment", "without it")
	case t.Dev != nil:
		return fault.Usage("a running fcd dev lets its user in; there is no session to end", "fcctl logout --context NAME")
	case t.Account == nil || t.Account.Session == nil:
		a.Say("Not logged in to %s.", t.URL)
		return nil
	}
	if err := a.endSession(c, t); err != nil {
		message, code, _ := fault.Judge(err)
		return fault.New(code, "fcctl context delete "+t.Name+", to forget the session here only", "%s; you are still logged in", message)
	}
	err = a.Sessions().Change(c.Context, func(f *session.File) error {
		if acct := f.Contexts[t.Name]; acct != nil {
			acct.Session = nil
		}
		return nil
	})
	if err != nil {
		return err
	}
	if t.Account.Session.Grant == session.GrantToken {
		a.Say("Forgot the token for %s. It is good elsewhere until it is revoked: fcctl service-accounts tokens revoke", t.URL)
		return nil
	}
	a.Say("Logged out of %s.", t.URL)
	return nil
}

// endSession ends it at the server. A session that is over has ended.
func (a *commands) endSession(c *cli.Context, t *session.Target) error {
	s := t.Account.Session
	plain, err := a.Sessions().NewClient(t.URL, nil)
	if err != nil {
		return err
	}
	if c.Bool("everywhere") {
		cl, err := a.Sessions().Client(t)
		if err != nil {
			return err
		}
		if _, err := cl.Call(c.Context, "POST", "/auth/logout-everywhere", nil, nil); err != nil {
			return fmt.Errorf("log out everywhere: %w", err)
		}
		return nil
	}
	switch s.Grant {
	case session.GrantToken:
		return nil
	case session.GrantDevice:
		err = plain.RevokeDevice(c.Context, session.DeviceClient, s.RefreshToken)
	default:
		err = plain.Logout(c.Context, s.RefreshToken)
	}
	if client.StatusOf(err) == 401 {
		return nil
	}
	return err
}
