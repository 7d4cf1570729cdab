package access

import (
	"encoding/json"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) whoamiCommand() *cli.Command {
	return &cli.Command{
		Name: "whoami", Usage: "say who you are to which server, and what you may reach",
		Description: app.Example("", "fcctl whoami", "fcctl whoami --context prod -o json"),
		Action:      a.whoami,
	}
}

// maxNamed is how many clients are shown by their identifiers, each of which
// takes a request.
const maxNamed = 10

func (a *commands) whoami(c *cli.Context) error {
	t, source, err := a.loggedIn(c)
	if err != nil {
		return err
	}
	cl, err := a.Sessions().NewClient(t.URL, source)
	if err != nil {
		return err
	}
	me, err := cl.Me(c.Context)
	if err != nil {
		return err
	}
	who := view.Me{Me: *me, Context: t.Name, Server: cl.URL(), From: tokenFrom(c, t)}
	if len(me.Clients) <= maxNamed {
		for _, id := range me.Clients {
			who.ClientNames = append(who.ClientNames, nameOfClient(c, cl, id))
		}
	}
	if raw, err := cl.Call(c.Context, "GET", "/auth/sessions", nil, nil); err == nil {
		var answer struct {
			Sessions []view.Session `json:"sessions"`
		}
		if json.Unmarshal(raw, &answer) == nil {
			for _, s := range answer.Sessions {
				if s.Current {
					who.Session = &s
				}
			}
		}
	}
	return a.Data(c, who, func() (string, error) { return view.Whoami(who, time.Now(), a.Ink()), nil })
}

// loggedIn is where a command without arguments is logged in, and how.
func (a *commands) loggedIn(c *cli.Context) (*session.Target, client.TokenSource, error) {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return nil, nil, err
	}
	t, err := a.Target(c)
	if err != nil {
		return nil, nil, err
	}
	source, err := a.Sessions().Tokens(t)
	if err != nil {
		return nil, nil, err
	}
	if source == nil {
		return nil, nil, fault.New(fault.Refused, "fcctl login", "not logged in to %s", t.URL)
	}
	return t, source, nil
}

// nameOfClient is what people call a client; its id, where one may not know.
func nameOfClient(c *cli.Context, cl *client.Client, id string) string {
	if id == "*" {
		return id
	}
	if r, err := cl.Resources(resource.KindClient).Get(c.Context, id); err == nil {
		return r.Key()
	}
	return id
}

// tokenFrom says where the token comes from.
func tokenFrom(c *cli.Context, t *session.Target) string {
	switch {
	case c.String("token") != "":
		return "--token"
	case t.Token != "":
		return "FCCTL_TOKEN"
	case t.ClientID != "":
		return "FCCTL_CLIENT_ID"
	case t.Dev != nil:
		return "a running fcd dev"
	}
	return "a session"
}
