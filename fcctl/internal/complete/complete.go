package complete

import (
	"regexp"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/urfave/cli/v2"
)

// Candidate is a word that may stand there, and what it is about.
type Candidate struct{ Text, About string }

// Live knows names that are not in the program. Each may return nothing.
type Live interface {
	// Codes are those of a kind on the server that the words before name.
	Codes(kind resource.Kind) []string
	// Contexts are the servers that the user knows.
	Contexts() []string
	// Targets are the resources of the manifest at a path, "" for where one
	// stands, as -target names them.
	Targets(path string) []string
}

// Answer is what may stand for the last word.
type Answer struct {
	Candidates []Candidate
	// Files says that it is the name of a file.
	Files bool
}

// line is a command line as far as it goes.
type line struct {
	root    *cli.App
	live    Live
	path    []string
	current *cli.Command
	args    []string          // the command's, without its flags
	given   map[string]string // flags and their values
	plain   bool              // after --
	flag    cli.Flag          // waits for its value
}

// Complete completes the last of the words, which are those after fcctl.
func Complete(root *cli.App, words []string, live Live) Answer {
	if len(words) == 0 {
		words = []string{""}
	}
	l := &line{root: root, live: live, given: map[string]string{}}
	last := words[len(words)-1]
	for _, w := range words[:len(words)-1] {
		l.take(w)
	}
	a := l.next(last)
	a.Candidates = slices.DeleteFunc(a.Candidates, func(c Candidate) bool { return !strings.HasPrefix(c.Text, last) })
	return a
}

// take goes over one word that stands already.
func (l *line) take(w string) {
	switch {
	case l.flag != nil:
		l.given[l.flag.Names()[0]] = w
		l.flag = nil
	case l.plain:
		l.args = append(l.args, w)
	case w == "--":
		l.plain = true
	case len(w) > 1 && w[0] == '-':
		name, value, has := strings.Cut(strings.TrimLeft(w, "-"), "=")
		f := l.find(name)
		switch {
		case f == nil:
		case has:
			l.given[f.Names()[0]] = value
		case app.TakesValue(f):
			l.flag = f
		}
	default:
		if len(l.args) == 0 {
			if c := command(l.commands(), w); c != nil {
				l.current, l.path = c, append(l.path, c.Name)
				return
			}
			if w == "help" && l.current == nil {
				return
			}
		}
		l.args = append(l.args, w)
	}
}

// next is what may stand for the word that is begun.
func (l *line) next(word string) Answer {
	switch {
	case l.flag != nil:
		return l.value(l.flag)
	case !l.plain && strings.HasPrefix(word, "-"):
		name, _, has := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !has {
			return Answer{Candidates: l.flags(word)}
		}
		f := l.find(name)
		if f == nil {
			return Answer{}
		}
		a := l.value(f)
		if a.Files {
			return Answer{} // shells complete no files in the middle of a word
		}
		for i := range a.Candidates {
			a.Candidates[i].Text = word[:strings.Index(word, "=")+1] + a.Candidates[i].Text
		}
		return a
	}
	a := l.argument()
	if len(l.args) == 0 && !l.plain {
		for _, c := range l.commands() {
			if !c.Hidden {
				a.Candidates = append(a.Candidates, Candidate{c.Name, c.Usage})
			}
		}
	}
	return a
}

func (l *line) commands() []*cli.Command {
	if l.current == nil {
		return l.root.Commands
	}
	return l.current.Subcommands
}

