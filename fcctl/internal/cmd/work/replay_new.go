package work

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) eventsReplayCommand() *cli.Command {
	return &cli.Command{
		Name: "replay", Usage: "send events again",
		Description: app.Example("Events go to the subscriptions that match them now, beneath live traffic and at a rate of their own. "+
			"Receivers see a new webhook-id, the same event id, and the header X-FlowCatalyst-Replay. "+
			"With --wait the exit code is 6 if some could not be delivered; an interrupt leaves the replay running.",
			"fcctl events replay --since 24h --type 'shop:*:*:*' --dry-run",
			"fcctl events replay --since 24h --subscription big-orders --wait",
			"fcctl events replay --since 2h --failed-only --rate 50/s --yes",
			"fcctl events replay --event 0HZXEQ5Y8JY50 --to https://staging.example.com/hooks --yes"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "since", Usage: "events accepted after this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d ago"},
			&cli.StringFlag{Name: "until", Usage: "events accepted before this `TIME`"},
			&cli.StringFlag{Name: "type", Usage: "events of this `TYPE`; each of its four segments may be *"},
			&cli.StringFlag{Name: "client", Usage: "events of this `CLIENT`"},
			&cli.StringSliceFlag{Name: "event", Usage: "this event, by `ID`; may be repeated"},
			&cli.BoolFlag{Name: "failed-only", Usage: "only events whose delivery is a dead letter, and only to the subscriptions where it is", DisableDefaultText: true},
			&cli.BoolFlag{Name: "all", Usage: "every event there is", DisableDefaultText: true},
			&cli.StringSliceFlag{Name: "subscription", Usage: "only to this subscription, by `CODE` or id; may be repeated"},
			&cli.StringFlag{Name: "to", Usage: "to this `URL` instead of subscriptions"},
			&cli.StringFlag{Name: "connection", Usage: "to this connection, by `CODE` or id, instead of subscriptions"},
			&cli.StringFlag{Name: "pool", Usage: "with --to or --connection: the dispatch pool, by `CODE` or id"},
			&cli.BoolFlag{Name: "ordered", Usage: "with --to or --connection: keep the order within each message group", DisableDefaultText: true},
			&cli.StringFlag{Name: "rate", Usage: "at most so many exchanges: `N/s`, N/m or N/h; 0 is no limit (default: 500/s)"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only count what it would send", DisableDefaultText: true},
			waitFlag(), app.YesFlag(),
		},
		Action: a.eventsReplay,
	}
}

// perSecond reads a rate; a number alone is per second.
func perSecond(name, s string) (*float64, error) {
	if s == "" {
		return nil, nil
	}
	if !strings.Contains(s, "/") {
		s += "/s"
	}
	r, err := resource.ParseRate(s)
	if err != nil {
		return nil, fault.Usage(fmt.Sprintf("%s is no rate", name), "100/s")
	}
	v := r.PerSecond()
	return &v, nil
}

// newReplay reads what a replay is to be from the command line.
func newReplay(c *cli.Context) (client.NewReplay, error) {
	n := client.NewReplay{
		Type: c.String("type"), ClientID: c.String("client"), EventIDs: c.StringSlice("event"), FailedOnly: c.Bool("failed-only"), All: c.Bool("all"),
		Subscriptions: c.StringSlice("subscription"), Target: c.String("to"), Connection: c.String("connection"), Pool: c.String("pool"), Ordered: c.Bool("ordered"),
	}
	var err error
	if n.Since, n.Until, err = app.Span(c); err != nil {
		return n, err
	}
	if n.Rate, err = perSecond("--rate", c.String("rate")); err != nil {
		return n, err
	}
	if n.Since.IsZero() && n.Until.IsZero() && n.Type == "" && n.ClientID == "" && len(n.EventIDs) == 0 && !n.FailedOnly && !n.All {
		return n, fault.Usage("events replay needs to know which events", "--since 1h, --type, --event, --failed-only, or --all")
	}
	return n, nil
}

func (a *commands) eventsReplay(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	n, err := newReplay(c)
	if err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		p, err := cl.Replays.Preview(c.Context, n)
		if err != nil {
			return err
		}
		return a.Data(c, p, func() (string, error) { return view.Preview(p, a.Ink()), nil })
	}
	if !c.Bool("yes") {
		p, err := cl.Replays.Preview(c.Context, n)
		if err != nil {
			return err
		}
		fmt.Fprint(a.Err, a.ErrInk().Shown(view.Preview(p, a.ErrInk())))
		if p.Jobs == 0 && !p.Partial {
			a.Say("Nothing would be sent, so nothing was started.")
			return nil
		}
		count := strconv.Itoa(p.Jobs)
		if p.Partial {
			count = "more than " + count
		}
		if err := a.Sure(c, "Send "+count+" deliveries?"); err != nil {
			return err
		}
	}
	r, err := cl.Replays.Create(c.Context, n)
	if err != nil {
		return err
	}
	if c.Bool("wait") {
		a.Say("Replay %s has begun.", r.ID)
		return a.awaitReplay(c, cl, r)
	}
	if err := a.Data(c, r, func() (string, error) { return r.ID + "\n", nil }); err != nil {
		return err
	}
	a.Say("The replay runs. Look at it with: fcctl replays get %s, or fcctl replays wait %s", r.ID, r.ID)
	return nil
}
