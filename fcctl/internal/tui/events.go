package tui

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
)

// fetchedAtMost is how many things a list reads: enough to scroll through, few
// enough to read again and again.
const fetchedAtMost = 200

// first reads the first page of a list.
func first[T any](p *client.Page[T], err error) ([]T, bool, error) {
	if err != nil {
		return nil, false, err
	}
	return p.Items, p.Next != "", nil
}

func newEvents(d *desk, pattern string) *list[client.Event] {
	equivalent := "fcctl events tail"
	if pattern != "" {
		equivalent += " --type " + pattern
	}
	c := d.Client // the desk may go to another server while this one is read
	all := &pages[client.Event]{read: func(ctx context.Context, cursor string) (*client.Page[client.Event], error) {
		return c.Events.Page(ctx, client.EventFilter{Type: pattern, PageSize: fetchedAtMost}, cursor)
	}}
	return &list[client.Event]{
		desk: d, name: strings.TrimSpace("events " + pattern), equivalent: equivalent, every: time.Second, empty: "no event was accepted yet: fcctl events publish --help",
		grid:  newGrid(column{title: "AGE", right: true}, column{title: "TYPE", least: 16, gives: true}, column{title: "SOURCE", least: 6, gives: true}, column{title: "CLIENT"}, column{title: "GROUP", least: 6, gives: true}, column{title: "ID"}, column{title: "SUBJECT", least: 6, gives: true}),
		fetch: all.newest, before: all.older,
		follow: func(ctx context.Context) iter.Seq2[client.Followed[client.Event], error] {
			return c.Events.Listen(ctx, client.EventFilter{Type: pattern, Heads: true}, "")
		},
		lean: func(e client.Event) client.Event { e.Data = nil; return e },
		row: func(e client.Event) row {
			return row{e.ID, []cell{d.ago(e.CreatedAt), {text: e.Type}, {text: e.Source}, {text: d.codes.of(e.ClientID)}, {text: e.MessageGroup}, {text: e.ID}, {text: e.Subject}}}
		},
		enter: func(e client.Event) tea.Cmd { return show(newEvent(d, e.ID)) },
		keys:  []key{{name: "enter", does: "its data and its way"}, {name: "r", does: "send again", writes: true}},
		key: func(l *list[client.Event], k string, chosen []client.Event) (tea.Cmd, bool) {
			if k != "r" || len(chosen) == 0 {
				return nil, false
			}
			ids := make([]string, len(chosen))
			for i, e := range chosen {
				ids[i] = e.ID
			}
			return show(newReplayOf(d, client.NewReplay{EventIDs: ids}, "fcctl events replay --event "+strings.Join(ids, " --event "))), true
		},
	}
}

// way is an event and what became of it.
type way struct {
	event *client.Event
	says  *client.Explanation
	jobs  []client.Job
	more  bool
	tries map[string][]client.Attempt
}

// newEvent tells where an event went, and why not elsewhere.
func newEvent(d *desk, id string) *detail {
	return &detail{
		desk: d, name: id, equivalent: "fcctl events explain " + id, id: id, every: often,
		fetch: func(ctx context.Context) (any, error) {
			w := way{tries: map[string][]client.Attempt{}}
			var err error
			if w.event, err = d.Events.Get(ctx, id); err != nil {
				return nil, err
			}
			if w.says, err = d.Events.Explain(ctx, id, ""); err != nil {
				return nil, err
			}
			if w.jobs, w.more, err = first(d.Jobs.Page(ctx, client.JobFilter{EventID: id, PageSize: 50}, "")); err != nil {
				return nil, err
			}
			for i, j := range w.jobs {
				if i == 10 || j.AttemptCount == 0 {
					continue
				}
				if w.tries[j.ID], err = d.Jobs.Attempts(ctx, j.ID); err != nil {
					return nil, err
				}
			}
			return w, nil
		},
		render: func(v any, width int) []string { return d.way(v.(way), width) },
		keys:   []key{{name: "enter", does: "its first job that has not arrived"}, {name: "r", does: "send again", writes: true}},
		press: func(v any, k string) (tea.Cmd, bool) {
			w := v.(way)
			switch k {
			case "enter":
				i := slices.IndexFunc(w.jobs, func(j client.Job) bool { return j.Status != client.JobCompleted })
				if i < 0 && len(w.jobs) > 0 {
					i = 0
				}
				if i < 0 {
					return nil, true
				}
				return show(newJob(d, w.jobs[i].ID)), true
			case "r":
				return show(newReplayOf(d, client.NewReplay{EventIDs: []string{id}}, "fcctl events replay --event "+id)), true
			}
			return nil, false
		},
	}
}

