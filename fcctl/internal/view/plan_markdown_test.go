package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/internal/golden"
	"github.com/flowcatalyst/fc/internal/plan"
)

func quoted(s string) json.RawMessage {
	b, _ := json.Marshal(s) // a string always encodes
	return b
}

// Values that would break the page stay where they belong.
func TestPlanAsMarkdown(t *testing.T) {
	t.Parallel()
	evil := "a | b ````\n</details><script>alert(1)</script> @octocat ![x](https://example.com) $x$"
	p := &plan.Plan{Manifest: "orders", Changes: []plan.Change{
		{Action: plan.Create, Kind: resource.KindConnection, Code: "hooks", Attributes: []plan.Attribute{
			{Path: "url", After: quoted("https://hooks.example.com")}, {Path: "status", After: quoted("ACTIVE")},
			{Path: "signing.secret", After: quoted("sha256:27687a785da6"), Secret: true},
		}},
		{Action: plan.Update, Kind: resource.KindSubscription, Code: "orders", Drift: true, Notes: []string{"is PAUSED and stays so"}, Attributes: []plan.Attribute{
			{Path: "description", Before: quoted("plain"), After: quoted(evil)}, {Path: "timeoutSeconds", Before: json.RawMessage("30"), After: json.RawMessage("60")},
		}},
		{Action: plan.Delete, Kind: resource.KindSubscription, Code: "old", Attributes: []plan.Attribute{{Path: "mode", Before: quoted("IMMEDIATE")}}},
		{Action: plan.Conflict, Kind: resource.KindDispatchPool, Code: "priority", Problem: `exists and belongs to the manifest "a|b` + "\n" + `<b>"`, Try: "adopt = true in its block"},
		{Action: plan.NoOp, Kind: resource.KindDispatchPool, Code: "same"},
	}}
	got := PlanMarkdown(p, PlanFacts{CancelsJobs: map[string]int{"old": 3}})
	golden.String(t, "plan.md", got)
	if !strings.Contains(got, "\n`````diff\n") || strings.Contains(got, "\n````\n") {
		t.Error("a fence can be broken out of")
	}
	golden.String(t, "plan-empty.md", PlanMarkdown(&plan.Plan{Manifest: "orders"}, PlanFacts{}))
}

// What GitHub would refuse is cut, between resources, and says so.
func TestLongMarkdownIsCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		resources int
		length    int
		mark      string
	}{{300, 300, "the attributes of "}, {3000, 10, " resources are not in the table"}} {
		p := &plan.Plan{Manifest: "orders"}
		for i := range c.resources {
			p.Changes = append(p.Changes, plan.Change{Action: plan.Create, Kind: resource.KindConnection, Code: fmt.Sprintf("hooks-%d", i),
				Attributes: []plan.Attribute{{Path: "description", After: quoted(strings.Repeat("ü`", c.length))}}})
		}
		got := PlanMarkdown(p, PlanFacts{})
		if len(got) > MarkdownLimit || len(got) < MarkdownLimit/2 || !strings.Contains(got, c.mark) {
			t.Errorf("%d resources: %d bytes, which end with\n%s", c.resources, len(got), got[len(got)-300:])
		}
		if open, closed := strings.Count(got, "<details>"), strings.Count(got, "</details>"); open != closed {
			t.Errorf("%d are open and %d closed", open, closed)
		}
	}
}
