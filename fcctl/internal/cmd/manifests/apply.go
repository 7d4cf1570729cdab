package manifests

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) applyCommand() *cli.Command {
	return &cli.Command{
		Name: "apply", Usage: "make the server's resources what a manifest declares", ArgsUsage: "[PLAN]",
		Description: app.Example("All of it happens or nothing. With a plan from `fcctl plan -out` exactly that plan is applied, "+
			"or refused whole if anything has changed since; its secrets are read from the manifest (-f).",
			"fcctl apply -f orders/", "fcctl apply -f orders/ -auto-approve", "fcctl apply -f orders/ -target connection.warehouse", "fcctl apply -f orders/ plan.json"),
		Flags: append(planFlags(),
			&cli.BoolFlag{Name: "auto-approve", Usage: "do not ask", DisableDefaultText: true},
		),
		Action: a.apply,
	}
}

func (a *commands) apply(c *cli.Context) error {
	if err := app.Arguments(c, 0, 1, ""); err != nil {
		return err
	}
	if c.NArg() == 1 && len(c.StringSlice("target")) > 0 {
		return fault.Usage("-target narrows a plan, and this one is made already", "fcctl plan -target KIND.CODE -out plan.json")
	}
	if c.NArg() == 1 && len(c.StringSlice("replace")) > 0 {
		return fault.Usage("-replace changes a plan, and this one is made already", "fcctl plan -replace KIND.CODE -out plan.json")
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	var p *proposal
	if c.NArg() == 1 {
		p, err = a.planned(c, cl)
	} else {
		p, err = a.propose(c, cl)
	}
	if err != nil {
		return err
	}
	fmt.Fprint(a.Err, view.Plan(p.plan, view.PlanFacts{CancelsJobs: p.cancels}, a.ErrInk()))
	if err := unhindered(p.plan); err != nil {
		return err
	}
	res := &client.ApplyResult{Results: []client.ApplyOutcome{}}
	if !p.plan.Empty() {
		if err := a.approve(c); err != nil {
			return err
		}
		if res, err = a.carryOut(c.Context, cl, p); err != nil {
			return err
		}
	}
	return a.Data(c, res, func() (string, error) { return view.Applied(res, a.Ink()), nil })
}

// carryOut applies a plan. Without an answer it is not known whether that has
// happened, and nobody shall be told otherwise.
func (a *commands) carryOut(ctx context.Context, cl *client.Client, p *proposal) (*client.ApplyResult, error) {
	res, err := cl.Apply(ctx, request(p.plan, false))
	switch {
	case err == nil:
		return res, nil
	case client.MaybeDone(err):
		return nil, fault.New(fault.Failed, "fcctl plan, which shows what is left to do; to apply again is safe",
			"no answer came, so that all of it has been applied or nothing has: %w", err)
	}
	return nil, a.explain(err, p.manifest)
}

// approve asks, unless it was told not to.
func (a *commands) approve(c *cli.Context) error {
	if c.Bool("auto-approve") {
		return nil
	}
	if !a.Terminal || c.String("file") == "-" {
		return fault.New(fault.Failed, "-auto-approve, once you have looked at the plan", "there is no terminal to ask at; nothing was changed")
	}
	answer, err := a.Ask(bufio.NewReader(a.In), "Apply this plan? Only \"yes\" does: ")
	if err != nil {
		return err
	}
	if strings.ToLower(answer) != "yes" {
		return fault.New(fault.Failed, "", "not approved; nothing was changed")
	}
	return nil
}
