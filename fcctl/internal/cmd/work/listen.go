package work

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/listen"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) listenCommand() *cli.Command {
	return &cli.Command{
		Name: "listen", Usage: "bring events to this machine, and forward them to a local URL",
		Description: app.Example("Events come in order, and none is lost when the connection is; nothing is left on the server. "+
			"With --name, a later run goes on where this one ended. The secret that signs is shown at the start; one of your own is read from FCCTL_SECRET.",
			"fcctl listen --forward http://localhost:3000/hooks",
			"fcctl listen --forward http://localhost:3000/hooks --type 'shop:*:*:*' --name laptop",
			"fcctl listen --since 1h --print --count 5",
			"fcctl listen -o jsonl | jq .data"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "forward", Usage: "hand each event to this `URL`, as a delivery would be"},
			&cli.StringSliceFlag{Name: "type", Usage: "only types that fit this `PATTERN`; may be repeated"},
			&cli.StringFlag{Name: "filter", Usage: "only where this `CEL` is true, as a subscription's filter: data.total > 100.0"},
			&cli.StringFlag{Name: "source", Usage: "only from this `SOURCE`"},
			&cli.StringFlag{Name: "subject", Usage: "only with this `SUBJECT`"},
			&cli.StringFlag{Name: "group", Usage: "only of this message `GROUP`"},
			&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
			&cli.StringFlag{Name: "since", Usage: "begin at this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d ago", DefaultText: "now, or where --name stands"},
			&cli.StringFlag{Name: "after", Usage: "begin after this `CURSOR`, which a run shows at its end"},
			&cli.StringFlag{Name: "name", Usage: "keep under this `NAME` where it stands, and go on there"},
			&cli.BoolFlag{Name: "print", Usage: "show the data of each event too"},
			&cli.IntFlag{Name: "count", Usage: "end after `N` events", DefaultText: "no end"},
			&cli.StringFlag{Name: "scheme", Value: "standard-webhooks", Usage: "sign by this `SCHEME`: standard-webhooks, flowcatalyst or none"},
			&cli.StringFlag{Name: "secret", Usage: "sign with this `SECRET`; better FCCTL_SECRET, which ps does not show", DefaultText: "a new one"},
			&cli.BoolFlag{Name: "data-only", Usage: "send the data without the envelope, as with data_only"},
			&cli.DurationFlag{Name: "target-timeout", Value: 30 * time.Second, Usage: "wait this `LONG` for the target's answer"},
			&cli.IntFlag{Name: "max-attempts", Usage: "end when an event has failed `N` times", DefaultText: "try until it is taken; with --skip-failed 1"},
			&cli.BoolFlag{Name: "skip-failed", Usage: "go on with the next event after --max-attempts"},
		},
		Action: a.listen,
	}
}

func (a *commands) listen(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	since, err := app.Moment(c, "since")
	if err != nil {
		return err
	}
	wanted, filter, err := a.listenFilter(c)
	if err != nil {
		return err
	}
	target, secret, err := a.listenTarget(c)
	if err != nil {
		return err
	}
	t, err := a.Target(c)
	if err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	from, keep, release, err := a.listenPlace(c, t.URL)
	if err != nil {
		return err
	}
	defer release()
	l := &listen.Listener{
		Stream: func(ctx context.Context, cursor string, since time.Time) iter.Seq2[client.Followed[client.Event], error] {
			f := filter
			f.Since = since
			return cl.Events.Listen(ctx, f, cursor)
		},
		Has: func(ctx context.Context, id string) (bool, error) {
			_, err := cl.Events.Get(ctx, id)
			if client.StatusOf(err) == http.StatusNotFound {
				return false, nil
			}
			return err == nil, err
		},
		Wanted: wanted, Target: target, Keep: keep, Say: a.Say, Wait: pause,
		MaxAttempts: c.Int("max-attempts"), SkipFailed: c.Bool("skip-failed"), Count: c.Int("count"),
		Why: func(err error) string {
			message, _, _ := fault.Judge(err)
			return message
		},
	}
	if l.SkipFailed && l.MaxAttempts == 0 {
		l.MaxAttempts = 1
	}
	a.showListening(c, l)
	a.listenGreeting(c, t.URL, from, since, secret)
	sum, err := l.Run(c.Context, from, since)
	if sum.Connected {
		a.listenFarewell(c, sum)
	}
	if errors.Is(err, listen.ErrGivenUp) {
		return fault.New(fault.Failed, "mend the target, or --skip-failed", "%w", err)
	}
	return err
}

