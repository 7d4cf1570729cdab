package manifests

import (
	"encoding/json"
	"fmt"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "show what apply would do",
		Description: app.Example("The server checks the plan as it would an apply, and changes nothing. "+
			"A plan in a file holds no secrets, only their fingerprints. -o markdown is a summary for a pull request.",
			"fcctl plan -f orders/", "fcctl plan -f orders/ -var hooks=https://hooks.example.com -out plan.json && fcctl apply -f orders/ plan.json"),
		Flags: append(manifestFlags(),
			targetFlag(),
			&cli.StringSliceFlag{Name: "replace", Usage: "delete this resource and make it anew, `KIND.CODE`; may be repeated"},
			&cli.StringFlag{Name: "out", Usage: "write the plan to a `FILE` for apply"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit 0 without changes, 2 with changes, 1 on error", DisableDefaultText: true},
		),
		Action: a.plan,
	}
}

func (a *commands) plan(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	p, err := a.propose(c, cl)
	if err != nil {
		return err
	}
	if err := a.writePlan(c, p.plan, view.PlanFacts{CancelsJobs: p.cancels}); err != nil {
		return err
	}
	if n := len(p.plan.Conflicts()); n > 0 {
		return conflicts(n)
	}
	if out := c.String("out"); out != "" {
		b, err := json.MarshalIndent(p.plan, "", "  ")
		if err != nil {
			return fmt.Errorf("write the plan: %w", err)
		}
		if err := session.WriteWhole(out, append(b, '\n')); err != nil {
			return err
		}
		next := out
		if p.plan.Sealed() {
			next = "-f " + c.String("file") + " " + out // its secrets are there
		}
		a.Say("The plan is in %s. Next: fcctl apply %s", out, next)
	}
	if c.Bool("detailed-exitcode") && !p.plan.Empty() {
		return fault.Exit(fault.Changes)
	}
	return nil
}

func conflicts(n int) error {
	if n == 1 {
		return fault.New(fault.Conflict, "", "the plan cannot be applied: 1 resource is in conflict")
	}
	return fault.New(fault.Conflict, "", "the plan cannot be applied: %d resources are in conflict", n)
}
