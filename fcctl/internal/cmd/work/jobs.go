package work

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) jobsCommand() *cli.Command {
	one := func(name, about, description string, action func(*cli.Context) error) *cli.Command {
		return &cli.Command{Name: name, Usage: about, ArgsUsage: "ID", Description: app.Example(description, "fcctl jobs "+name+" 0HZXEQ5Y8JY5Z"), Action: action}
	}
	many := func(name, about, description string, do func(context.Context, *client.Client, string) (*client.Job, string, error)) *cli.Command {
		return &cli.Command{
			Name: name, Usage: about, ArgsUsage: "ID…", Description: app.Example(description, "fcctl jobs "+name+" 0HZXEQ5Y8JY5Z", "fcctl jobs "+name+" 0HZXEQ5Y8JY5Z 0HZXEQ5Y8JY60"),
			Action: func(c *cli.Context) error { return a.jobsAct(c, do) },
		}
	}
	return app.Group("jobs", "look at deliveries and act on them",
		app.Example("", "fcctl jobs list --status FAILED", "fcctl jobs retry 0HZXEQ5Y8JY5Z"),
		&cli.Command{
			Name: "list", Aliases: []string{"ls"}, Usage: "list jobs, newest first",
			Description: app.Example("", "fcctl jobs list --status FAILED --status EXPIRED --since 1h", "fcctl jobs list --subscription big-orders", "fcctl jobs list --event 0HZXEQ5Y8JY50 -o json"),
			Flags: append(app.ListFlags(),
				&cli.StringSliceFlag{Name: "status", Usage: "only in this `STATUS`: " + app.Choice(client.JobStates) + "; may be repeated, or a list with commas"},
				&cli.StringFlag{Name: "subscription", Usage: "only of this subscription, by `CODE` or id"},
				&cli.StringFlag{Name: "event", Usage: "only of this event, by `ID`"},
				&cli.StringFlag{Name: "order-key", Usage: "only of this order `KEY`"},
				&cli.StringFlag{Name: "replay", Usage: "only of this replay, by `ID`"},
			),
			Action: a.jobsList,
		},
		a.jobsTailCommand(),
		one("get", "show one job", "", a.jobsGet),
		one("attempts", "show the exchanges of a job", "The first 3 and the last 20 are kept. -o wide shows where the time went, and -o json the headers and bodies of the answers.", a.jobsAttempts),
		many("retry", "send dead letters again, and jobs that wait for their next attempt at once", "Retrying twice is not an error. A dead letter gets all its attempts anew; a job that waits for its next attempt does not.",
			func(ctx context.Context, cl *client.Client, id string) (*client.Job, string, error) {
				j, err := cl.Jobs.Retry(ctx, id)
				return j, retried(j), err
			}),
		many("cancel", "stop jobs", "A job whose exchange is under way can still succeed; the answer says so.", cancelJob),
		many("skip", "let a blocked group go on without its dead letter", "The dead letter is cancelled and the next of its group goes.",
			func(ctx context.Context, cl *client.Client, id string) (*client.Job, string, error) {
				j, err := cl.Jobs.Skip(ctx, id)
				return j, "skipped; its group goes on", err
			}),
	)
}

// statusesOf reads --status in any case, with commas or repeated.
func statusesOf(c *cli.Context) ([]string, error) {
	var out []string
	for _, list := range c.StringSlice("status") {
		for s := range strings.SplitSeq(list, ",") {
			known := ""
			for _, st := range client.JobStates {
				if strings.EqualFold(s, st) {
					known = st
				}
			}
			if known == "" {
				try := strings.Join(client.JobStates, ", ")
				if n := fault.Nearest(s, client.JobStates); n != "" {
					try = "--status " + n
				}
				return nil, fault.Usage(fmt.Sprintf("there is no status %q", s), try)
			}
			out = append(out, known)
		}
	}
	return out, nil
}

func (a *commands) jobsList(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	status, err := statusesOf(c)
	if err != nil {
		return err
	}
	since, until, err := app.Span(c)
	if err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	return app.List(a.App, c, cl.Jobs.List(c.Context, client.JobFilter{
		Status: status, SubscriptionID: c.String("subscription"), EventID: c.String("event"), ClientID: c.String("client"), CorrelationID: c.String("correlation"),
		MessageGroup: c.String("group"), OrderKey: c.String("order-key"), ReplayID: c.String("replay"), Since: since, Until: until, PageSize: app.PageSize(c),
	}), a.jobListing(c, cl, "jobs", "fcctl jobs list --subscription"))
}

