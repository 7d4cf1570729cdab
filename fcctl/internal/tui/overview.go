package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/flowcatalyst/fc/client"
)

// overview is the first page: what happens, and what needs a person first.
type overview struct {
	*desk
	found *Findings
	at    int
	above int // lines above what needs somebody when it was drawn
}

func newOverview(d *desk) *overview { return &overview{desk: d} }

func (o *overview) Name() string         { return "overview" }
func (o *overview) Equivalent() string   { return "fcctl router stats --watch" }
func (o *overview) Every() time.Duration { return 5 * time.Second }
func (o *overview) Keys() []key {
	return []key{{name: "enter", does: "go to what needs you"}, {name: "1-9", does: "go to that one"}, {name: "e", does: "events"}, {name: "j", does: "jobs"},
		{name: "d", does: "dead letters"}, {name: "b", does: "blocked groups"}, {name: "c", does: "connections"}, {name: "h", does: "health"}, {name: "p", does: "pools"}, {name: "r", does: "replays"}, {name: "s", does: "subscriptions"}, {name: "w", does: "warnings"}}
}

func (o *overview) Read() tea.Cmd {
	return read(o.desk, o, func(ctx context.Context) (*Findings, error) { return Look(ctx, o.Client, o.now()) })
}

func (o *overview) Take(msg any) {
	switch m := msg.(type) {
	case *Findings:
		o.found = m
		if m.Platform != nil {
			o.past.count(m.Platform.at, m.Platform.Events)
		}
		o.at = max(0, min(o.at, len(m.Attention)-1))
		if m.Router != nil && o.live == nil {
			o.live = m.Router
		}
	case refusal:
		o.found = &Findings{At: o.now(), Unseen: []string{m.why}}
	case *client.Snapshot:
		if o.found != nil {
			o.found.Router = m
			o.found.weigh()
			o.at = max(0, min(o.at, len(o.found.Attention)-1))
		}
	}
}

func (o *overview) Key(k string) (tea.Cmd, bool) {
	n := 0
	if o.found != nil {
		n = len(o.found.Attention)
	}
	switch k {
	case "up", "k":
		o.at = max(0, o.at-1)
	case "down":
		o.at = max(0, min(o.at+1, n-1))
	case "enter":
		return o.visit(o.at), true
	case "1", "2", "3", "4", "5", "6", "7", "8", "9":
		return o.visit(int(k[0] - '1')), true
	case "e":
		return show(newEvents(o.desk, "")), true
	case "j":
		return show(newJobs(o.desk, jobsOf{})), true
	case "d":
		return show(newLetters(o.desk)), true
	case "b":
		return show(newGroups(o.desk)), true
	case "c":
		return show(newConnections(o.desk)), true
	case "h":
		return show(newHealth(o.desk)), true
	case "p":
		return show(newPools(o.desk)), true
	case "r":
		return show(newReplays(o.desk)), true
	case "s":
		return show(newSubscriptions(o.desk)), true
	case "w":
		return show(newWarnings(o.desk)), true
	default:
		return nil, false
	}
	return nil, true
}

// visit goes to the page of what needs somebody.
func (o *overview) visit(n int) tea.Cmd {
	if o.found == nil || n < 0 || n >= len(o.found.Attention) {
		return nil
	}
	for _, p := range places() {
		if p.names[0] == o.found.Attention[n].page {
			page, err := p.page(o.desk, nil)
			if err != nil {
				return nil
			}
			return show(page)
		}
	}
	return nil
}

