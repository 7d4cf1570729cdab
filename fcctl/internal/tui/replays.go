package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/shell"
)

func newReplays(d *desk) *list[client.Replay] {
	return &list[client.Replay]{
		desk: d, name: "replays", equivalent: "fcctl replays list", every: often, empty: "no events were sent again: n begins a replay",
		grid: newGrid(column{title: "AGE", right: true}, column{title: "STATUS"}, column{title: "DONE", right: true}, column{title: "WHAT", least: 12, gives: true}, column{title: "JOBS", right: true}, column{title: "OPEN", right: true},
			column{title: "FAILED", right: true}, column{title: "PER S", right: true}, column{title: "ID"}),
		fetch: func(ctx context.Context) ([]client.Replay, bool, error) {
			return first(d.Replays.Page(ctx, client.WorkFilter{PageSize: fetchedAtMost}, ""))
		},
		row: func(r client.Replay) row {
			failed := cell{text: fmt.Sprint(r.Progress.Failed + r.Progress.Expired), num: float64(r.Progress.Failed + r.Progress.Expired)}
			if failed.num > 0 {
				failed.tone = bad
			}
			rate := "any"
			if r.Rate > 0 {
				rate = fmt.Sprintf("%.0f", r.Rate)
			}
			return row{r.ID, []cell{d.ago(r.CreatedAt), {text: r.Status, tone: toneOf(r.Status)}, {text: fmt.Sprintf("%.0f %%", r.Progress.Percent), num: r.Progress.Percent}, {text: whatOf(&r)},
				{text: fmt.Sprint(r.Progress.Created), num: float64(r.Progress.Created)}, {text: fmt.Sprint(r.Progress.Open), num: float64(r.Progress.Open)}, failed, {text: rate, num: r.Rate}, {text: r.ID}}}
		},
		enter: func(r client.Replay) tea.Cmd { return show(newJobs(d, jobsOf{replay: r.ID, title: r.ID})) },
		keys:  []key{{name: "enter", does: "its jobs"}, {name: "n", does: "a new one", writes: true}, {name: "p", does: "pause or go on", writes: true}, {name: "ctrl+d", does: "cancel", writes: true}},
		key: func(l *list[client.Replay], k string, chosen []client.Replay) (tea.Cmd, bool) {
			if k == "n" {
				return show(newReplayForm(d, "")), true
			}
			if len(chosen) == 0 {
				return nil, false
			}
			r := chosen[0]
			switch k {
			case "p":
				if r.Status == client.WorkPaused {
					return act(d, l, "fcctl replays resume "+r.ID, func(ctx context.Context) (string, error) {
						_, err := d.Replays.Resume(ctx, r.ID)
						return "replay " + r.ID + " goes on", err
					}), true
				}
				return act(d, l, "fcctl replays pause "+r.ID, func(ctx context.Context) (string, error) {
					_, err := d.Replays.Pause(ctx, r.ID)
					return "replay " + r.ID + " is paused", err
				}), true
			case "ctrl+d":
				return confirm(l, "Cancel replay "+r.ID+"? Its open jobs are cancelled too.", "fcctl replays cancel "+r.ID, func(ctx context.Context) (string, error) {
					_, err := d.Replays.Cancel(ctx, r.ID)
					return "replay " + r.ID + " is cancelled", err
				}), true
			}
			return nil, false
		},
	}
}

// whatOf says which events a replay sends.
func whatOf(r *client.Replay) string {
	var parts []string
	if r.EventCount > 0 {
		parts = append(parts, fmt.Sprintf("%d events", r.EventCount))
	}
	if r.Type != "" {
		parts = append(parts, r.Type)
	}
	if r.FailedOnly {
		parts = append(parts, "what failed")
	}
	if !r.Since.IsZero() {
		parts = append(parts, "since "+r.Since.Local().Format("01-02 15:04"))
	}
	if !r.Until.IsZero() {
		parts = append(parts, "until "+r.Until.Local().Format("01-02 15:04"))
	}
	for _, s := range r.Subscriptions {
		parts = append(parts, "to "+nameOf(s.Code, s.SubscriptionID))
	}
	if len(parts) == 0 {
		return "all events"
	}
	return strings.Join(parts, ", ")
}

// newReplayOf asks the server what a replay would send, and begins it when that
// is what is wanted.
func newReplayOf(d *desk, n client.NewReplay, command string) *detail {
	var p *detail
	p = &detail{
		desk: d, name: "replay", equivalent: command + " --dry-run",
		fetch: func(ctx context.Context) (any, error) { return d.Replays.Preview(ctx, n) },
		render: func(v any, width int) []string {
			w := v.(*client.ReplayPreview)
			f := &facts{p: d.palette, width: width}
			f.lines = append(f.lines, d.paint(strong, "This is what would be sent. enter begins it, esc does not."), "")
			about := ""
			if w.Partial {
				about = " or more: the server stopped counting"
			}
			f.add("events", fmt.Sprintf("%d%s", w.Events, about), strong)
			if w.Expunged > 0 {
				f.add("of these", fmt.Sprintf("%d have no data any more and are left out", w.Expunged), careful)
			}
			f.add("deliveries", fmt.Sprint(w.Jobs), strong)
			f.title("To")
			for _, s := range w.PerSubscription {
				f.text(fmt.Sprintf("%6d  %s  %s", s.Jobs, nameOf(s.Code, "the target"), s.Status))
			}
			f.title("The first")
			for _, e := range w.Sample {
				f.text(e.ID + "  " + e.CreatedAt.Local().Format("2006-01-02 15:04:05") + "  " + e.Type)
			}
			return f.lines
		},
		keys: []key{{name: "enter", does: "begin", writes: true}},
		press: func(v any, k string) (tea.Cmd, bool) {
			if k != "enter" {
				return nil, false
			}
			jobs := v.(*client.ReplayPreview).Jobs
			begin := func(ctx context.Context) (string, error) {
				r, err := d.Replays.Create(ctx, n)
				if err != nil {
					return "", err
				}
				return fmt.Sprintf("replay %s began, about %d deliveries", r.ID, jobs), nil
			}
			if n.All {
				return confirm(p, "Send all events again that are kept?", command, begin), true
			}
			return func() tea.Msg { return replace{p, newReplays(d), act(d, nil, command, begin)} }, true
		},
	}
	return p
}

