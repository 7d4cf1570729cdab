package man

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// Page is one page of the manual.
type Page struct {
	// Name is the page's, such as fcctl-jobs-list; its file has ".1" after it.
	Name string
	Text string
}

// Pages are all of them: fcctl's own and then one for each command.
func Pages(root *cli.App) []Page {
	pages := []Page{{"fcctl", mainPage(root)}}
	var walk func(path []string, cs []*cli.Command)
	walk = func(path []string, cs []*cli.Command) {
		for _, c := range cs {
			if c.Hidden {
				continue
			}
			at := append(slices.Clone(path), c.Name)
			pages = append(pages, Page{strings.Join(at, "-"), commandPage(root, at, c)})
			walk(at, c.Subcommands)
		}
	}
	walk([]string{"fcctl"}, root.Commands)
	return pages
}

// mainPage is fcctl(1): what all commands have in common.
func mainPage(root *cli.App) string {
	var p page
	p.head("fcctl", root.Version, root.Usage)
	p.section("SYNOPSIS")
	p.line(`\fBfcctl\fR [\fIflags\fR] \fIcommand\fR [\fIarguments\fR]`)
	p.section("DESCRIPTION")
	p.text(root.Description)
	p.line(".PP")
	p.text("Flags may stand anywhere. Data goes to standard output, everything else to standard error.")
	heading := ""
	p.section("COMMANDS")
	for _, c := range visible(root.Commands) {
		if c.Category != heading {
			heading = c.Category
			p.line(".SS " + quoted(heading))
		}
		p.item(`\fBfcctl\-`+escaped(c.Name)+`\fR(1)`, c.Usage)
	}
	p.flags("OPTIONS", root.Flags)
	p.section("ENVIRONMENT")
	for _, v := range Environment {
		p.item(`\fB`+escaped(v.Name)+`\fR`, v.Means)
	}
	p.section("FILES")
	p.item(`\fI$XDG_CONFIG_HOME/flowcatalyst/fcctl.json\fR`, "contexts and their sessions, else in ~/.config; readable by their owner only")
	p.section("EXIT STATUS")
	for _, m := range fault.Meanings {
		p.item(fmt.Sprintf(`\fB%d\fR`, m.Code), m.Means)
	}
	return p.b.String()
}

// commandPage is the page of one command.
func commandPage(root *cli.App, path []string, c *cli.Command) string {
	var p page
	name := strings.Join(path, "-")
	p.head(name, root.Version, c.Usage)
	p.section("SYNOPSIS")
	synopsis := `\fB` + escaped(strings.Join(path, " ")) + `\fR [\fIflags\fR]`
	if c.ArgsUsage != "" {
		synopsis += ` \fI` + escaped(c.ArgsUsage) + `\fR`
	}
	if len(c.Subcommands) > 0 {
		synopsis += ` [\fIcommand\fR]`
	}
	p.line(synopsis)
	about, examples, _ := strings.Cut(c.Description, "Examples:\n")
	p.section("DESCRIPTION")
	p.text(sentence(c.Usage))
	if about = strings.TrimSpace(about); about != "" {
		p.line(".PP")
		p.text(about)
	}
	if subs := visible(c.Subcommands); len(subs) > 0 {
		p.section("COMMANDS")
		for _, s := range subs {
			p.item(`\fB`+escaped(name+"-"+s.Name)+`\fR(1)`, s.Usage)
		}
	}
	p.flags("OPTIONS", c.Flags)
	if examples = strings.TrimRight(examples, "\n "); examples != "" {
		p.section("EXAMPLES")
		p.literal(strings.Split(examples, "\n"))
	}
	p.section("SEE ALSO")
	p.line(`\fBfcctl\fR(1), for the flags, the environment and the exit codes of all commands`)
	return p.b.String()
}

func visible(cs []*cli.Command) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(cs), func(c *cli.Command) bool { return c.Hidden || c.Name == "help" })
}

// sentence makes a sentence of a line of help.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
