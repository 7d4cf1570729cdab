package manifests

import (
	"context"
	"fmt"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/internal/plan"
	"github.com/urfave/cli/v2"
)

// planned reads a plan from a file, gives it its secrets back, and has it
// checked: by the server as an apply, and for whether it shows what it does.
func (a *commands) planned(c *cli.Context, cl *client.Client) (*proposal, error) {
	path := c.Args().First()
	p, err := readPlan(path)
	if err != nil {
		return nil, err
	}
	if p.Server != "" && p.Server != cl.URL() {
		return nil, fault.New(fault.Conflict, "fcctl plan for this server, or --url for that one",
			"the plan was made for the server %q, and this is %q; nothing was changed", p.Server, cl.URL())
	}
	proposed := &proposal{plan: p}
	if p.Sealed() {
		m, diags, err := a.manifest(c)
		if err != nil {
			return nil, err
		}
		if err := a.show(diags); err != nil {
			a.Say("The plan holds no secrets: they are read from the manifest. Try: -f PATH, and the variables that the plan was made with")
			return nil, err
		}
		if m.Name != p.Manifest {
			return nil, fault.New(fault.Failed, "-f PATH of that manifest", "the plan is of manifest %q, and %s is %q", p.Manifest, c.String("file"), m.Name)
		}
		if proposed.plan, err = p.Unsealed(m.Resources); err != nil {
			return nil, fault.New(fault.Conflict, "fcctl plan, and look at it again", "%w", err)
		}
		proposed.manifest = m
	}
	if err := a.check(c.Context, cl, proposed); err != nil {
		return nil, err // which also says whether the plan is stale
	}
	if err := verify(c.Context, cl, proposed.plan, path); err != nil {
		if stale := a.check(c.Context, cl, proposed); stale != nil {
			return nil, stale // somebody was between the two looks
		}
		return nil, err
	}
	return proposed, nil
}

// verify refuses a plan whose text and resources differ.
func verify(ctx context.Context, cl *client.Client, p *plan.Plan, path string) error {
	if p.Empty() || len(p.Conflicts()) > 0 {
		return nil // it does nothing
	}
	m := &config.Manifest{Name: p.Manifest, Client: p.ClientID}
	for _, ch := range p.Changes {
		if ch.Resource != nil {
			m.Resources = append(m.Resources, ch.Resource)
		}
	}
	current, err := live(ctx, cl, m)
	if err != nil {
		return fmt.Errorf("look at what is there: %w", err)
	}
	if err := coded(ctx, cl, current); err != nil {
		return fmt.Errorf("look at what is there: %w", err)
	}
	if err := p.Verify(current); err != nil {
		return fault.New(fault.Conflict, "fcctl plan -out "+path+", and look at it again", "%w; nothing was changed", err)
	}
	return nil
}
