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
}

// Findings are what the overview shows, as `fcctl tui --once -o json` prints it.
type Findings struct {
	At          time.Time        `json:"at"`
	Router      *client.Snapshot `json:"router,omitempty"`
	Blocked     int              `json:"blockedGroups"`
	BlockedMore bool             `json:"blockedGroupsMore,omitempty"`
	Letters     int              `json:"deadLetters"`
	LettersMore bool             `json:"deadLettersMore,omitempty"`
	Warnings    []client.Warning `json:"warnings"`
	Attention   []Attention      `json:"attention"`
	// Unseen says what could not be read, and why.
	Unseen []string `json:"unseen,omitempty"`
}

// Attention is one thing that needs a person, the most urgent first.
type Attention struct {
	What    string `json:"what"`
	Command string `json:"command"` // that shows it
	page    string
	tone    tone
}

const counted = 200

// Look reads what the overview shows.
func Look(ctx context.Context, c *client.Client, now time.Time) (*Findings, error) {
	f := &Findings{At: now.UTC(), Warnings: []client.Warning{}}
	seen := 0
	var failed error
	try := func(what string, err error) bool {
		if err != nil {
			failed = err
			f.Unseen = append(f.Unseen, what+": "+plainError(err))
			return false
		}
		seen++
		return true
	}
	s, err := c.Router.Snapshot(ctx)
	if try("router", err) {
		f.Router = s
	}
	groups, err := c.Groups.Page(ctx, client.GroupFilter{PageSize: counted}, "")
	if try("blocked groups", err) {
		f.Blocked, f.BlockedMore = len(groups.Items), groups.Next != ""
	}
	letters, err := c.DeadLetters.Page(ctx, client.LetterFilter{PageSize: counted}, "")
	if try("dead letters", err) {
		f.Letters, f.LettersMore = len(letters.Items), letters.Next != ""
	}
	warnings, err := c.Router.Warnings(ctx)
	if try("warnings", err) {
		f.Warnings = warnings
	}
	if seen == 0 {
		return nil, failed
	}
	f.weigh()
	return f, nil
}

func atLeast(n int, more bool) string {
	if more {
		return fmt.Sprintf("%d or more", n)
	}
	return fmt.Sprint(n)
}

// weigh puts in order what needs a person.
func (f *Findings) weigh() {
	f.Attention = []Attention{}
	add := func(t tone, page, command, format string, args ...any) {
		f.Attention = append(f.Attention, Attention{fmt.Sprintf(format, args...), command, page, t})
	}
	if s := f.Router; s != nil {
		if s.Unwritten > 0 {
			add(bad, "warnings", "fcctl router warnings", "%d outcomes can not be written: the store is in trouble, and nothing new is sent", s.Unwritten)
		}
		if c := s.Consumer; c.Queue != "" && !c.Healthy {
			add(bad, "queues", "fcctl router queues", "the queue can not be read: %s", clean(c.Error))
		}
	}
	if f.Blocked > 0 {
		what := "message groups are"
		if f.Blocked == 1 {
			what = "message group is"
		}
		add(bad, "groups", "fcctl groups list", "%s %s blocked by a dead letter", atLeast(f.Blocked, f.BlockedMore), what)
	}
	if s := f.Router; s != nil {
		for _, b := range s.Breakers.Breakers {
			if b.State != client.BreakerClosed {
				add(bad, "endpoints", "fcctl router breakers", "%s is not called: %s", clean(nameOf(b.ConnectionCode, b.Target)), clean(b.Story))
			}
		}
	}
	if f.Letters > 0 {
		add(careful, "dead-letters", "fcctl dead-letters list", "%s deliveries have failed for good", atLeast(f.Letters, f.LettersMore))
	}
	open := 0
	for _, w := range f.Warnings {
		if !w.Acknowledged && w.Severity != "INFO" {
			open++
		}
	}
	if open > 0 {
		what := "warnings"
		if open == 1 {
			what = "warning"
		}
		add(careful, "warnings", "fcctl router warnings", "%d %s that nobody has acknowledged", open, what)
	}
}

func nameOf(code, otherwise string) string {
	if code != "" {
		return code
	}
	return otherwise
}

func newOverview(d *desk) *overview { return &overview{desk: d} }

func (o *overview) Name() string         { return "overview" }
func (o *overview) Equivalent() string   { return "fcctl router stats --watch" }
func (o *overview) Every() time.Duration { return 5 * time.Second }
func (o *overview) Keys() []key {
	return []key{{name: "enter", does: "go to what needs you"}, {name: "1-9", does: "go to that one"}, {name: "e", does: "events"}, {name: "j", does: "jobs"},
		{name: "d", does: "dead letters"}, {name: "b", does: "blocked groups"}, {name: "c", does: "connections"}, {name: "p", does: "pools"}, {name: "r", does: "replays"}, {name: "s", does: "subscriptions"}, {name: "w", does: "warnings"}}
}

func (o *overview) Read() tea.Cmd {
	return read(o.desk, o, func(ctx context.Context) (*Findings, error) { return Look(ctx, o.Client, o.now()) })
}

func (o *overview) Take(msg any) {
	switch m := msg.(type) {
	case *Findings:
		o.found = m
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
		return o.go_(o.at), true
	case "1", "2", "3", "4", "5", "6", "7", "8", "9":
		return o.go_(int(k[0] - '1')), true
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

func (o *overview) go_(n int) tea.Cmd {
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
		b.WriteString("  " + o.paint(good, "✓ nothing: no blocked group, no open breaker, no dead letter, no warning") + "\n")
	}
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
	row("delivered", fmt.Sprintf("%.0f/s", last(h.delivered)), good, h.delivered)
	t := plain
	if last(h.failed) > 0 {
		t = bad
	}
	row("failed", fmt.Sprintf("%.0f/s", last(h.failed)), t, h.failed)
	row("p99 of 5 minutes", millis(last(h.p99)), plain, h.p99)
	state, tone := "reads its queue", good
	switch {
	case s.Consumer.Queue == "":
		state, tone = "", plain
	case !s.Consumer.Healthy:
		state, tone = "can not read its queue", bad
	case s.Consumer.Full:
		state, tone = "is full", careful
	}
	b.WriteString(ansi.Truncate(fmt.Sprintf("  %sin flight %d, waiting %d, at work %d   router %s %s", "", s.InFlight, s.Waiting, s.Active, clean(s.Instance), o.paint(tone, state)), width, "…") + "\n")
	for _, p := range s.Problems {
		b.WriteString(o.paint(careful, fill("  not seen: "+clean(p), width)) + "\n")
	}
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

// Text is what --once prints for people.
func (f *Findings) Text() string {
	var b strings.Builder
	if s := f.Router; s != nil {
		fmt.Fprintf(&b, "router %s: %d in flight, %d waiting, %d at work, %.1f/s, %.1f %% well\n", clean(s.Instance), s.InFlight, s.Waiting, s.Active,
			s.Pools.AggregateThroughputPerSec, 100*s.Pools.AggregateSuccessRate)
	}
	if len(f.Attention) == 0 && len(f.Unseen) == 0 {
		b.WriteString("nothing needs you\n")
	}
	for i, a := range f.Attention {
		fmt.Fprintf(&b, "%d  %s\n   %s\n", i+1, a.What, a.Command)
	}
	for _, u := range f.Unseen {
		fmt.Fprintf(&b, "not seen: %s\n", clean(u))
	}
	return b.String()
}
