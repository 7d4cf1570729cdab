package admin

import (
	"context"
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/urfave/cli/v2"
)

// pauseCommands stop and start the resources of a kind by hand.
func (a *commands) pauseCommands(kind resource.Kind, code string) []*cli.Command {
	info, _ := resource.InfoOf(kind)
	name := info.Collection
	one := func(verb, usage, description string, do func(*client.Resources, context.Context, string) (resource.Resource, error)) *cli.Command {
		return &cli.Command{
			Name: verb, Usage: usage, ArgsUsage: "CODE", Description: app.Example(description, fmt.Sprintf("fcctl %s %s %s", name, verb, code)),
			Action: func(c *cli.Context) error { return a.pauseAct(c, info, do) },
		}
	}
	return []*cli.Command{
		one("pause", "keep its jobs until it is resumed", "Nothing is lost meanwhile; pausing twice is not an error. An apply leaves it paused, unless the manifest states its status.", (*client.Resources).Pause),
		one("resume", "let a paused one go on", "What waited goes now, in order where order is kept. One that answered 410 was paused for that: mend its receiver first.", (*client.Resources).Resume),
	}
}

func (a *commands) pauseAct(c *cli.Context, info resource.KindInfo, do func(*client.Resources, context.Context, string) (resource.Resource, error)) error {
	if err := app.Arguments(c, 1, 1, "the code of a "+info.Title); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	code := c.Args().First()
	r, err := do(cl.Resources(info.Kind), c.Context, code)
	if client.StatusOf(err) == 404 {
		return a.NoSuch(c, cl, info, code, strings.Join([]string{"fcctl", info.Collection, c.Command.Name}, " "))
	}
	if err != nil {
		return err
	}
	return a.Data(c, r, func() (string, error) {
		return fmt.Sprintf("%s %s: is %s\n", info.Title, r.Key(), statusOf(r)), nil
	})
}

// statusOf is the status of what can be paused.
func statusOf(r resource.Resource) string {
	switch r := r.(type) {
	case *resource.Subscription:
		return r.Status
	case *resource.Connection:
		return r.Status
	case *resource.DispatchPool:
		return r.Status
	}
	return ""
}
