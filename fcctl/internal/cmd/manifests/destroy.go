package manifests

import (
	"fmt"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/flowcatalyst/fc/internal/plan"
	"github.com/urfave/cli/v2"
)

func (a *commands) destroyCommand() *cli.Command {
	return &cli.Command{
		Name: "destroy", Usage: "delete all that a manifest owns",
		Description: app.Example("Shows what goes and asks. All of it goes or nothing; what is protected keeps all of it. The manifest is read for its name "+
			"and client alone, but must be valid; --manifest needs no files. With -target only what is named goes, and nothing that it names itself.",
			"fcctl destroy -f orders/", "fcctl destroy -f orders/ -target subscription.ship", "fcctl destroy --manifest orders --client acme --yes"),
		Flags: append(manifestFlags(),
			&cli.StringSliceFlag{Name: "target", Usage: "only this resource, `KIND.CODE`; may be repeated"},
			&cli.StringFlag{Name: "manifest", Usage: "the `NAME` of the manifest, instead of reading it"},
			&cli.StringFlag{Name: "client", Usage: "with --manifest: the client's `ID` or identifier; by default anchor level"},
			&cli.BoolFlag{Name: "auto-approve", Aliases: []string{"yes", "y"}, Usage: "do not ask", DisableDefaultText: true},
		),
		Action: a.destroy,
	}
}

func (a *commands) destroy(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	m, err := a.owning(c)
	if err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	current, err := live(c.Context, cl, m)
	if err != nil {
		return fmt.Errorf("look at what is there: %w", err)
	}
	if len(current) == 0 {
		if err := a.knownClient(c, cl, m.Client); err != nil {
			return err
		}
	}
	d := plan.Desired{Manifest: m.Name, ClientID: m.Client}
	if len(current) > 0 && m.Client != "" {
		d.ClientID = current[0].Base().ClientID // the id, where the manifest has the identifier
	}
	p := &proposal{plan: plan.Make(d, current), live: current}
	if err := narrow(p.plan, c.StringSlice("target"), "does not own"); err != nil {
		return err
	}
	if err := a.check(c.Context, cl, p); err != nil {
		return err
	}
	res := &client.ApplyResult{Results: []client.ApplyOutcome{}}
	if p.plan.Empty() {
		a.Say("The manifest %q owns nothing here%s", m.Name, a.others(c, cl, m))
	} else {
		if err := a.approveDestroy(c, p); err != nil {
			return err
		}
		if res, err = a.carryOut(c.Context, cl, p); err != nil {
			return err
		}
	}
	return a.Data(c, res, func() (string, error) { return view.Applied(res, a.Ink()), nil })
}

// owning is the manifest whose resources go: its name and client.
func (a *commands) owning(c *cli.Context) (*config.Manifest, error) {
	if name := c.String("manifest"); name != "" {
		if c.IsSet("file") {
			return nil, fault.Usage("-f and --manifest both say which manifest", "one of the two")
		}
		return &config.Manifest{Name: name, Client: c.String("client")}, nil
	}
	if c.String("client") != "" {
		return nil, fault.Usage("--client goes with --manifest; a manifest in files names its client itself", "fcctl destroy --manifest NAME --client "+c.String("client"))
	}
	m, diags, err := a.manifest(c)
	if err != nil {
		return nil, err
	}
	if err := a.show(diags); err != nil {
		a.Say("Try: fcctl destroy --manifest NAME, which reads no files")
		return nil, err
	}
	return m, nil
}

// approveDestroy shows what goes, and asks.
func (a *commands) approveDestroy(c *cli.Context, p *proposal) error {
	fmt.Fprint(a.Err, view.Plan(p.plan, view.PlanFacts{CancelsJobs: p.cancels}, a.ErrInk()))
	if err := unhindered(p.plan); err != nil {
		return err
	}
	jobs := 0
	for _, n := range p.cancels {
		jobs += n
	}
	if jobs > 0 {
		a.Say("Open jobs that are cancelled: %d", jobs)
	}
	return a.approve(c)
}
