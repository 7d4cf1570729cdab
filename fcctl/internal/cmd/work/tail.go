package work

import (
	"errors"
	"iter"
	"net/http"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) eventsTailCommand() *cli.Command {
	return &cli.Command{
		Name: "tail", Usage: "show events as they are accepted, until you interrupt it",
		Description: app.Example("After a lost connection it goes on where it was. -o json writes one line each.",
			"fcctl events tail --type shop:sales:order:placed", "fcctl events tail --since 5m --count 10", "fcctl events tail -o json | jq .data"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "type", Usage: "only this `TYPE`"},
			&cli.StringFlag{Name: "source", Usage: "only from this `SOURCE`"},
			&cli.StringFlag{Name: "group", Usage: "only of this message `GROUP`"},
			&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
			&cli.StringFlag{Name: "since", Usage: "begin after this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d ago", DefaultText: "now"},
			countFlag(),
		},
		Action: func(c *cli.Context) error {
			since, err := app.Moment(c, "since")
			if err != nil {
				return err
			}
			f := client.EventFilter{Type: c.String("type"), Source: c.String("source"), MessageGroup: c.String("group"), ClientID: c.String("client"), Since: since}
			return tail(a, c, func(cl *client.Client) iter.Seq2[client.Followed[client.Event], error] {
				return cl.Events.Follow(c.Context, f, "")
			}, view.EventLine)
		},
	}
}

func (a *commands) jobsTailCommand() *cli.Command {
	return &cli.Command{
		Name: "tail", Usage: "show jobs as they change, until you interrupt it",
		Description: app.Example("Each comes in its latest state. -o json writes one line each.",
			"fcctl jobs tail --status FAILED", "fcctl jobs tail --subscription big-orders -o json"),
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "status", Usage: "only in this `STATUS`: " + app.Choice(client.JobStates) + "; may be repeated, or a list with commas"},
			&cli.StringFlag{Name: "subscription", Usage: "only of this subscription, by `CODE` or id"},
			&cli.StringFlag{Name: "event", Usage: "only of this event, by `ID`"},
			&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
			countFlag(),
		},
		Action: func(c *cli.Context) error {
			statuses, err := statusesOf(c)
			if err != nil {
				return err
			}
			f := client.JobFilter{Status: statuses, SubscriptionID: c.String("subscription"), EventID: c.String("event"), ClientID: c.String("client")}
			return tail(a, c, func(cl *client.Client) iter.Seq2[client.Followed[client.Job], error] {
				return cl.Jobs.Follow(c.Context, f, "")
			}, view.JobLine)
		},
	}
}

func countFlag() cli.Flag {
	return &cli.IntFlag{Name: "count", Usage: "end after `N`", DefaultText: "no end"}
}

// tail shows what a stream brings until it is interrupted, which is its
// ordinary end. A lost connection is said and mended.
func tail[T any](a *commands, c *cli.Context, follow func(*client.Client) iter.Seq2[client.Followed[T], error], line func(T, view.Ink) string) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	n := 0
	for got, err := range follow(cl) {
		var refused *client.Error
		switch {
		case errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests:
			return err
		case err != nil:
			message, _, _ := fault.Judge(err)
			a.Say("%s; trying again", message)
			continue
		case got.Reset:
			a.Say("The server began anew; some changes may be missing here.")
			continue
		}
		err = a.Item(c, got.Item, func() string { return strings.TrimRight(line(got.Item, a.Ink()), " ") + "\n" })
		if err != nil {
			return err
		}
		if n++; n == c.Int("count") {
			return nil
		}
	}
	return nil
}
