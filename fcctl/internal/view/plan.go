package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/internal/plan"
)

// PlanFacts is what the server knows about a plan beyond the plan itself.
type PlanFacts struct {
	// CancelsJobs is how many open jobs end with a deleted subscription, by
	// its code.
	CancelsJobs map[string]int
}

// Plan is a plan for people: what happens to each resource, attribute by
// attribute, and a last line that counts.
func Plan(p *plan.Plan, f PlanFacts, ink Ink) string {
	var b strings.Builder
	for _, c := range p.Changes {
		if c.Action == plan.NoOp && len(c.Notes) == 0 {
			continue
		}
		b.WriteString(change(c, f, ink))
		b.WriteByte('\n')
	}
	b.WriteString(summary(p, ink))
	if head, rest := loss(p); head != "" {
		b.WriteString(ink.Red(head) + rest + "\n")
	}
	if s := partial(p, oneLine); s != "" {
		b.WriteString(ink.Yellow(s) + "\n")
	}
	return b.String()
}

func change(c plan.Change, f PlanFacts, ink Ink) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %q", sign(c.Action, ink), c.Kind, c.Code)
	if s := remark(c, f, ink); s != "" {
		b.WriteString("  " + s)
	}
	b.WriteByte('\n')
	for _, n := range c.Notes {
		b.WriteString("    " + ink.Dim("# "+oneLine(n)) + "\n")
	}
	if c.Action == plan.Conflict {
		b.WriteString("    " + ink.Red(oneLine(c.Problem)) + "\n    Try: " + oneLine(c.Try) + "\n")
		return b.String()
	}
	if c.Action == plan.Delete {
		return b.String()
	}
	var rows []row
	width := 0
	for _, at := range c.Attributes {
		if c.Action == plan.Create && usual(c.Code, at) {
			continue
		}
		r := rowOf(at)
		rows, width = append(rows, r), max(width, utf8.RuneCountInString(r.name))
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.before+a.after, b.before+b.after))
	})
	for _, r := range rows {
		b.WriteString("    " + r.text(c.Action, width, ink) + "\n")
	}
	return b.String()
}

// row is an attribute in the words of HCL.
type row struct {
	name          string
	before, after string // empty where there is none
}

func rowOf(a plan.Attribute) row {
	name := hclName(a.Path)
	for _, v := range []json.RawMessage{a.Before, a.After} {
		// An element of a list is its name's value.
		if element := "[" + string(v) + "]"; v != nil && strings.HasSuffix(a.Path, element) && !strings.HasPrefix(a.Path, "headers[") {
			name = strings.TrimSuffix(name, element)
		}
	}
	before, after := value(a.Path, a.Before, a.Secret), value(a.Path, a.After, a.Secret)
	if before != "" && after != "" {
		before, after = whereTheyDiffer(before, after)
	}
	return row{name: oneLine(name), before: oneLine(clip(before)), after: oneLine(clip(after))}
}

// usual says that a new resource has an attribute as almost every resource
// does, and that nobody would miss the line.
func usual(code string, a plan.Attribute) bool {
	v := strings.Trim(string(a.After), `"`)
	switch a.Path {
	case "name":
		return v == code
	case "displayName":
		return strings.HasSuffix(code, ":"+v)
	case "active":
		return v == "true"
	case "status":
		return v == resource.SubscriptionActive || v == resource.EventTypeCurrent
	case "sequence":
		return v == "99"
	case "delaySeconds":
		return v == "0"
	case "retryStrategy":
		return v == resource.StrategySchedule
	case "signing.scheme":
		return v == resource.SchemeNone
	case "concurrencyMode":
		return v == resource.ConcurrencyFixed
	case "auth.clientAuth":
		return v == "basic"
	}
	return strings.HasPrefix(a.Path, "specVersions[") && strings.HasSuffix(a.Path, "].status") && v == "FINALISING"
}

// sign is what stands before a resource: + ~ - ±, ! for a conflict.
func sign(a plan.Action, ink Ink) string {
	switch a {
	case plan.Create:
		return ink.Green("+")
	case plan.Update:
		return ink.Yellow("~")
	case plan.Replace:
		return ink.Yellow("±")
	case plan.Delete:
		return ink.Red("-")
	case plan.Conflict:
		return ink.Red("!")
	}
	return " "
}

// remark is what a person should not overlook about a change.
func remark(c plan.Change, f PlanFacts, ink Ink) string {
	var rs []string
	if c.Drift {
		rs = append(rs, "changed by somebody else since the last apply")
	}
	if c.From != "" {
		rs = append(rs, fmt.Sprintf("renamed from %q", c.From))
	}
	if c.Adopt {
		owner := "nobody"
		if c.Owner != "" {
			owner = fmt.Sprintf("manifest %q", c.Owner)
		}
		rs = append(rs, "taken over from "+owner)
	}
	if c.Action == plan.Replace {
		rs = append(rs, "deleted and made anew")
	}
	if n := f.CancelsJobs[c.Code]; n > 0 && c.Kind == resource.KindSubscription && (c.Action == plan.Delete || c.Action == plan.Replace) {
		rs = append(rs, "cancels "+count(n, "open job"))
	}
	if len(rs) == 0 {
		return ""
	}
	return ink.Yellow("(" + strings.Join(rs, "; ") + ")")
}