// way draws what became of an event.
func (d *desk) way(w way, width int) []string {
	f := &facts{p: d.palette, width: width}
	e := w.event
	f.add("type", e.Type, strong)
	f.add("accepted", d.moment(e.CreatedAt), plain)
	f.add("source", e.Source, plain)
	f.add("subject", e.Subject, plain)
	f.add("client", d.codes.of(e.ClientID), plain)
	f.add("group", e.MessageGroup, plain)
	f.add("correlation", e.CorrelationID, plain)
	f.title("Where it went")
	jobs := map[string][]client.Job{}
	for _, j := range w.jobs {
		jobs[j.SubscriptionID] = append(jobs[j.SubscriptionID], j)
	}
	matched := 0
	for _, s := range w.says.Subscriptions {
		if s.Matched {
			matched++
			f.lines = append(f.lines, "  "+d.paint(good, "✓")+" "+d.paint(strong, clean(s.Code)))
			for _, j := range jobs[s.SubscriptionID] {
				d.jobLines(f, j, e.CreatedAt, w.tries[j.ID])
			}
			delete(jobs, s.SubscriptionID)
		}
	}
	if matched == 0 {
		f.text("no subscription matches it")
	}
	for _, id := range slices.Sorted(maps.Keys(jobs)) { // of subscriptions that are gone, or match no more
		f.lines = append(f.lines, "  "+d.paint(faint, "· "+clean(d.codes.of(id))+" (does not match it now)"))
		for _, j := range jobs[id] {
			d.jobLines(f, j, e.CreatedAt, w.tries[j.ID])
		}
	}
	if len(w.says.Subscriptions) > matched {
		f.title("Where it did not go")
		not := func(text string) {
			for i, part := range wrap(clean(text), max(20, width-4)) {
				sign := "✗ "
				if i > 0 {
					sign = "  "
				}
				f.lines = append(f.lines, "  "+d.paint(faint, sign+part))
			}
		}
		var others []string // which want other types
		for _, s := range w.says.Subscriptions {
			switch {
			case s.Matched:
			case s.Clause == "pattern" && s.Value == e.Type:
				others = append(others, s.Code)
			case s.Value != "":
				not(s.Code + "  " + s.Clause + ": " + s.Detail + "  (saw " + s.Value + ")")
			default:
				not(s.Code + "  " + s.Clause + ": " + s.Detail)
			}
		}
		if len(others) > 0 {
			not("of other types: " + strings.Join(others, ", "))
		}
	}
	f.title("Data")
	if len(e.Data) == 0 {
		f.text("none, or no longer kept")
	} else {
		f.text(pretty(e.Data))
	}
	return f.lines
}

// jobLines are a job and its attempts in short.
func (d *desk) jobLines(f *facts, j client.Job, from time.Time, tries []client.Attempt) {
	line := fmt.Sprintf("job %s  %s", j.ID, j.Status)
	if j.Reason != "" {
		line += "  " + j.Reason
	}
	f.lines = append(f.lines, "      "+d.paint(toneOf(j.Status), clean(line)))
	if s := d.waits(&j); s != "" {
		f.lines = append(f.lines, "      "+d.paint(careful, clean(s)))
	}
	for _, a := range tries {
		f.lines = append(f.lines, "        "+d.attemptLine(a, from))
	}
}

func (d *desk) attemptLine(a client.Attempt, from time.Time) string {
	t := bad
	said := a.ErrorMessage
	if a.Success {
		t, said = good, "delivered"
	}
	code := ""
	if a.ResponseCode > 0 {
		code = fmt.Sprint(a.ResponseCode)
	}
	return d.paint(t, clean(fmt.Sprintf("%2d  +%-9s %8s  %-3s  %s", a.AttemptNumber, short(a.AttemptedAt.Sub(from)), millis(a.DurationMillis), code, said)))
}

// short is a duration in at most 9 characters.
func short(t time.Duration) string {
	switch {
	case t < time.Second:
		return fmt.Sprintf("%d ms", t.Milliseconds())
	case t < time.Minute:
		return fmt.Sprintf("%.1f s", t.Seconds())
	}
	return age(t)
}

// waits says what an open job waits for.
func (d *desk) waits(j *client.Job) string {
	switch {
	case j.IsTerminal && j.Blocked:
		return "blocks its group since " + d.moment(j.BlockedSince)
	case j.IsTerminal:
		return ""
	case j.Waiting:
		return "waits behind another of its group"
	case j.WaitsFor != "":
		return "waits: " + j.WaitsFor
	case j.Due.After(d.now()):
		return "goes again " + d.moment(j.Due)
	}
	return ""
}