func command(cs []*cli.Command, name string) *cli.Command {
	for _, c := range cs {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

func (l *line) allFlags() []cli.Flag {
	if l.current == nil {
		return l.root.Flags
	}
	return append(slices.Clone(l.current.Flags), l.root.Flags...)
}

func (l *line) find(name string) cli.Flag {
	for _, f := range l.allFlags() {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// flags are those that may begin like the word, with as many dashes.
func (l *line) flags(word string) []Candidate {
	dashes := "--"
	if len(word) > 1 && word[1] != '-' {
		dashes = "-"
	}
	var out []Candidate
	seen := map[string]bool{}
	for _, f := range l.allFlags() {
		for _, name := range f.Names() {
			if name == "help" || seen[name] || len(name) == 1 && dashes == "--" {
				continue
			}
			seen[name] = true
			out = append(out, Candidate{dashes + name, about(f)})
		}
	}
	return append(out, Candidate{dashes + "help", "show help"})
}

func usage(f cli.Flag) string {
	if d, is := f.(cli.DocGenerationFlag); is {
		return d.GetUsage()
	}
	return ""
}

func about(f cli.Flag) string { return strings.ReplaceAll(usage(f), "`", "") }

var (
	placeholder = regexp.MustCompile("`([^`]+)`")
	// listed are the values at the end of a flag's help: "…: raw, pretty or none".
	listed = regexp.MustCompile(`: ([\w-]+(?:, [\w-]+)* or [\w-]+)(?:$|[;.])`)
)

// value is what a flag may have. What it means is in its name; what it may be
// is in its help.
func (l *line) value(f cli.Flag) Answer {
	name := f.Names()[0]
	switch name {
	case "context":
		return words(l.live.Contexts())
	case "output":
		return words(app.Formats)
	case "target":
		return words(l.live.Targets(l.given["file"]))
	case "endpoint":
		return l.codes(resource.KindConnection)
	case "type", "event-type":
		return l.codes(resource.KindEventType)
	case "kind":
		return words(app.KindNames())
	}
	if m := listed.FindStringSubmatch(usage(f)); m != nil {
		return words(strings.Split(strings.Replace(m[1], " or ", ", ", 1), ", "))
	}
	what := ""
	if m := placeholder.FindStringSubmatch(usage(f)); m != nil {
		what = m[1]
	}
	switch what {
	case "FILE", "DIRECTORY", "DIR", "PATH":
		return Answer{Files: true}
	}
	if info, is := resource.ParseKind(name); is {
		return l.codes(info.Kind)
	}
	if info, is := resource.ParseKind(what); is {
		return l.codes(info.Kind)
	}
	return Answer{}
}

// argument is what the next argument of the command may be, by the name that
// its help gives it.
func (l *line) argument() Answer {
	if l.current == nil {
		return Answer{}
	}
	names := strings.Fields(l.current.ArgsUsage)
	if len(names) == 0 {
		return Answer{}
	}
	i := len(l.args)
	if i >= len(names) {
		if i = len(names) - 1; !strings.Contains(names[i], "…") {
			return Answer{}
		}
	}
	name := strings.Trim(names[i], "[]…")
	if strings.Contains(name, "|") {
		return words(strings.Split(name, "|"))
	}
	switch name {
	case "KIND":
		return words(app.KindNames())
	case "FILE", "DIR", "DIRECTORY", "PLAN", "PATH":
		return Answer{Files: true}
	case "NAME":
		if l.path[0] == "context" {
			return words(l.live.Contexts())
		}
		return Answer{}
	case "EMAIL":
		return l.codes(resource.KindPrincipal)
	case "CODE", "IDENTIFIER", "CLIENT-ID", "DOMAIN":
		return l.code(i)
	}
	if info, is := resource.ParseKind(name); is {
		return l.codes(info.Kind)
	}
	return Answer{}
}

// code completes the code of what the command is about: the kind before it, or
// that of the commands it is among. What is made has no code yet.
func (l *line) code(i int) Answer {
	if l.current.Name == "create" {
		return Answer{}
	}
	if i > 0 && strings.HasPrefix(l.current.ArgsUsage, "KIND") {
		if info, is := resource.ParseKind(l.args[0]); is {
			return l.codes(info.Kind)
		}
		return Answer{}
	}
	switch l.path[0] {
	case "secret":
		return l.codes(resource.KindConnection)
	case "router":
		return l.codes(resource.KindDispatchPool)
	}
	if info, is := resource.ParseKind(l.path[0]); is {
		return l.codes(info.Kind)
	}
	return Answer{}
}

func (l *line) codes(kind resource.Kind) Answer { return words(l.live.Codes(kind)) }

func words(ws []string) Answer {
	var a Answer
	for _, w := range ws {
		a.Candidates = append(a.Candidates, Candidate{Text: w})
	}
	return a
}
