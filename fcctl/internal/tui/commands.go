package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
)

// A place is a page that the command line opens.
type place struct {
	names []string // the first is the one that is shown
	says  string
	page  func(d *desk, args []string) (Page, error)
}

func places() []place {
	return []place{
		{[]string{"overview", "home"}, "what happens, and what needs you first", func(d *desk, _ []string) (Page, error) { return newOverview(d), nil }},
		{[]string{"events", "event"}, "events as they come, of a pattern; or the one of an id", func(d *desk, a []string) (Page, error) {
			if what := arg(a); what != "" && !strings.ContainsAny(what, ":*") {
				return newEvent(d, what), nil
			}
			return newEvents(d, arg(a)), nil
		}},
		{[]string{"jobs", "job"}, "deliveries, of some states; or the one of an id", func(d *desk, a []string) (Page, error) {
			of := statuses(a)
			if len(of) > 0 && !slices.Contains(client.JobStates, of[0]) {
				return newJob(d, of[0]), nil
			}
			return newJobs(d, jobsOf{status: of}), nil
		}},
		{[]string{"dead-letters", "dlq", "letters"}, "what could not be delivered", func(d *desk, _ []string) (Page, error) { return newLetters(d), nil }},
		{[]string{"groups", "blocked"}, "message groups that a dead letter blocks", func(d *desk, _ []string) (Page, error) { return newGroups(d), nil }},
		{[]string{"subscriptions", "sub"}, "subscriptions", func(d *desk, _ []string) (Page, error) { return newSubscriptions(d), nil }},
		{[]string{"connections", "con"}, "connections", func(d *desk, _ []string) (Page, error) { return newConnections(d), nil }},
		{[]string{"pools", "dispatch-pools"}, "dispatch pools at work", func(d *desk, _ []string) (Page, error) { return newPools(d), nil }},
		{[]string{"endpoints", "breakers"}, "endpoints and their breakers", func(d *desk, _ []string) (Page, error) { return newEndpoints(d), nil }},
		{[]string{"queues"}, "what the queues hold", func(d *desk, _ []string) (Page, error) { return newQueues(d), nil }},
		{[]string{"health", "services"}, "each part of the process, and who leads", func(d *desk, _ []string) (Page, error) { return newHealth(d), nil }},
		{[]string{"replays"}, "replays", func(d *desk, _ []string) (Page, error) { return newReplays(d), nil }},
		{[]string{"warnings", "warn"}, "what somebody should look at", func(d *desk, _ []string) (Page, error) { return newWarnings(d), nil }},
		{[]string{"audit"}, "who changed what", func(d *desk, _ []string) (Page, error) { return newAudit(d), nil }},
	}
}

func arg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func statuses(args []string) []string {
	var s []string
	for _, a := range args {
		s = append(s, strings.ToUpper(a))
	}
	return s
}

// commands are what the command line can be completed to.
func (r *root) commands() []string {
	var all []string
	for _, p := range places() {
		all = append(all, p.names...)
	}
	all = append(all, "ctx", "quit", "help")
	if strings.HasPrefix(r.line.text, "ctx ") && r.o.Contexts != nil {
		for _, c := range r.o.Contexts() {
			all = append(all, "ctx "+c)
		}
	}
	slices.Sort(all)
	return all
}

// command does what was typed after a colon.
func (r *root) command(text string) tea.Cmd {
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil
	}
	switch name := words[0]; name {
	case "q", "quit", "q!":
		return tea.Quit
	case "help":
		r.mode = toHelp
		return nil
	case "ctx", "context":
		return r.switchTo(arg(words[1:]))
	default:
		var fits []place
		for _, p := range places() {
			if slices.Contains(p.names, name) {
				fits = []place{p}
				break
			}
			if slices.ContainsFunc(p.names, func(n string) bool { return strings.HasPrefix(n, name) }) {
				fits = append(fits, p)
			}
		}
		if len(fits) > 1 {
			var names []string
			for _, p := range fits {
				names = append(names, p.names[0])
			}
			r.say(careful, "%q begins %s; type more of it", name, strings.Join(names, ", "))
			return nil
		}
		if len(fits) == 0 {
			r.say(careful, "there is no page %q; ? lists them", name)
			return nil
		}
		p, err := fits[0].page(r.desk, words[1:])
		if err != nil {
			r.say(careful, "%s", err)
			return nil
		}
		// A page that was asked for by name is one step from the overview.
		r.pages = r.pages[:1]
		if fits[0].names[0] == "overview" {
			return r.read(r.page())
		}
		return r.open(p)
	}
}

// switchTo goes to the server of another context.
func (r *root) switchTo(name string) tea.Cmd {
	if r.o.Switch == nil {
		r.say(careful, "there are no contexts; fcctl login --help")
		return nil
	}
	if name == "" {
		var names []string
		if r.o.Contexts != nil {
			names = r.o.Contexts()
		}
		if len(names) == 0 {
			r.say(careful, "there are no contexts; fcctl login --help")
			return nil
		}
		r.say(plain, ":ctx NAME, one of %s", strings.Join(names, ", "))
		return nil
	}
	return func() tea.Msg {
		c, err := r.o.Switch(name)
		if err != nil {
			err = fmt.Errorf("context %s: %w", name, err)
		}
		return switched{c, name, err}
	}
}

func (r *root) switched(m switched) tea.Cmd {
	if m.err != nil {
		r.say(bad, "%s", m.err)
		return nil
	}
	*r.desk = desk{ctx: r.desk.ctx, Client: m.client, palette: r.desk.palette, now: r.desk.now, past: &past{}, readOnly: r.desk.readOnly, context: m.context}
	r.pages = []Page{newOverview(r.desk)}
	clear(r.reading)
	clear(r.readAt)
	clear(r.owed)
	r.who, r.lost = "", nil
	r.watch()
	return tea.Batch(r.learn(), r.read(r.page()))
}