func (r row) text(action plan.Action, width int, ink Ink) string {
	sign, values := "", ""
	switch {
	case action == plan.Create:
		values = r.after
	case r.before == "":
		sign, values = ink.Green("+")+" ", r.after
	case r.after == "":
		sign, values = ink.Red("-")+" ", r.before
	default:
		sign, values = ink.Yellow("~")+" ", r.before+" → "+r.after
	}
	return sign + r.name + strings.Repeat(" ", width-utf8.RuneCountInString(r.name)) + " = " + values
}

// renamed are the attributes whose names differ between the API and HCL by
// more than their case.
var renamed = map[string]string{
	"connectTimeoutSeconds": "connect_timeout", "firstByteTimeoutSeconds": "first_byte_timeout",
	"adaptiveMinConcurrency": "min_concurrency", "adaptiveMaxConcurrency": "max_concurrency",
	"timeoutSeconds": "timeout", "maxAgeSeconds": "max_age", "delaySeconds": "delay",
	"retrySchedule": "retry.schedule", "retryJitter": "retry.jitter", "retryStrategy": "retry.strategy", "retryOn": "retry.on",
	"displayName": "name", "clientIds": "clients", "applicationId": "application",
	"connectionCode": "connection", "dispatchPoolCode": "pool", "eventTypes": "event_types", "specVersions": "schema",
}

// hclName is the name under which people wrote an attribute.
func hclName(path string) string {
	head, rest := path, ""
	if i := strings.IndexAny(path, ".["); i >= 0 {
		head, rest = path[:i], path[i:]
	}
	if n, ok := renamed[head]; ok {
		head = n
	} else {
		head = snake(head)
	}
	if head == "auth" || head == "tls" {
		rest = snake(rest)
	}
	if head == "schema" {
		rest = strings.Replace(rest, "].schema", "].body", 1)
	}
	return head + rest
}

func snake(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func summary(p *plan.Plan, ink Ink) string {
	if p.Empty() && len(p.Targets) > 0 {
		return "No changes to what is targeted.\n"
	}
	if p.Empty() {
		return fmt.Sprintf("No changes. %s of manifest %q %s as declared.\n", count(len(p.Changes), "resource"), p.Manifest, isAre(len(p.Changes)))
	}
	var parts []string
	for _, w := range []struct {
		a    plan.Action
		word string
	}{{plan.Create, "to create"}, {plan.Update, "to update"}, {plan.Replace, "to replace"}, {plan.Delete, "to delete"}, {plan.NoOp, "unchanged"}, {plan.Conflict, "in conflict"}} {
		if n := p.Count(w.a); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, w.word))
		}
	}
	of := ""
	if p.ClientID != "" {
		of = fmt.Sprintf(" of client %q", p.ClientID)
	}
	return ink.Bold("Plan") + fmt.Sprintf(" for manifest %q%s: %s.\n", p.Manifest, of, strings.Join(parts, ", "))
}

// loss warns of a plan that leaves nothing of what the manifest had: an empty
// directory, or a name that another directory has, too.
func loss(p *plan.Plan) (head, rest string) {
	n := p.Count(plan.Delete)
	switch {
	case n == 0 || !p.LosesAll():
		return "", ""
	case n == len(p.Changes):
		return "Nothing will be left:", " this deletes all that the manifest owns."
	}
	return fmt.Sprintf("Nothing of what manifest %q has will be left:", p.Manifest), " is the name that of another directory, too?"
}

// Count is a number of things.
func Count(n int, noun string) string { return count(n, noun) }

// partial says that a plan is not about all of its manifest.
func partial(p *plan.Plan, name func(string) string) string {
	if len(p.Targets) == 0 {
		return ""
	}
	var targets []string
	for _, t := range p.Targets {
		targets = append(targets, name(t))
	}
	dependencies := " and what that depends on"
	if p.Count(plan.Delete) == len(p.Changes) {
		dependencies = "" // what is deleted takes nothing along
	}
	return "This plan is partial: " + strings.Join(targets, ", ") + dependencies + ". It leaves out " + count(p.LeftOut, "change") + " of the manifest."
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// Applied says what an apply did.
func Applied(r *client.ApplyResult, ink Ink) string {
	if len(r.Results) == 0 {
		return "Nothing to do.\n"
	}
	var b strings.Builder
	for _, o := range r.Results {
		fmt.Fprintf(&b, "%s %s %q", sign(plan.Action(o.Action), ink), o.Kind, o.Code)
		if o.ID != "" {
			b.WriteString(ink.Dim("  " + o.ID))
		}
		if o.CancelsJobs > 0 {
			b.WriteString(ink.Yellow("  cancelled " + count(o.CancelsJobs, "open job")))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s %s.\n", ink.Green("Applied"), count(len(r.Results), "change"))
	return b.String()
}

// Counted is "3 resources (1 connection, 2 subscriptions)".
func Counted(total int, kinds map[resource.Kind]int) string {
	var parts []string
	for _, info := range resource.Declared() {
		if n := kinds[info.Kind]; n > 0 {
			parts = append(parts, count(n, info.Title))
		}
	}
	s := count(total, "resource")
	if len(parts) > 0 {
		s += " (" + strings.Join(parts, ", ") + ")"
	}
	return s
}
