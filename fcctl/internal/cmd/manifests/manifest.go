package manifests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/internal/plan"
	"github.com/urfave/cli/v2"
)

// manifestFlags are shared by what reads a manifest.
func manifestFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Value: ".", Usage: "the manifest at `PATH`: a file, a directory of *.fc.hcl, or - for standard input"},
		&cli.StringSliceFlag{Name: "var", Usage: "set a variable, `NAME=VALUE`; may be repeated. ps shows it: for a secret set FCCTL_VAR_name"},
		&cli.StringSliceFlag{Name: "var-file", Usage: "a `FILE` of variables, one name = value per line; may be repeated"},
	}
}

// manifest reads the manifest of a command and shows what is wrong with it.
func (a *commands) manifest(c *cli.Context) (*config.Manifest, config.Diagnostics, error) {
	vars := map[string]string{}
	for _, v := range c.StringSlice("var") {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return nil, nil, fault.Usage(fmt.Sprintf("-var %s has no value", name), fmt.Sprintf("-var %s=…", name))
		}
		vars[strings.TrimSpace(name)] = value
	}
	m, diags := config.LoadManifest(c.String("file"), config.ManifestOptions{
		Vars: vars, VarFiles: c.StringSlice("var-file"), Env: a.Env, Stdin: a.In,
	})
	return m, diags, c.Context.Err() // what was not read to its end is no mistake of the manifest
}

// show writes diagnostics for people; errors end the command.
func (a *commands) show(diags config.Diagnostics) error {
	if err := diags.Render(a.Err, a.ErrColour); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if diags.HasErrors() {
		return fault.Exit(fault.Failed)
	}
	return nil
}

// proposal is a plan that the server has looked at.
type proposal struct {
	plan     *plan.Plan
	manifest *config.Manifest // nil for a plan out of a file
	live     []resource.Resource
	cancels  map[string]int
}

// proposed is the plan of a command that has no arguments.
func (a *commands) proposed(c *cli.Context) (*proposal, error) {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return nil, err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return nil, err
	}
	return a.propose(c, cl)
}

// propose reads the manifest, looks at what is there, plans, and has the
// server check the plan as it would an apply.
func (a *commands) propose(c *cli.Context, cl *client.Client) (*proposal, error) {
	m, diags, err := a.manifest(c)
	if err != nil {
		return nil, err
	}
	if err := a.show(diags); err != nil {
		return nil, err
	}
	d, err := desired(m, c.StringSlice("replace"))
	if err != nil {
		return nil, err
	}
	current, err := live(c.Context, cl, m)
	if err != nil {
		return nil, fmt.Errorf("look at what is there: %w", err)
	}
	if len(current) > 0 && m.Client != "" {
		d.ClientID = current[0].Base().ClientID // the id, where the manifest has the identifier
	}
	if err := coded(c.Context, cl, m.Resources, current); err != nil {
		return nil, fmt.Errorf("look at what is there: %w", err)
	}
	p := &proposal{plan: plan.Make(d, current), manifest: m, live: current}
	p.plan.Server = cl.URL()
	if err := narrow(p.plan, c.StringSlice("target"), "neither declares nor owns"); err != nil {
		return nil, err
	}
	return p, a.check(c.Context, cl, p)
}

// desired is the manifest as the plan wants it.
func desired(m *config.Manifest, replace []string) (plan.Desired, error) {
	d := plan.Desired{Manifest: m.Name, ClientID: m.Client}
	for _, move := range m.Moves {
		d.Moves = append(d.Moves, plan.Move(move))
	}
	var names []string
	for _, r := range m.Resources {
		name := string(r.Kind()) + "." + r.Key()
		names = append(names, name)
		d.Items = append(d.Items, plan.Item{
			Resource: r, Adopt: m.Adopts(r.Kind(), r.Key()), Replace: slices.Contains(replace, name),
			StatusStated: stated(m, r, "status") || stated(m, r, "active"),
		})
	}
	for _, n := range replace {
		if kind, _, _ := strings.Cut(n, "."); slices.Contains(names, n) && resource.Kind(kind).Everywhere() {
			return d, fault.Usage(fmt.Sprintf("-replace %s: others name a %s by its id, so it can not be made anew", n, kind), "")
		}
		if !slices.Contains(names, n) {
			try := "-replace subscription.ship-notifications"
			if near := fault.Nearest(n, names); near != "" {
				try = "-replace " + near
			}
			return d, fault.Usage(fmt.Sprintf("-replace %s: the manifest declares no such resource", n), try)
		}
	}
	return d, nil
}

// check has the server try the plan without changing anything. What it finds
// is shown under the line of the manifest that caused it.
func (a *commands) check(ctx context.Context, cl *client.Client, p *proposal) error {
	if p.plan.Empty() || len(p.plan.Conflicts()) > 0 {
		return nil
	}
	res, err := cl.Apply(ctx, request(p.plan, true))
	switch {
	case client.MaybeDone(err):
		return fault.New(fault.Failed, "again", "no answer came while the server checked the plan, which changes nothing: %w", err)
	case err != nil:
		return a.explain(err, p.manifest)
	}
	p.cancels = map[string]int{}
	for _, r := range res.Results {
		if r.CancelsJobs > 0 {
			p.cancels[r.Code] = r.CancelsJobs
		}
	}
	for _, w := range res.Warnings {
		a.Say("Warning: %s", w)
	}
	return nil
}

// stated says whether the manifest itself writes a field.
func stated(m *config.Manifest, r resource.Resource, field string) bool {
	// Where it does not, Where gives the block around it.
	return m.Where(r.Kind(), r.Key(), field) != m.Where(r.Kind(), r.Key(), "")
}

// explain shows the problems of a refused plan as diagnostics.
func (a *commands) explain(err error, m *config.Manifest) error {
	var e *client.Error
	if m == nil || !errors.As(err, &e) || len(e.Problems) == 0 {
		return err
	}
	var diags config.Diagnostics
	for _, p := range e.Problems {
		if p.Kind == "" {
			return err // not about a resource
		}
		diags = append(diags, m.Diagnostic(p.Kind, p.Code, resource.Problem{Field: p.Field, Detail: p.Detail, Try: p.Try}))
	}
	if shown := a.show(diags); !errors.Is(shown, fault.Exit(fault.Failed)) {
		return shown
	}
	_, code, _ := fault.Judge(err)
	return fault.Exit(code)
}

// request is a plan as the server takes it.
func request(p *plan.Plan, dry bool) client.ApplyRequest {
	r := client.ApplyRequest{Manifest: p.Manifest, ClientID: p.ClientID, DryRun: dry, Changes: []client.ApplyChange{}}
	for _, c := range p.Changes {
		if !c.Action.Changes() {
			continue
		}
		r.Changes = append(r.Changes, client.ApplyChange{
			Action: string(c.Action), Kind: c.Kind, Code: c.Code, ID: c.ID, Revision: c.Revision, From: c.From, Adopt: c.Adopt, Resource: c.Resource,
		})
	}
	return r
}
