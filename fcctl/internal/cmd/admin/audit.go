package admin

import (
	"net/url"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// auditCommand shows who changed what.
func (a *commands) auditCommand() *cli.Command {
	return app.Group("audit", "see who changed what", app.Example("", "fcctl audit list --since 1h", "fcctl audit list --entity Subscription --actor jo@example.com"),
		a.commandsOf(
			request{
				name: "list", usage: "list changes, newest first",
				about: "An entity is a kind, such as Subscription or Principal, and may go on with an id.",
				try:   []string{"fcctl audit list --since 7d", "fcctl audit list --entity Subscription/sub_0HZXEQ5Y8JY50", "fcctl audit list --actor jo@example.com --operation DELETE -o json"},
				flags: []cli.Flag{
					&cli.StringFlag{Name: "entity", Usage: "only of this `KIND`, or of one thing: KIND/ID"},
					&cli.StringFlag{Name: "actor", Usage: "only by this `PERSON`: an email address or the id of a principal"},
					&cli.StringFlag{Name: "operation", Usage: "only this `OPERATION`: CREATE, UPDATE, DELETE, …; several with commas"},
					&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
					&cli.StringFlag{Name: "since", Usage: "only after this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d ago"},
					&cli.StringFlag{Name: "until", Usage: "only before this `TIME`"},
				},
				method: "GET", path: "/api/audit-logs", query: map[string]string{"clientId": "client"}, prepare: auditQuery,
				list: "auditLogs", what: "changes",
				columns: []view.Column{{Head: "TIME", Member: "performedAt"}, {Head: "BY", Member: "principalName"}, {Head: "OPERATION", Member: "operation"}, {Head: "ENTITY", Member: "entityType"},
					{Head: "ENTITY ID", Member: "entityId"}, {Head: "CLIENT", Member: "clientId"}, {Head: "ID", Member: "id"}},
			},
			request{
				name: "get", usage: "show one change: before and after", args: "ID", needs: "the id of a change", least: 1, most: 1,
				try: []string{"fcctl audit get 0HZXEQ5Y8JY50", "fcctl audit get 0HZXEQ5Y8JY50 -o json"}, method: "GET", path: "/api/audit-logs/{1}", facts: true,
			},
		)...)
}

func auditQuery(c *cli.Context, cl *client.Client, q url.Values) error {
	kind, id, one := strings.Cut(c.String("entity"), "/")
	if kind != "" {
		if info, known := resource.ParseKind(kind); known {
			kind = info.Noun() // as people type it elsewhere
		}
		q.Set("entityType", kind)
	}
	if one {
		q.Set("entityId", id)
	}
	if o := c.String("operation"); o != "" {
		q.Set("operation", strings.ToUpper(o))
	}
	if actor := c.String("actor"); actor != "" {
		if isEmail(actor) {
			r, err := cl.Resources(resource.KindPrincipal).Get(c.Context, actor)
			if err != nil {
				return err
			}
			actor = r.Base().ID
		}
		q.Set("principalId", actor)
	}
	since, until, err := app.Span(c)
	if err != nil {
		return err
	}
	for name, at := range map[string]time.Time{"since": since, "until": until} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return nil
}

// people leaves service accounts out of a list of principals.
func people(_ *cli.Context, _ *client.Client, q url.Values) error {
	q.Set("type", "USER")
	return nil
}

// firstAs is the first argument as a parameter.
func firstAs(name string) func(*cli.Context, *client.Client, url.Values) error {
	return func(c *cli.Context, _ *client.Client, q url.Values) error {
		q.Set(name, c.Args().First())
		return nil
	}
}