// replace puts a page in the place of another and does something there.
type replace struct {
	old, page Page
	then      tea.Cmd
}

// form asks which events to send again.
type form struct {
	*desk
	subscription string
	fields       []field
	at           int
}

type field struct {
	name, hint, value string
}

// newReplayForm is the first step of a replay.
func newReplayForm(d *desk, subscription string) *form {
	return &form{desk: d, subscription: subscription, fields: []field{
		{"since", "1h, 30m, 2d ago, or 2026-01-02T15:04", "1h"},
		{"until", "the same; empty is now", ""},
		{"type", "a pattern such as shop:sales:*:*; empty is any", ""},
		{"only failed", "yes: only what is a dead letter", ""},
		{"subscription", "its code; empty is all that match", subscription},
		{"per second", "0 is no limit", "500"},
	}}
}

func (f *form) Name() string       { return "new replay" }
func (f *form) Equivalent() string { return "fcctl events replay --help" }
func (f *form) Read() tea.Cmd      { return nil }
func (f *form) Take(any)           {}
func (f *form) Typing() bool       { return true }
func (f *form) Keys() []key {
	return []key{{name: "tab ↑↓", does: "next field"}, {name: "enter", does: "see what it would send"}, {name: "esc", does: "back"}}
}

func (f *form) Key(k string) (tea.Cmd, bool) {
	v := &f.fields[f.at].value
	switch k {
	case "tab", "down":
		f.at = (f.at + 1) % len(f.fields)
	case "shift+tab", "up":
		f.at = (f.at + len(f.fields) - 1) % len(f.fields)
	case "backspace":
		if r := []rune(*v); len(r) > 0 {
			*v = string(r[:len(r)-1])
		}
	case "ctrl+u":
		*v = ""
	case "enter":
		return f.preview(), true
	default:
		if len([]rune(k)) == 1 {
			*v += k
			return nil, true
		}
		return nil, false
	}
	return nil, true
}

func (f *form) value(name string) string {
	for _, x := range f.fields {
		if x.name == name {
			return strings.TrimSpace(x.value)
		}
	}
	return ""
}

func (f *form) preview() tea.Cmd {
	n, command, err := f.replay()
	if err != nil {
		return func() tea.Msg { return did{err: err} }
	}
	return show(newReplayOf(f.desk, n, command))
}

// replay is what the fields say.
func (f *form) replay() (n client.NewReplay, command string, err error) {
	command = "fcctl events replay"
	if n.Since, err = when(f.value("since"), f.now()); err != nil {
		return n, "", fmt.Errorf("since: %w", err)
	}
	if n.Until, err = when(f.value("until"), f.now()); err != nil {
		return n, "", fmt.Errorf("until: %w", err)
	}
	for _, x := range []string{"since", "until", "type"} {
		if v := f.value(x); v != "" {
			command += " --" + x + " " + shell.Quote(v)
		}
	}
	n.Type = f.value("type")
	if v := strings.ToLower(f.value("only failed")); v == "yes" || v == "y" {
		n.FailedOnly, command = true, command+" --failed-only"
	}
	if v := f.value("subscription"); v != "" {
		n.Subscriptions, command = []string{v}, command+" --subscription "+shell.Quote(v)
	}
	if v := f.value("per second"); v != "" {
		var rate float64
		if _, err := fmt.Sscan(v, &rate); err != nil || rate < 0 {
			return n, "", fmt.Errorf("per second: %q is no number", v)
		}
		n.Rate, command = &rate, fmt.Sprintf("%s --rate %g/s", command, rate)
	}
	n.All = n.Since.IsZero() && n.Until.IsZero() && n.Type == "" && !n.FailedOnly
	if n.All {
		command += " --all"
	}
	return n, command, nil
}

// when reads a time, or how long ago one was.
func when(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	short := strings.TrimSpace(strings.TrimSuffix(s, "ago"))
	if n, found := strings.CutSuffix(short, "d"); found {
		var days float64
		if _, err := fmt.Sscan(n, &days); err == nil && days >= 0 {
			return now.Add(-time.Duration(days * 24 * float64(time.Hour))), nil
		}
	}
	if ago, err := time.ParseDuration(short); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; try 1h, 2d or 2026-01-02T15:04", s)
}

func (f *form) View(width, _ int) string {
	var b strings.Builder
	b.WriteString("\n  " + f.paint(strong, "Send events again") + "\n\n")
	for i, x := range f.fields {
		sign, value := "  ", x.value
		if i == f.at {
			sign, value = "> ", value+"█"
		}
		line := sign + fill(x.name, 16) + fill(value, 28) + "  " + f.paint(faint, x.hint)
		if i == f.at {
			line = f.paint(strong, sign+fill(x.name, 16)) + fill(value, 28) + "  " + f.paint(faint, x.hint)
		}
		b.WriteString(line + "\n")
	}
	b.WriteString("\n  " + f.paint(faint, "enter shows what it would send; nothing is sent before you have seen that."))
	return b.String()
}
