package view

import (
	"strings"
	"testing"
	"unicode"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/internal/plan"
)

func changed(path, before, after string) *plan.Plan {
	return &plan.Plan{Manifest: "orders", Changes: []plan.Change{{
		Action: plan.Update, Kind: resource.KindSubscription, Code: "orders",
		Attributes: []plan.Attribute{{Path: path, Before: quoted(before), After: quoted(after)}},
	}}}
}

// However long a value is, what differs is seen, for people and in a pull
// request.
func TestWhatDiffersIsShown(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("data.country == 'nowhere' || ", 20)
	for name, c := range map[string]struct{ before, after, wantBefore, wantAfter string }{
		"at the end":   {long + "data.total == 100.0", long + "data.total == 1.0", `|| data.total == 100.0"`, `|| data.total == 1.0"`},
		"in the midst": {long + "eu" + long, long + "us" + long, "'nowhere' || eudata", "'nowhere' || usdata"},
		"at the start": {"x" + long, "y" + long, `"xdata.country`, `"ydata.country`},
		"more text":    {long, long + "true", `'nowhere' || "`, `'nowhere' || true"`},
		"one repeated": {long, long + long, `'nowhere' || "`, "characters) …"},
		"spaces alone": {"a b", "a  b", `"a b"`, `"a  b"`},
		"not visible":  {long + "ab", long + "a\u200bb", `ab"`, `a\u200bb"`},
	} {
		for face, shown := range map[string]string{"plan": Plan(changed("filter", c.before, c.after), PlanFacts{}, Ink{}), "markdown": PlanMarkdown(changed("filter", c.before, c.after), PlanFacts{})} {
			if !strings.Contains(shown, c.wantBefore) || !strings.Contains(shown, c.wantAfter) || len(shown) > 900 {
				t.Errorf("%s, %s:\n%s", name, face, shown)
			}
		}
	}
	p := changed("filter", "", "")
	p.Changes[0].Attributes[0].Before, p.Changes[0].Attributes[0].After = nil, quoted(long+"or this")
	if shown := Plan(p, PlanFacts{}, Ink{}); !strings.Contains(shown, `(489 characters)`) || !strings.Contains(shown, `or this"`) {
		t.Errorf("what is new and long:\n%s", shown)
	}
}

// Nothing in a plan changes the direction of writing or speaks to a terminal.
func TestAPlanHidesNothing(t *testing.T) {
	t.Parallel()
	evil := "a\u202eb\u2066c\u009b31md\x1b[2Je\u200bf"
	p := changed("description", "plain", evil)
	p.Changes[0].Notes, p.Targets = []string{evil}, []string{"subscription." + evil}
	p.Changes = append(p.Changes, plan.Change{Action: plan.Conflict, Kind: resource.KindConnection, Code: evil, Problem: evil, Try: evil})
	for face, shown := range map[string]string{"plan": Plan(p, PlanFacts{}, Ink{}), "markdown": PlanMarkdown(p, PlanFacts{})} {
		if i := strings.IndexFunc(shown, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s has %+q", face, shown[i:i+10])
		}
		if !strings.Contains(shown, `a\u202eb`) {
			t.Errorf("%s shows nothing of it:\n%s", face, shown)
		}
	}
}

// A code may look like an address or a ticket and is neither.
func TestNamesInMarkdownAreNoLinks(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Manifest: "www.evil.example.com", Targets: []string{"connection.www.evil.example.com"}, Changes: []plan.Change{
		{Action: plan.Update, Kind: resource.KindConnection, Code: "www.evil.example.com", From: "GH-1", Owner: "www.evil.example.com", Adopt: true},
		{Action: plan.Conflict, Kind: resource.KindConnection, Code: "GH-1", Problem: `exists and belongs to the manifest "www.evil.example.com"`, Try: "www.evil.example.com"},
		{Action: plan.Create, Kind: resource.KindConnection, Code: "a`www.evil.example.com|"},
	}}
	shown := PlanMarkdown(p, PlanFacts{})
	for _, name := range []string{"www.evil.example.com", "GH-1"} {
		if rest := strings.ReplaceAll(strings.ReplaceAll(shown, "`"+name+"`", ""), "`connection."+name+"`", ""); strings.Contains(rest, name) {
			t.Errorf("%s stands outside of code:\n%s", name, rest)
		}
	}
}

// A plan has the words of the manifest that it was made from.
func TestPlanValuesAreThoseOfManifests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, json, want string }{
		{"rateLimit", "30000", `"500/s"`}, {"rateLimit", "100", `"100/m"`}, {"timeoutSeconds", "90", `"1m30s"`},
		{"validation", `"WARN"`, `"warn"`}, {"type", `"INTEGRATION"`, `"integration"`}, {"concurrencyMode", `"FIXED"`, `"fixed"`},
		{"auth.type", `"API_KEY"`, `"api_key"`}, {"status", `"PAUSED"`, `"PAUSED"`},
	} {
		if got := value(c.path, []byte(c.json), false); got != c.want {
			t.Errorf("%s %s: %s", c.path, c.json, got)
		}
	}
}
