package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/internal/plan"
)

// MarkdownLimit is how long a comment on GitHub may be, in characters. Bytes
// are counted, which are never fewer.
const MarkdownLimit = 65536

// PlanMarkdown is a plan as a comment on a pull request: a line that counts, a
// row for each resource and, folded, what happens to its attributes. Whatever
// the values hold, they stay within their place on the page.
func PlanMarkdown(p *plan.Plan, f PlanFacts) string {
	m := &markdown{left: MarkdownLimit - 300} // for the mark
	m.add("### " + prose(strings.TrimSuffix(summary(p, Ink{}), ".\n")) + "\n\n")
	if s := partial(p, inCode); s != "" {
		m.add(s + "\n\n")
	}
	if head, rest := loss(p); head != "" {
		m.add("**" + prose(head) + "**" + rest + "\n\n")
	}
	var shown []plan.Change
	for _, c := range p.Changes {
		if c.Action != plan.NoOp || len(c.Notes) > 0 {
			shown = append(shown, c)
		}
	}
	if len(shown) == 0 {
		return m.String()
	}
	if n := len(p.Conflicts()); n > 0 {
		m.add(fmt.Sprintf("**The plan cannot be applied: %s in conflict.**\n\n", count(n, "resource")))
	}
	m.add("| | Resource | |\n|---|---|---|\n")
	for _, c := range shown {
		m.each(fmt.Sprintf("| %s | %s %s | %s |\n", inCode(sign(c.Action, Ink{})), plainText(string(c.Kind)), inCode(c.Code), markdownRemarks(c, f)))
	}
	if rows := m.cut; rows > 0 {
		return m.String() + cutMark(fmt.Sprintf("%s not in the table", count(rows, "resource")+" "+isAre(rows)))
	}
	m.add("\n")
	for _, c := range shown {
		if d := details(c); d != "" {
			m.each(d)
		}
	}
	if m.cut > 0 {
		return m.String() + cutMark(fmt.Sprintf("the attributes of %s are not shown", count(m.cut, "resource")))
	}
	return m.String()
}

func cutMark(what string) string {
	return "\n**Cut at GitHub's limit of 65,536 characters:** " + what + ". `fcctl plan`, or `fcctl show` with the plan's file, shows all.\n"
}

// markdown is a page of bounded length.
type markdown struct {
	strings.Builder
	left int
	cut  int // how many parts did not fit
}

func (m *markdown) add(s string) {
	m.left -= len(s)
	m.WriteString(s)
}

// each adds one of many parts, if there is room for it.
func (m *markdown) each(s string) {
	if len(s) > m.left {
		m.cut++
		return
	}
	m.add(s)
}

// markdownRemarks is what a reviewer should not overlook about a change.
func markdownRemarks(c plan.Change, f PlanFacts) string {
	words := map[plan.Action]string{plan.Create: "create", plan.Update: "update", plan.Replace: "replace", plan.Delete: "delete", plan.Conflict: "conflict"}
	parts := []string{words[c.Action]}
	if s := strings.Trim(remark(c, f, Ink{}), "()"); s != "" {
		parts = append(parts, "**"+prose(s)+"**")
	}
	if c.Problem != "" {
		parts = append(parts, "**"+prose(c.Problem)+"** Try: "+prose(c.Try))
	}
	for _, n := range c.Notes {
		parts = append(parts, prose(n))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

// details are the attributes of a change, folded.
func details(c plan.Change) string {
	var rows []row
	for _, at := range c.Attributes {
		if c.Action != plan.Create || !usual(c.Code, at) {
			rows = append(rows, rowOf(at))
		}
	}
	if len(rows) == 0 {
		return ""
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.name+a.before+a.after, b.name+b.before+b.after) })
	var b strings.Builder
	for _, r := range rows {
		if r.before != "" {
			b.WriteString("- " + r.name + " = " + r.before + "\n")
		}
		if r.after != "" {
			b.WriteString("+ " + r.name + " = " + r.after + "\n")
		}
	}
	fence := fenceFor(b.String())
	return fmt.Sprintf("<details><summary>%s %s %s</summary>\n\n%sdiff\n%s%s\n\n</details>\n\n",
		sign(c.Action, Ink{}), plainText(string(c.Kind)), inHTMLCode(c.Code), fence, b.String(), fence)
}

// fenceFor is a fence longer than any in the text.
func fenceFor(s string) string {
	longest, run := 2, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return strings.Repeat("`", longest+1)
}

// inCode is a name as code. In a code span nothing is a link, a mention or
// markup; what could end one, or a cell of the table, is written as references.
func inCode(s string) string {
	s = oneLine(s)
	if s == "" || strings.ContainsAny(s, "`|\\") {
		return inHTMLCode(s)
	}
	return "`" + s + "`"
}

// inHTMLCode is a name as code where no Markdown is read.
func inHTMLCode(s string) string { return "<code>" + plainText(s) + "</code>" }

// prose is a text of ours with names in quotes, which become code.
func prose(s string) string {
	parts := strings.Split(s, `"`)
	if len(parts)%2 == 0 || strings.Contains(s, `\"`) {
		return plainText(s)
	}
	for i, part := range parts {
		if i%2 == 1 && part != "" {
			parts[i] = inCode(part)
		} else {
			parts[i] = plainText(part)
		}
	}
	return strings.Join(parts, "")
}

// plainText is a text that means nothing in Markdown or HTML: what could is
// written as a character reference.
func plainText(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s) {
		switch {
		case strings.ContainsRune("&<>`|*_[]\\~#@!$", r):
			fmt.Fprintf(&b, "&#%d;", r)
		case r == '/' && strings.HasSuffix(b.String(), ":"), r == '.' && strings.HasSuffix(strings.ToLower(b.String()), "www"):
			fmt.Fprintf(&b, "&#%d;", r) // no link of itself
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
