package manifests

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/flowcatalyst/fc/internal/plan"
	"github.com/urfave/cli/v2"
)

// markdownFormat is an output format that only plans have.
const markdownFormat = "markdown"

// Formats are the output formats that a command has beside the usual ones.
func Formats(command string) []string {
	if command == "plan" || command == "show" {
		return []string{markdownFormat}
	}
	return nil
}

func (a *commands) showCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show a plan that is in a file", ArgsUsage: "PLAN",
		Description: app.Example("Without a server. -o markdown is a summary for a pull request, cut at the 65,536 characters that GitHub takes. "+
			"How many open jobs a plan cancels is known to `fcctl plan` alone.",
			"fcctl plan -f orders/ -out plan.json && fcctl show plan.json", "fcctl show plan.json -o markdown > comment.md"),
		Action: a.showPlan,
	}
}

func (a *commands) showPlan(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "fcctl show plan.json"); err != nil {
		return err
	}
	p, err := readPlan(c.Args().First())
	if err != nil {
		return err
	}
	return a.writePlan(c, p, view.PlanFacts{})
}

// writePlan writes a plan in the format that was asked for.
func (a *commands) writePlan(c *cli.Context, p *plan.Plan, f view.PlanFacts) error {
	return a.Data(c, p, func() (string, error) {
		if c.String("output") == markdownFormat {
			return view.PlanMarkdown(p, f), nil
		}
		return view.Plan(p, f, a.Ink()), nil
	})
}

// readPlan reads a plan from a file.
func readPlan(path string) (*plan.Plan, error) {
	if info, err := os.Stat(path); strings.HasSuffix(path, ".hcl") || err == nil && info.IsDir() {
		return nil, fault.Usage(path+" is a manifest, not a plan", "fcctl apply -f "+path)
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Failed, "fcctl plan -out "+path, "there is no plan %s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	p := new(plan.Plan)
	if !json.Valid(b) {
		return nil, fault.New(fault.Failed, "fcctl plan -out plan.json", "%s is not a plan", path)
	}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fault.New(fault.Failed, "fcctl plan -out plan.json", "%s: %w", path, err)
	}
	return p, nil
}
