package man

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// page collects the lines of a page.
type page struct{ b strings.Builder }

// line adds a line that is roff already.
func (p *page) line(s string) { p.b.WriteString(s + "\n") }

func (p *page) head(name, version, usage string) {
	p.line(`.TH ` + quoted(strings.ToUpper(name)) + ` 1 "" ` + quoted("fcctl "+version) + ` "FlowCatalyst"`)
	p.section("NAME")
	p.line(escaped(name) + ` \- ` + escaped(usage))
}

func (p *page) section(name string) { p.line(".SH " + quoted(name)) }

// text adds paragraphs. What is indented keeps its lines, as in a terminal.
func (p *page) text(s string) {
	for i, paragraph := range strings.Split(s, "\n\n") {
		if i > 0 {
			p.line(".PP")
		}
		lines := strings.Split(strings.Trim(paragraph, "\n"), "\n")
		if strings.HasPrefix(lines[0], "  ") {
			p.literal(lines)
			continue
		}
		for _, l := range lines {
			p.line(protected(strings.TrimSpace(l)))
		}
	}
}

// literal adds lines as they stand.
func (p *page) literal(lines []string) {
	p.line(".nf")
	for _, l := range lines {
		p.line(protected(l))
	}
	p.line(".fi")
}

// item adds a term, which is roff already, and what it means.
func (p *page) item(term, means string) {
	p.line(".TP")
	p.line(term)
	p.line(protected(means))
}

func (p *page) flags(section string, flags []cli.Flag) {
	begun := false
	for _, f := range flags {
		d, is := f.(cli.DocGenerationFlag)
		if v, has := f.(cli.VisibleFlag); !is || has && !v.IsVisible() {
			continue
		}
		if !begun {
			p.section(section)
			begun = true
		}
		usage := d.GetUsage()
		value := ""
		if _, after, found := strings.Cut(usage, "`"); found {
			value, _, _ = strings.Cut(after, "`")
		}
		var names []string
		for _, n := range f.Names() {
			dashes := "--"
			if len(n) == 1 {
				dashes = "-"
			}
			names = append(names, `\fB`+escaped(dashes+n)+`\fR`)
		}
		term := strings.Join(names, ", ")
		if d.TakesValue() {
			if value == "" {
				value = "VALUE"
			}
			term += ` \fI` + escaped(value) + `\fR`
		}
		usage = strings.ReplaceAll(usage, "`", "")
		if t := d.GetDefaultText(); t != "" && d.TakesValue() {
			usage += " (default: " + t + ")"
		}
		p.item(term, usage)
	}
}

// escaped is a text in which nothing means anything to roff.
func escaped(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "…", "...").Replace(s)
}

// protected is a line that no macro is seen at the beginning of.
func protected(s string) string {
	s = escaped(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	if s == "" {
		return `\&`
	}
	return s
}

// quoted is an argument of a macro.
func quoted(s string) string { return `"` + strings.ReplaceAll(escaped(s), `"`, `\(dq`) + `"` }
