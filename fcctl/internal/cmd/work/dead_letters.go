package work

import (
	"context"
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) deadLettersCommand() *cli.Command {
	return app.Group("dead-letters", "look at what could not be delivered, and act on it",
		app.Example("", "fcctl dead-letters list --since 24h", "fcctl dead-letters retry --subscription big-orders --wait"),
		&cli.Command{
			Name: "list", Aliases: []string{"ls"}, Usage: "list dead letters, newest first",
			Description: app.Example("", "fcctl dead-letters list --subscription big-orders", "fcctl dead-letters list --code RETRIES_EXHAUSTED --since 1h -o json"),
			Flags:       append(letterFlags(), &cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N`; 0 is all"}),
			Action:      a.lettersList,
		},
		&cli.Command{
			Name: "get", Usage: "show one dead letter with its payload and its exchanges", ArgsUsage: "ID",
			Description: app.Example("", "fcctl dead-letters get 0HZXEQ5Y8JY5Z"), Action: a.lettersGet,
		},
		&cli.Command{
			Name: "retry", Usage: "send dead letters again", ArgsUsage: "[ID…]",
			Description: app.Example("By their ids, or in the background those that fit the flags, as they are now.",
				"fcctl dead-letters retry 0HZXEQ5Y8JY5Z", "fcctl dead-letters retry --subscription big-orders --since 24h --wait", "fcctl dead-letters retry --all"),
			Flags:  append(letterFlags(), allFlag(), waitFlag()),
			Action: a.lettersRetry,
		},
		&cli.Command{
			Name: "discard", Usage: "give dead letters up", ArgsUsage: "[ID…]",
			Description: app.Example("They end CANCELLED with what --reason says, and groups that they block go on. By their ids, or in the background those that fit the flags.",
				"fcctl dead-letters discard 0HZXEQ5Y8JY5Z --reason 'told by telephone'", "fcctl dead-letters discard --subscription old --reason 'the receiver is gone' --yes"),
			Flags:  append(letterFlags(), &cli.StringFlag{Name: "reason", Usage: "`WHY` they are given up; needed"}, allFlag(), waitFlag(), app.YesFlag()),
			Action: a.lettersDiscard,
		},
		&cli.Command{
			Name: "tasks", Usage: "list what was retried or discarded in the background, newest first",
			Description: app.Example("", "fcctl dead-letters tasks --status running"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "status", Usage: "only in this `STATUS`: running, cancelled or completed"},
				&cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N`; 0 is all"},
			},
			Action: a.lettersTasks,
		},
		&cli.Command{
			Name: "wait", Usage: "wait until a task is over", ArgsUsage: "TASK",
			Description: app.Example("", "fcctl dead-letters wait 0HZXEQ5Y8JY5Z"), Action: a.lettersWait,
		},
		&cli.Command{
			Name: "cancel", Usage: "stop a task", ArgsUsage: "TASK",
			Description: app.Example("What it did stays done.", "fcctl dead-letters cancel 0HZXEQ5Y8JY5Z"), Action: a.lettersCancel,
		},
	)
}

// letterFlags narrow dead letters, in lists and for tasks.
func letterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "subscription", Usage: "only of this subscription, by `CODE` or id"},
		&cli.StringFlag{Name: "code", Usage: "only with this reason `CODE`: RETRIES_EXHAUSTED, CONFIGURATION, GONE, MAX_AGE, EXPIRES_AT or ROUTER_LOST"},
		&cli.StringSliceFlag{Name: "status", Usage: "only in this `STATUS`: failed or expired"},
		&cli.StringFlag{Name: "group", Usage: "only of this message `GROUP`"},
		&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
		&cli.StringFlag{Name: "replay", Usage: "only of this replay, by `ID`"},
		&cli.StringFlag{Name: "since", Usage: "only jobs made after this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d ago"},
		&cli.StringFlag{Name: "until", Usage: "only jobs made before this `TIME`"},
	}
}

func allFlag() cli.Flag {
	return &cli.BoolFlag{Name: "all", Usage: "every dead letter there is", DisableDefaultText: true}
}

// letterFilter reads the flags; narrow says whether there are any.
func letterFilter(c *cli.Context) (f client.LetterFilter, narrow bool, err error) {
	f = client.LetterFilter{
		SubscriptionID: c.String("subscription"), Reason: strings.ToUpper(c.String("code")), MessageGroup: c.String("group"),
		ClientID: c.String("client"), ReplayID: c.String("replay"), All: c.Bool("all"),
	}
	if f.Status, err = statusesOf(c); err != nil {
		return f, false, err
	}
	for _, s := range f.Status {
		if s != client.JobFailed && s != client.JobExpired {
			return f, false, fault.Usage(fmt.Sprintf("a job that is %s is no dead letter", s), "--status FAILED or --status EXPIRED")
		}
	}
	f.Since, f.Until, err = app.Span(c)
	for _, flag := range letterFlags() {
		narrow = narrow || c.IsSet(flag.Names()[0])
	}
	return f, narrow, err
}

