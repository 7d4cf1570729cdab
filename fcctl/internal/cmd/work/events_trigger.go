package work

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/sample"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) eventsTriggerCommand() *cli.Command {
	return &cli.Command{
		Name: "trigger", Usage: "publish an example of an event type, made from its schema", ArgsUsage: "TYPE",
		Description: app.Example("The data satisfies the schema in force, which is checked before anything is published.",
			"fcctl events trigger shop:sales:order:placed --print",
			"fcctl events trigger shop:sales:order:placed --set total=120 --group order-7"),
		Flags: append(append(setFlags(), attributeFlags()...),
			&cli.BoolFlag{Name: "print", Usage: "show the event, and publish nothing", DisableDefaultText: true},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "another `NUMBER` makes another example, the same the same"},
		),
		Action: a.eventsTrigger,
	}
}

func (a *commands) eventsTrigger(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "an event type"); err != nil {
		return err
	}
	e := client.NewEvent{Type: c.Args().First()}
	if err := attributes(c, &e); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	schema, err := a.schemaOf(c, cl, e.Type)
	if err != nil {
		return err
	}
	data, err := schema.Make(c.Uint64("seed"))
	if err != nil {
		return a.unmet(err)
	}
	if data, err = assigned(c, data); err != nil {
		return err
	}
	if err := schema.Check(data); err != nil {
		return a.unmet(err)
	}
	e.Data = data
	if c.Bool("print") {
		return a.Data(c, e, func() (string, error) {
			b, err := json.MarshalIndent(e, "", "  ")
			return string(b) + "\n", err
		})
	}
	p, err := cl.Events.Publish(c.Context, e)
	if err != nil {
		return err
	}
	return a.Data(c, p, func() (string, error) { return p.ID + "\n", nil })
}

// schemaOf is the schema in force of an event type.
func (a *commands) schemaOf(c *cli.Context, cl *client.Client, code string) (*sample.Schema, error) {
	info, _ := resource.InfoOf(resource.KindEventType)
	r, err := cl.Resources(info.Kind).Get(c.Context, code)
	if client.StatusOf(err) == http.StatusNotFound {
		return nil, a.NoSuch(c, cl, info, code, "fcctl events trigger")
	}
	if err != nil {
		return nil, err
	}
	t, is := r.(*resource.EventType)
	if !is || t.InForce() == nil {
		return nil, fault.New(fault.Failed, "fcctl events publish --type "+code+" --set NAME=VALUE", "event type %s has no schema to make an example from", code)
	}
	s, err := sample.Read(t.InForce().Schema)
	if err != nil {
		return nil, fault.New(fault.Failed, "", "version %s of %s: %w", t.InForce().Version, code, err)
	}
	return s, nil
}

// unmet shows an example that does not satisfy the schema, and says why.
func (a *commands) unmet(err error) error {
	var u *sample.Unmet
	if errors.As(err, &u) && u.Value != nil {
		if b, jerr := json.Marshal(u.Value); jerr == nil {
			a.Say("%s", view.Pretty(b))
		}
	}
	return fault.New(fault.Failed, "--set NAME=VALUE, or another --seed", "the example is not valid, and nothing was published: %w", err)
}
