package work

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) queuesCommand() *cli.Command {
	limit := func(of string) cli.Flag {
		return &cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N` " + of + ", up to 1000"}
	}
	const only = "NAME may be left out where there is one queue. "
	return app.Group("queues", "look into the router's queues",
		app.Example("A queue holds tickets, each for one hand-over of a job; the jobs are in the store.", "fcctl queues list", "fcctl queues peek default --limit 10"),
		&cli.Command{Name: "list", Aliases: []string{"ls"}, Usage: "show what the queues hold", Description: app.Example("", "fcctl queues list", "fcctl queues list -o json"), Action: a.routerQueues},
		&cli.Command{Name: "stats", Usage: "show one queue and how it is emptied", ArgsUsage: "[NAME]", Description: app.Example(only, "fcctl queues stats", "fcctl queues stats default"), Action: a.queueStats},
		&cli.Command{
			Name: "peek", Usage: "show the oldest messages and take none", ArgsUsage: "[NAME]",
			Description: app.Example(only+"Messages that a router has received are among them until they are done.", "fcctl queues peek", "fcctl queues peek default --limit 10 -o json"),
			Flags:       []cli.Flag{limit("messages")}, Action: a.queuePeek,
		},
		&cli.Command{
			Name: "dead-letters", Usage: "show messages that no router could use, and why", ArgsUsage: "[NAME]",
			Description: app.Example(only+"These are messages, not deliveries that failed: fcctl dead-letters has those.", "fcctl queues dead-letters", "fcctl queues dead-letters default -o json"),
			Flags:       []cli.Flag{limit("dead letters")}, Action: a.queueLetters,
		},
		&cli.Command{
			Name: "purge", Usage: "take out the tickets that wait", ArgsUsage: "NAME",
			Description: app.Example("Nothing is lost: the jobs are PENDING at once and get new tickets as soon as they may go. What a router has in its hands goes on, and messages of other producers stay, since no job stands behind them.",
				"fcctl queues purge default", "fcctl queues purge default --yes"),
			Flags: []cli.Flag{app.YesFlag()}, Action: a.queuePurge,
		},
		&cli.Command{
			Name: "redrive", Usage: "put the queue's dead letters back", ArgsUsage: "NAME",
			Description: app.Example("Those that can not be read stay where they are: they would only come back. Redrive after what the reason names was mended.", "fcctl queues redrive default", "fcctl queues redrive default --yes"),
			Flags:       []cli.Flag{app.YesFlag()}, Action: a.queueRedrive,
		},
	)
}

// theQueue is the queue that a command is about: the one that is named, or the
// only one.
func (a *commands) theQueue(c *cli.Context) (*client.Client, string, error) {
	least := 0
	if c.Command.Name == "purge" || c.Command.Name == "redrive" {
		least = 1
	}
	if err := app.Arguments(c, least, 1, "the name of a queue"); err != nil {
		return nil, "", err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return nil, "", err
	}
	if name := c.Args().First(); name != "" {
		return cl, name, nil
	}
	qs, err := cl.Router.Queues(c.Context)
	if err != nil {
		return nil, "", err
	}
	if len(qs) != 1 {
		var names []string
		for _, q := range qs {
			names = append(names, q.Name)
		}
		return nil, "", fault.Usage(fmt.Sprintf("which queue is meant is not clear: you see %d (%s)", len(qs), strings.Join(names, ", ")), c.Command.HelpName+" default")
	}
	return cl, qs[0].Name, nil
}

func (a *commands) queueStats(c *cli.Context) error {
	cl, name, err := a.theQueue(c)
	if err != nil {
		return err
	}
	qs, err := cl.Router.Queues(c.Context)
	if err != nil {
		return err
	}
	for _, q := range qs {
		if q.Name != name {
			continue
		}
		s, err := cl.Router.Snapshot(c.Context)
		if err != nil {
			return err
		}
		value := struct {
			client.QueueStats
			ThroughputPerSec float64               `json:"throughputPerSec"`
			Consumer         client.ConsumerHealth `json:"consumer"`
		}{q, s.Pools.AggregateThroughputPerSec, s.Consumer}
		return a.Data(c, value, func() (string, error) { return view.QueueStats(q, s, a.Ink()), nil })
	}
	return fault.New(fault.NotFound, "fcctl queues list", "there is no queue %q that you can see", name)
}

func (a *commands) queuePeek(c *cli.Context) error {
	cl, name, err := a.theQueue(c)
	if err != nil {
		return err
	}
	ms, err := cl.Router.PeekQueue(c.Context, name, c.Int("limit"))
	if err != nil {
		return queueFault(err)
	}
	defer a.Nothing(len(ms), false, "messages in the queue "+name)
	return a.Data(c, ms, func() (string, error) {
		if len(ms) == 0 {
			return "", nil
		}
		return view.QueuedMessages(ms, time.Now(), a.Ink()), nil
	})
}

func (a *commands) queueLetters(c *cli.Context) error {
	cl, name, err := a.theQueue(c)
	if err != nil {
		return err
	}
	ls, err := cl.Router.QueueDeadLetters(c.Context, name, c.Int("limit"))
	if err != nil {
		return queueFault(err)
	}
	defer a.Nothing(len(ls), false, "dead letters in the queue "+name)
	return a.Data(c, ls, func() (string, error) {
		if len(ls) == 0 {
			return "", nil
		}
		return view.QueueDeadLetters(ls, a.Ink()), nil
	})
}

func (a *commands) queuePurge(c *cli.Context) error {
	cl, name, err := a.theQueue(c)
	if err != nil {
		return err
	}
	if err := a.Sure(c, fmt.Sprintf("Take all tickets that wait out of the queue %s? Their jobs become PENDING and get new tickets; nothing is lost.", name)); err != nil {
		return err
	}
	done, err := cl.Router.PurgeQueue(c.Context, name)
	if err != nil {
		return queueFault(err)
	}
	return a.Data(c, done, func() (string, error) {
		text := fmt.Sprintf("queue %s: %d tickets taken out; their jobs are PENDING and get new ones as soon as they may go\n", name, done.Taken)
		if done.Kept > 0 {
			text += fmt.Sprintf("queue %s: %d messages stay, since no job stands behind them\n", name, done.Kept)
		}
		return text, nil
	})
}

func (a *commands) queueRedrive(c *cli.Context) error {
	cl, name, err := a.theQueue(c)
	if err != nil {
		return err
	}
	if err := a.Sure(c, fmt.Sprintf("Put the dead letters of the queue %s back? A router tries to use each once more.", name)); err != nil {
		return err
	}
	done, err := cl.Router.RedriveQueue(c.Context, name)
	if err != nil {
		return queueFault(err)
	}
	return a.Data(c, done, func() (string, error) {
		text := fmt.Sprintf("queue %s: %d dead letters put back\n", name, done.Moved)
		if done.Left > 0 {
			text += fmt.Sprintf("queue %s: %d stay, since they can not be read; fcctl queues dead-letters %s shows them\n", name, done.Left, name)
		}
		if done.More {
			text += fmt.Sprintf("queue %s: there are more; do it again for the rest\n", name)
		}
		return text, nil
	})
}

// queueFault says where to look for a queue that is not there.
func queueFault(err error) error {
	if client.StatusOf(err) == 404 {
		return fault.New(fault.NotFound, "fcctl queues list", "%w", err)
	}
	return err
}
