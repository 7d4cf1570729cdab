package admin

import (
	"time"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// expungesCommand erases what events and jobs carry of somebody.
func (a *commands) expungesCommand() *cli.Command {
	one := func(r request) request {
		r.args, r.needs, r.least, r.most = "ID", "the id of an expunge", 1, 1
		return r
	}
	return app.Group("expunges", "erase what is kept of a person or a client, with a receipt",
		app.Example("An expunge is its own receipt: what it erased, for whom, why and when.", "fcctl expunges create --subject customer-7 --dry-run", "fcctl expunges list"),
		a.commandsOf(
			request{
				name: "create", usage: "erase what events and jobs carry of a subject, a message group or a client, in the background",
				about: "What is erased can not be had back: look with --dry-run first. The reason is kept, and should name nobody.",
				try:   []string{"fcctl expunges create --subject customer-7 --dry-run", "fcctl expunges create --subject customer-7 --reason 'ticket 4711' --yes"},
				flags: []cli.Flag{
					&cli.StringFlag{Name: "subject", Usage: "of this `SUBJECT`"},
					&cli.StringFlag{Name: "group", Usage: "of this message `GROUP`"},
					&cli.StringFlag{Name: "client", Usage: "of this `CLIENT`"},
					&cli.StringFlag{Name: "type", Usage: "only events of this `TYPE`; each of its four segments may be *"},
					&cli.StringFlag{Name: "source", Usage: "only from this `SOURCE`"},
					&cli.StringFlag{Name: "before", Usage: "only what was accepted before this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d ago"},
					&cli.StringFlag{Name: "reason", Usage: "why: `TEXT`"},
					&cli.BoolFlag{Name: "cancel-open", Usage: "cancel open jobs and discard dead letters too; else these are kept, and counted", DisableDefaultText: true},
					&cli.BoolFlag{Name: "dry-run", Usage: "count, and erase nothing", DisableDefaultText: true},
				},
				method: "POST", path: "/api/events/expunge", body: expunge, sure: "Erase it for good?", safe: "dry-run", facts: true,
			},
			request{
				name: "list", usage: "list them, newest first", try: []string{"fcctl expunges list", "fcctl expunges list --subject customer-7"},
				flags:  []cli.Flag{&cli.StringFlag{Name: "subject", Usage: "only those of this `SUBJECT`"}},
				method: "GET", path: "/api/expunges", query: map[string]string{"subject": "subject"}, list: "expunges", what: "expunges",
				columns: []view.Column{{Head: "ID", Member: "id"}, {Head: "STATUS", Member: "status"}, {Head: "CLIENT", Member: "clientId"}, {Head: "EXAMINED", Member: "examined"},
					{Head: "REASON", Member: "reason"}, {Head: "BEGUN", Member: "createdAt"}, {Head: "ENDED", Member: "endedAt"}},
			},
			one(request{name: "get", usage: "show one: the receipt", try: []string{"fcctl expunges get 0HZXEQ5Y8JY50"}, method: "GET", path: "/api/expunges/{1}", facts: true}),
			one(request{name: "cancel", usage: "stop one; what it erased is gone", try: []string{"fcctl expunges cancel 0HZXEQ5Y8JY50"}, method: "POST", path: "/api/expunges/{1}/cancel", facts: true}),
		)...)
}

func expunge(c *cli.Context, _ string) (any, error) {
	body := map[string]any{}
	for flag, field := range map[string]string{"subject": "subject", "group": "messageGroup", "client": "clientId", "type": "type", "source": "source", "reason": "reason"} {
		if c.IsSet(flag) {
			body[field] = c.String(flag)
		}
	}
	if body["subject"] == nil && body["messageGroup"] == nil && body["clientId"] == nil {
		return nil, fault.Usage("expunges create needs to know of whom", "--subject customer-7, --group or --client")
	}
	before, err := app.Moment(c, "before")
	if err != nil {
		return nil, err
	}
	if !before.IsZero() {
		body["before"] = before.UTC().Format(time.RFC3339)
	}
	body["cancelOpen"], body["dryRun"] = c.Bool("cancel-open"), c.Bool("dry-run")
	return body, nil
}