func (a *commands) lettersList(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	f, _, err := letterFilter(c)
	if err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	f.PageSize = app.PageSize(c)
	return app.List(a.App, c, cl.DeadLetters.List(c.Context, f), a.jobListing(c, cl, "dead letters", "fcctl dead-letters list --subscription"))
}

func (a *commands) lettersGet(c *cli.Context) error {
	ask := func(cl *client.Client, id string) (*client.DeadLetter, error) {
		return cl.DeadLetters.Get(c.Context, id)
	}
	return one(a, c, "the id of a dead letter", ask, func(d *client.DeadLetter) string { return view.DeadLetter(d, a.Ink()) })
}

// selected tells ids from flags: one of the two must be there, and not both.
func selected(c *cli.Context) (f client.LetterFilter, byID bool, err error) {
	f, narrow, err := letterFilter(c)
	if err != nil {
		return f, false, err
	}
	name := "fcctl dead-letters " + c.Command.Name
	switch narrow = narrow || f.All; {
	case c.NArg() > 0 && narrow:
		return f, false, fault.Usage("ids and flags that select do not go together", name+" ID, or "+name+" --subscription CODE")
	case c.NArg() == 0 && !narrow:
		return f, false, fault.Usage(strings.TrimPrefix(name, "fcctl ")+" needs to know which", "an ID, --subscription CODE, --since 24h, or --all")
	}
	return f, c.NArg() > 0, nil
}

func (a *commands) lettersRetry(c *cli.Context) error {
	f, byID, err := selected(c)
	if err != nil {
		return err
	}
	if byID {
		return a.jobsAct(c, func(ctx context.Context, cl *client.Client, id string) (*client.Job, string, error) {
			j, err := cl.DeadLetters.Retry(ctx, id)
			return j, retried(j), err
		})
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	t, err := cl.DeadLetters.RetryAll(c.Context, f)
	if err != nil {
		return err
	}
	return a.taskBegun(c, cl, t)
}

func (a *commands) lettersDiscard(c *cli.Context) error {
	f, byID, err := selected(c)
	if err != nil {
		return err
	}
	why := c.String("reason")
	if why == "" {
		return fault.Usage("dead-letters discard needs --reason", "--reason 'told by telephone'")
	}
	if byID {
		return a.jobsAct(c, func(ctx context.Context, cl *client.Client, id string) (*client.Job, string, error) {
			j, err := cl.DeadLetters.Discard(ctx, id, why)
			return j, "discarded", err
		})
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	if err := a.Sure(c, "Give up all dead letters that fit, for good?"); err != nil {
		return err
	}
	t, err := cl.DeadLetters.DiscardAll(c.Context, f, why)
	if err != nil {
		return err
	}
	return a.taskBegun(c, cl, t)
}

func (a *commands) taskBegun(c *cli.Context, cl *client.Client, t *client.LetterTask) error {
	if c.Bool("wait") {
		a.Say("Task %s has begun.", t.ID)
		return a.awaitLetters(c, cl, t)
	}
	if err := a.Data(c, t, func() (string, error) { return t.ID + "\n", nil }); err != nil {
		return err
	}
	a.Say("The task runs. Wait for it with: fcctl dead-letters wait %s", t.ID)
	return nil
}

func (a *commands) lettersTasks(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	status, err := workStatus(c)
	if err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	return app.List(a.App, c, cl.DeadLetters.Tasks(c.Context, client.WorkFilter{Status: status, PageSize: app.PageSize(c)}),
		app.Listing[client.LetterTask]{What: "tasks", Table: func(ts []client.LetterTask) string { return view.LetterTasks(ts, a.Ink()) }})
}

func (a *commands) lettersWait(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the id of a task"); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	t, err := cl.DeadLetters.Task(c.Context, c.Args().First())
	if err != nil {
		return err
	}
	return a.awaitLetters(c, cl, t)
}

func (a *commands) lettersCancel(c *cli.Context) error {
	ask := func(cl *client.Client, id string) (*client.LetterTask, error) {
		return cl.DeadLetters.CancelTask(c.Context, id)
	}
	return one(a, c, "the id of a task", ask, func(t *client.LetterTask) string { return fmt.Sprintf("task %s: is %s\n", t.ID, t.Status) })
}