// jobListing shows jobs. They outlive their subscription, so that only an empty
// list asks whether there is one; command is what to type before another.
func (a *commands) jobListing(c *cli.Context, cl *client.Client, what, command string) app.Listing[client.Job] {
	return app.Listing[client.Job]{
		What: what, Table: func(js []client.Job) string { return view.Jobs(js, a.Ink()) },
		Empty: func() error {
			if c.String("subscription") == "" {
				return nil
			}
			return a.knownSubscription(c, cl, c.String("subscription"), command)
		},
	}
}

// knownSubscription says that there is no such subscription; command is what to
// type before the nearest one.
func (a *commands) knownSubscription(c *cli.Context, cl *client.Client, code, command string) error {
	info, _ := resource.InfoOf(resource.KindSubscription)
	_, err := cl.Resources(info.Kind).Get(c.Context, code)
	switch client.StatusOf(err) {
	case http.StatusNotFound:
		return a.NoSuch(c, cl, info, code, command)
	case http.StatusForbidden:
		return nil // who may see jobs need not see subscriptions
	}
	return err
}

func (a *commands) jobsGet(c *cli.Context) error {
	ask := func(cl *client.Client, id string) (*client.Job, error) { return cl.Jobs.Get(c.Context, id) }
	return one(a, c, "the id of a job", ask, func(j *client.Job) string { return view.Job(j, a.Ink()) })
}

func (a *commands) jobsAttempts(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the id of a job"); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	as, err := cl.Jobs.Attempts(c.Context, c.Args().First())
	if err != nil {
		return err
	}
	if as == nil {
		as = []client.Attempt{}
	}
	defer a.Nothing(len(as), false, "attempts yet")
	return a.Data(c, as, func() (string, error) {
		if len(as) == 0 {
			return "", nil
		}
		return view.Attempts(as, app.Wide(c), a.Ink()), nil
	})
}

// retried says what became of a job that somebody wants to go again.
func retried(j *client.Job) string {
	switch {
	case j == nil:
		return ""
	case j.IsTerminal && j.EventID != "":
		return "is " + j.Status + ", which is no dead letter; to send it once more: fcctl events replay --event " + j.EventID
	case j.IsTerminal:
		return "is " + j.Status + ", which is no dead letter; nothing to do"
	case j.Waiting:
		return "goes again when it is its turn in its group"
	case j.Due.After(time.Now()):
		return "has not been tried yet and waits for " + j.Due.UTC().Format(time.DateTime) + ", the time that it was published for; nothing to do"
	}
	return "goes again"
}

func cancelJob(ctx context.Context, cl *client.Client, id string) (*client.Job, string, error) {
	j, err := cl.Jobs.Cancel(ctx, id)
	if err != nil {
		return nil, "", err
	}
	switch j.Outcome {
	case client.CancelMarked:
		return &j.Job, "is under way; it ends with this exchange", nil
	case client.CancelTooLate:
		return &j.Job, "had ended already: " + j.Status, nil
	}
	return &j.Job, "cancelled", nil
}

// jobsAct does one thing to several jobs.
func (a *commands) jobsAct(c *cli.Context, do func(context.Context, *client.Client, string) (*client.Job, string, error)) error {
	return a.act(c, "job", "the id of a job", do)
}

// act does one thing to several things of a kind, each of which comes to a
// job. One that fails does not stop the others.
func (a *commands) act(c *cli.Context, noun, names string, do func(context.Context, *client.Client, string) (*client.Job, string, error)) error {
	if err := app.Arguments(c, 1, -1, names); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	done := []*client.Job{}
	var failed error
	bad := 0
	for _, id := range c.Args().Slice() {
		j, outcome, err := do(c.Context, cl, id)
		if err != nil {
			failed = err
			bad++
			if c.NArg() > 1 {
				message, _, _ := fault.Judge(err)
				a.Say("%s %s: %s", noun, id, message)
			}
			continue
		}
		done = append(done, j)
		if app.ForPeople(c) {
			fmt.Fprintf(a.Out, "job %s: %s\n", j.ID, outcome)
		}
	}
	if !app.ForPeople(c) && len(done) > 0 {
		if err := a.Data(c, done, nil); err != nil {
			return err
		}
	}
	switch {
	case bad == 0:
		return nil
	case c.NArg() == 1:
		return failed
	case len(done) > 0:
		return fault.New(fault.Partly, "", "%d of %d %ss failed", bad, c.NArg(), noun)
	}
	_, code, try := fault.Judge(failed)
	return fault.New(code, try, "all %d %ss failed", bad, noun)
}