// showListening says how events and attempts are shown: lines for people, or
// the events themselves, and then the lines are talk.
func (a *commands) showListening(c *cli.Context, l *listen.Listener) {
	people := c.String("output") == "table" || c.String("output") == "wide"
	lines, ink := a.Err, a.ErrInk()
	if people {
		lines, ink = a.Out, a.Ink()
	}
	hint := secretHint(c)
	l.Show = func(e *client.Event, o *listen.Outcome) error {
		line := strings.TrimRight(view.EventLine(*e, ink), " ") + "\n"
		if o != nil {
			defer hint(a, o.Status)
			line = view.Handed{At: time.Now(), Event: e, Answer: o.Answer(), OK: o.OK(), Took: o.Took, Attempt: o.Attempt}.Text(ink)
		}
		if c.Bool("print") {
			line += view.Body(e.Data)
		}
		if people || o != nil {
			if _, err := io.WriteString(lines, ink.Shown(line)); err != nil || people {
				return err
			}
		}
		return a.Item(c, e, nil)
	}
	l.Failed = func(e *client.Event, o listen.Outcome, again time.Duration) error {
		defer hint(a, o.Status)
		_, err := io.WriteString(a.Err, a.ErrInk().Shown(view.Handed{At: time.Now(), Event: e, Answer: o.Answer(), Took: o.Took, Attempt: o.Attempt, Again: again}.Text(a.ErrInk())))
		return err
	}
}

// secretHint says once, when a receiver refuses a delivery as one that is not
// signed by whom it knows, how to give its secret.
func secretHint(c *cli.Context) func(a *commands, status int) {
	said := false
	return func(a *commands, status int) {
		if said || status != http.StatusUnauthorized {
			return
		}
		said = true
		if c.String("scheme") == "none" {
			a.Say("The receiver may want a signature: --scheme standard-webhooks or flowcatalyst, with its secret in FCCTL_SECRET.")
			return
		}
		a.Say("If the receiver checks signatures, sign with its secret: FCCTL_SECRET=whsec_… fcctl listen, or --secret.")
	}
}

func (a *commands) listenGreeting(c *cli.Context, url string, from listen.Place, since time.Time, secret string) {
	where := "from now on"
	switch {
	case from.Cursor != "" && c.String("after") == "":
		where = "from where " + c.String("name") + " stood"
	case from.Cursor != "":
		where = "after the cursor"
	case !since.IsZero():
		where = "since " + since.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	a.Say("Listening to %s %s. Ctrl-C ends it.", url, where)
	if to := c.String("forward"); to != "" {
		signed := "unsigned"
		if s := c.String("scheme"); s != "none" {
			signed = "signed by " + s
		}
		a.Say("Forwarding to %s, %s.", to, signed)
	}
	if secret != "" {
		a.Say("The secret of this run: %s", secret)
	}
}

func (a *commands) listenFarewell(c *cli.Context, s listen.Summary) {
	text := fmt.Sprintf("%d events", s.Taken)
	if s.Taken == 1 {
		text = "1 event"
	}
	if c.String("forward") != "" {
		text += fmt.Sprintf(" taken, %d skipped, %d attempts failed", s.Skipped, s.Failures)
	}
	if s.Losses > 0 {
		text += fmt.Sprintf("; connections lost: %d", s.Losses)
	}
	a.Say("%s.", text)
	switch {
	case c.String("name") != "" && s.Place.Cursor != "":
		a.Say("fcctl listen --name %s goes on from here.", c.String("name"))
	case s.Place.Cursor != "":
		a.Say("To go on from here: --after %s", s.Place.Cursor)
	}
}

// pause waits; it fails when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