func (o *overview) View(width, height int) string {
	var b strings.Builder
	s := o.live
	if s == nil {
		b.WriteString("  " + o.paint(faint, "the router has not said anything yet") + "\n")
	} else {
		o.rates(&b, s, width)
	}
	b.WriteString("\n" + o.paint(strong, "  What needs you") + "\n")
	switch {
	case o.found == nil:
		b.WriteString("  " + o.paint(faint, "reading …") + "\n")
	case len(o.found.Attention) == 0 && len(o.found.Unseen) == 0:
		b.WriteString("  " + o.paint(good, "✓ nothing: all is up; no blocked group, open breaker, dead letter or warning") + "\n")
	}
	o.above = strings.Count(b.String(), "\n")
	if o.found != nil {
		for i, a := range o.found.Attention {
			sign := "  "
			if i == o.at {
				sign = "> "
			}
			text := fill(fmt.Sprintf("%s%d  %s", sign, i+1, a.What), width)
			if i == o.at {
				text = o.cursor(text)
			} else {
				text = o.paint(a.tone, text)
			}
			b.WriteString(text + "\n")
		}
		for _, u := range o.found.Unseen {
			b.WriteString(o.paint(careful, fill("  not seen: "+clean(u), width)) + "\n")
		}
	}
	if s != nil {
		b.WriteString("\n")
		o.tables(&b, s, width, height-strings.Count(b.String(), "\n"))
	}
	return b.String()
}

// rates are the lines with sparklines.
func (o *overview) rates(b *strings.Builder, s *client.Snapshot, width int) {
	h := o.past
	wide := max(10, min(60, width-44))
	row := func(name, value string, t tone, vs []float64) {
		b.WriteString("  " + fill(name, 18) + fit(value, 14, true) + "  " + o.paint(t, spark(vs, wide)) + "\n")
	}
	if o.found != nil && o.found.Platform != nil {
		row("events in", perSecond(h.events), plain, h.events)
	}
	row("delivered", perSecond(h.delivered), good, h.delivered)
	t := plain
	if last(h.failed) > 0 {
		t = bad
	}
	row("failed", perSecond(h.failed), t, h.failed)
	row("p99 of 5 minutes", millis(last(h.p99)), plain, h.p99)
	b.WriteString(fmt.Sprintf("  in flight %d, waiting %d, at work %d", s.InFlight, s.Waiting, s.Active) + "\n")
	b.WriteString("  " + ansi.Truncate(o.router(s), width-2, "…") + "\n")
	o.parts(b, width)
	for _, p := range s.Problems {
		b.WriteString(o.paint(careful, fill("  not seen: "+clean(p), width)) + "\n")
	}
}

// router says which router this is, whether it leads, and how it gets on with
// its queue.
func (o *overview) router(s *client.Snapshot) string {
	says := "router " + clean(s.Instance)
	if o.found != nil && o.found.Leader != nil {
		says += ", " + o.found.Leader.brief() + ","
	}
	switch {
	case s.Consumer.Queue == "":
		return says
	case !s.Consumer.Healthy:
		return says + " " + o.paint(bad, "can not read its queue")
	case s.Consumer.Full:
		return says + " " + o.paint(careful, "is full")
	}
	return says + " " + o.paint(good, "reads its queue")
}

// parts are the services and stores of the process.
func (o *overview) parts(b *strings.Builder, width int) {
	if o.found == nil || o.found.Health == nil {
		return
	}
	t := good
	if o.found.Health.Status != client.Up {
		t = bad
	}
	text := o.found.parts()
	b.WriteString("  " + o.paint(t, ansi.Truncate(text, width-2, "…")) + "\n")
}

// tables are pools and queues, as far as there is room.
func (o *overview) tables(b *strings.Builder, s *client.Snapshot, width, room int) {
	if room < 4 {
		return
	}
	pools := newGrid(poolColumns...)
	pools.quiet = true
	var rows []row
	for i := range s.Pools.Pools {
		rows = append(rows, poolRow(s.Pools.Pools[i]))
	}
	pools.set(rows)
	b.WriteString(pools.view(o.palette, width, min(len(rows)+1, room), "no pool has had anything to do"))
}

func millis(ms float64) string {
	switch {
	case ms == 0:
		return "–"
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.0f s", ms/1000)
}
