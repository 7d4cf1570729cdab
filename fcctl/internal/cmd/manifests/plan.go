package manifests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/fcctl/internal/shell"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/flowcatalyst/fc/internal/plan"
	"github.com/urfave/cli/v2"
)

func (a *commands) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "show what apply would do",
		Description: app.Example("The server checks the plan as it would an apply, and changes nothing. "+
			"A plan in a file holds no secrets, only their fingerprints. -o markdown is a summary for a pull request.",
			"fcctl plan -f orders/", "fcctl plan -f orders/ -var hooks=https://hooks.example.com -out plan.json && fcctl apply -f orders/ plan.json"),
		Flags: append(planFlags(),
			&cli.StringFlag{Name: "out", Usage: "write the plan to a `FILE` for apply"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit 0 without changes, 2 with changes, 1 on error", DisableDefaultText: true},
		),
		Action: a.plan,
	}
}

func (a *commands) plan(c *cli.Context) error {
	err := a.planInto(c, c.String("out"))
	if out := c.String("out"); out != "" && err != nil && !errors.Is(err, fault.Exit(fault.Changes)) {
		if there, no := os.Stat(out); no == nil && there.Mode().IsRegular() {
			a.Say("%s holds an earlier plan, and not this one", out)
		}
	}
	return err
}

func (a *commands) planInto(c *cli.Context, out string) error {
	p, err := a.proposed(c)
	if err != nil {
		return err
	}
	if err := a.writePlan(c, p.plan, view.PlanFacts{CancelsJobs: p.cancels}); err != nil {
		return err
	}
	if err := unhindered(p.plan); err != nil {
		return err
	}
	if out != "" {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false) // people read it, and filters have a ">"
		if err := e.Encode(p.plan); err != nil {
			return fmt.Errorf("write the plan: %w", err)
		}
		if err := session.WriteWhole(out, b.Bytes(), 0o600); err != nil {
			return err
		}
		if p.plan.Empty() {
			a.Say("The plan is in %s. There is nothing to apply", out)
		} else {
			a.Say("The plan is in %s. Next: fcctl apply %s", out, strings.Join(applyArguments(c, p.plan, out), " "))
		}
	}
	if c.Bool("detailed-exitcode") && !p.plan.Empty() {
		return fault.Exit(fault.Changes)
	}
	return nil
}

// applyArguments are what apply needs for a plan in a file: its secrets are
// where the manifest is, read with the same variables.
func applyArguments(c *cli.Context, p *plan.Plan, out string) []string {
	var args []string
	if p.HoldsSecrets() {
		if f := c.String("file"); f != "." {
			args = append(args, "-f", shell.Quote(f))
		}
		for _, f := range c.StringSlice("var-file") {
			args = append(args, "-var-file", shell.Quote(f))
		}
		for _, v := range c.StringSlice("var") {
			args = append(args, "-var", shell.Quote(v))
		}
	}
	return append(args, shell.Quote(out))
}

// unhindered fails if something stands in the way of a plan.
func unhindered(p *plan.Plan) error {
	switch n := len(p.Conflicts()); n {
	case 0:
		return nil
	case 1:
		return fault.New(fault.Conflict, "", "the plan cannot be applied: 1 resource is in conflict")
	default:
		return fault.New(fault.Conflict, "", "the plan cannot be applied: %d resources are in conflict", n)
	}
}
