package work

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) routerCommand() *cli.Command {
	limit := func(of string) cli.Flag {
		return &cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N` " + of}
	}
	return app.Group("router", "watch the router",
		app.Example("Figures in tables are of the last 5 minutes; -o json has more.", "fcctl router stats --watch", "fcctl router breakers", "fcctl router breakers reset warehouse"),
		&cli.Command{
			Name: "stats", Usage: "show everything at a glance",
			Description: app.Example("With --watch it is shown anew each second until you interrupt it; -o json then writes one line each.", "fcctl router stats", "fcctl router stats --watch", "fcctl router stats --watch -o json | jq .inFlight"),
			Flags:       []cli.Flag{&cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "go on", DisableDefaultText: true}},
			Action:      a.routerStats,
		},
		&cli.Command{
			Name: "pools", Usage: "show the pools at work", Description: app.Example("", "fcctl router pools", "fcctl router pools -o json", "fcctl router pools tune priority --concurrency 40"), Action: a.routerPools,
			Subcommands: []*cli.Command{{
				Name: "tune", Usage: "change how much a pool does at once, in every router", ArgsUsage: "CODE",
				Description: app.Example("It counts within a second, and for good. Where a manifest declares the pool, give it the new value before the next apply.", "fcctl router pools tune priority --concurrency 40 --rate 500/s"),
				Flags: []cli.Flag{
					&cli.IntFlag{Name: "concurrency", Usage: "at most `N` deliveries at once", DefaultText: "as it is"},
					&cli.StringFlag{Name: "rate", Usage: "at most so many: `N/s`, N/m or N/h; 0 is no limit", DefaultText: "as it is"},
				},
				Action: a.routerTune,
			}},
		},
		&cli.Command{
			Name: "health", Usage: "show whether each part of the router's process is up",
			Description: app.Example("The store, the queue and each service. Exit code 1 says that one is down.", "fcctl router health", "fcctl router health -o json"), Action: a.routerHealth,
		},
		&cli.Command{
			Name: "queues", Usage: "show what the queues hold", Description: app.Example("", "fcctl router queues", "fcctl router queues -o json"), Action: a.routerQueues,
		},
		&cli.Command{
			Name: "endpoints", Usage: "show the endpoints met of late, the busiest first", Description: app.Example("", "fcctl router endpoints --limit 10"),
			Flags: []cli.Flag{limit("endpoints")}, Action: a.routerEndpoints,
		},
		&cli.Command{
			Name: "breakers", Usage: "show which endpoints are not called because they fail, and why",
			Description: app.Example("A breaker that is not closed keeps deliveries in the store; they go by themselves once the endpoint answers.", "fcctl router breakers", "fcctl router breakers --all", "fcctl router breakers reset warehouse"),
			Flags:       []cli.Flag{limit("breakers"), &cli.BoolFlag{Name: "all", Usage: "closed ones as well", DisableDefaultText: true}},
			Action:      a.routerBreakers,
			Subcommands: []*cli.Command{{
				Name: "reset", Usage: "close a breaker in every router: deliveries go at once", ArgsUsage: "NAME",
				Description: app.Example("NAME is the connection's code, or the endpoint as breakers shows it. If the endpoint still fails the breaker opens again.", "fcctl router breakers reset warehouse", "fcctl router breakers reset https://hooks.example.com/orders"),
				Action:      a.routerReset,
			}},
		},
		&cli.Command{
			Name: "in-flight", Usage: "show the messages in the router's hands, the oldest first",
			Description: app.Example("", "fcctl router in-flight --pool priority", "fcctl router in-flight --endpoint warehouse --state STARTED"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "pool", Usage: "only of this pool, by `CODE`"},
				&cli.StringFlag{Name: "endpoint", Usage: "only for this `ENDPOINT`: a connection's code or id, or a URL"},
				&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
				&cli.StringFlag{Name: "group", Usage: "only of this message `GROUP`"},
				&cli.StringFlag{Name: "message", Usage: "only this message or job, by `ID`"},
				&cli.StringFlag{Name: "state", Usage: "only in this `STATE`: RECEIVED, WAITING or STARTED"},
				limit("messages"),
			},
			Action: a.routerInFlight,
		},
		&cli.Command{
			Name: "warnings", Usage: "show what somebody should look at",
			Description: app.Example("Warnings go eight hours after they came last.", "fcctl router warnings", "fcctl router warnings --all", "fcctl router warnings ack mf3x0-1"),
			Flags:       []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "acknowledged ones as well", DisableDefaultText: true}},
			Action:      a.routerWarnings,
			Subcommands: []*cli.Command{{
				Name: "ack", Usage: "say that somebody knows", ArgsUsage: "ID…",
				Description: app.Example("", "fcctl router warnings ack mf3x0-1 mf3x0-2"), Action: a.routerAcknowledge,
			}},
		},
	)
}

// shown says what a list leaves out, or that it is empty.
func (a *commands) shown(n, all int, what string) {
	if all > n {
		a.Say("These are %d of %d. Try: --limit %d", n, all, all)
		return
	}
	a.Nothing(n, false, what)
}

func (a *commands) routerStats(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	if c.Bool("watch") {
		return a.routerWatch(c, cl)
	}
	s, err := cl.Router.Snapshot(c.Context)
	if err != nil {
		return err
	}
	return a.Data(c, s, func() (string, error) { return view.RouterStats(s, a.Ink()), nil })
}

// clearScreen puts the cursor home and clears what is below (ECMA-48).
const clearScreen = "\x1b[H\x1b[J"

// routerWatch shows snapshots until it is interrupted, which is its ordinary
// end. A lost connection is said and mended.
func (a *commands) routerWatch(c *cli.Context, cl *client.Client) error {
	for s, err := range cl.Router.Watch(c.Context) {
		if err != nil {
			var refused *client.Error
			if errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests {
				return err
			}
			message, _, _ := fault.Judge(err)
			a.Say("%s; trying again", message)
			continue
		}
		if a.Colour && app.ForPeople(c) { // a terminal
			if _, err := io.WriteString(a.Out, clearScreen); err != nil {
				return err
			}
		}
		err = a.Item(c, s, func() string { return view.RouterStats(s, a.Ink()) + "\n" })
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *commands) routerPools(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	v, err := cl.Router.Pools(c.Context)
	if err != nil {
		return err
	}
	return a.Data(c, v.Pools, func() (string, error) { return view.Pools(v.Pools, a.Ink()), nil })
}

func (a *commands) routerEndpoints(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	v, err := cl.Router.Endpoints(c.Context, c.Int("limit"))
	if err != nil {
		return err
	}
	defer a.shown(len(v.Endpoints), v.Total, "endpoints met of late")
	return a.Data(c, v.Endpoints, func() (string, error) {
		if len(v.Endpoints) == 0 {
			return "", nil
		}
		return view.Endpoints(v.Endpoints, a.Ink()), nil
	})
}

func (a *commands) routerBreakers(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	v, err := cl.Router.Breakers(c.Context, c.Int("limit"))
	if err != nil {
		return err
	}
	shown := []client.Breaker{}
	for _, b := range v.Breakers {
		if c.Bool("all") || b.State != client.BreakerClosed {
			shown = append(shown, b)
		}
	}
	all := v.TotalOpen + v.TotalHalfOpen
	kind := "breakers that are open"
	if c.Bool("all") {
		all += v.TotalClosed
		kind = "breakers"
	}
	defer a.shown(len(shown), all, kind)
	return a.Data(c, shown, func() (string, error) {
		if len(shown) == 0 {
			return "", nil
		}
		return view.Breakers(shown, time.Now(), a.Ink()), nil
	})
}

func (a *commands) routerReset(c *cli.Context) error {
	ask := func(cl *client.Client, id string) (*client.Breaker, error) {
		return cl.Router.ResetBreaker(c.Context, id)
	}
	return one(a, c, "the connection's code or the endpoint", ask, func(b *client.Breaker) string { return view.Breaker(b, a.Ink()) })
}

func (a *commands) routerInFlight(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	v, err := cl.Router.InFlight(c.Context, client.InFlightFilter{
		MessageID: c.String("message"), PoolCode: c.String("pool"), Endpoint: c.String("endpoint"), ClientID: c.String("client"),
		MessageGroup: c.String("group"), State: c.String("state"), Limit: c.Int("limit"),
	})
	if err != nil {
		return err
	}
	defer a.shown(len(v.Messages), v.TotalInFlight, "messages in the router's hands")
	return a.Data(c, v.Messages, func() (string, error) {
		if len(v.Messages) == 0 {
			return "", nil
		}
		return view.InFlight(v.Messages, a.Ink()), nil
	})
}

func (a *commands) routerWarnings(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	all, err := cl.Router.Warnings(c.Context)
	if err != nil {
		return err
	}
	ws := []client.Warning{}
	for _, w := range all {
		if c.Bool("all") || !w.Acknowledged {
			ws = append(ws, w)
		}
	}
	defer a.Nothing(len(ws), false, "warnings")
	return a.Data(c, ws, func() (string, error) {
		if len(ws) == 0 {
			return "", nil
		}
		return view.Warnings(ws, a.Ink()), nil
	})
}

func (a *commands) routerAcknowledge(c *cli.Context) error {
	if err := app.Arguments(c, 1, -1, "the id of a warning"); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	done := []*client.Warning{}
	for _, id := range c.Args().Slice() {
		w, err := cl.Router.Acknowledge(c.Context, id)
		if err != nil {
			return fmt.Errorf("warning %s: %w", id, err)
		}
		done = append(done, w)
	}
	return a.Data(c, done, func() (string, error) {
		text := ""
		for _, w := range done {
			text += fmt.Sprintf("warning %s: acknowledged\n", w.ID)
		}
		return text, nil
	})
}

func (a *commands) routerHealth(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	h, err := cl.Router.Health(c.Context)
	if err != nil {
		return err
	}
	if err := a.Data(c, h, func() (string, error) { return view.Health(h, a.Ink()), nil }); err != nil {
		return err
	}
	if h.Status != client.Up {
		return fault.New(fault.Failed, "", "the router's process is %s", h.Status)
	}
	return nil
}

func (a *commands) routerQueues(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	qs, err := cl.Router.Queues(c.Context)
	if err != nil {
		return err
	}
	defer a.Nothing(len(qs), false, "queues")
	return a.Data(c, qs, func() (string, error) {
		if len(qs) == 0 {
			return "", nil
		}
		return view.Queues(qs, a.Ink()), nil
	})
}
