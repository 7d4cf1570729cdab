package tui

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// detail is a page about one thing: text, which is scrolled and searched.
type detail struct {
	*desk
	name       string
	equivalent string
	id         string
	every      time.Duration
	lines      []string
	top        int
	height     int
	find       *filter
	ready      bool
	refused    string // why it is not shown
	waiting    string // what is said before it is read, if not that
	fetch      func(ctx context.Context) (any, error)
	render     func(v any, width int) []string
	value      any
	width      int
	keys       []key
	press      func(v any, k string) (tea.Cmd, bool)
}

func (d *detail) Name() string         { return d.name }
func (d *detail) Equivalent() string   { return d.equivalent }
func (d *detail) Every() time.Duration { return d.every }
func (d *detail) Copy() string         { return d.id }

func (d *detail) Keys() []key {
	return append(slices.Clone(d.keys), key{name: "↑↓", does: "scroll"}, key{name: "y", does: "copy the id"})
}

// fetched is the value of a page, so that no other message is taken for it.
type fetched struct{ v any }

func (d *detail) Read() tea.Cmd {
	return read(d.desk, d, func(ctx context.Context) (fetched, error) {
		v, err := d.fetch(ctx)
		return fetched{v}, err
	})
}

func (d *detail) Take(msg any) {
	switch m := msg.(type) {
	case fetched:
		d.value, d.ready, d.width, d.refused = m.v, true, 0, ""
	case refusal:
		d.ready, d.refused = false, m.why
	}
}

func (d *detail) Key(k string) (tea.Cmd, bool) {
	switch k {
	case "up", "k":
		d.top--
	case "down", "j":
		d.top++
	case "pgup", "ctrl+b":
		d.top -= d.height
	case "pgdown", "ctrl+f", " ":
		d.top += d.height
	case "home", "g":
		d.top = 0
	case "end", "G":
		d.top = len(d.lines)
	default:
		if d.press != nil && d.ready {
			return d.press(d.value, k)
		}
		return nil, false
	}
	return nil, true
}

func (d *detail) Filter(text string) error {
	f, err := newFilter(text)
	if err != nil {
		return err
	}
	d.find, d.top = f, 0
	return nil
}

func (d *detail) Filtering() string {
	if d.find == nil {
		return ""
	}
	return d.find.text
}

func (d *detail) View(width, height int) string {
	if d.refused != "" {
		return "\n  " + d.paint(careful, "not shown: "+clean(d.refused))
	}
	if !d.ready {
		return "\n  " + d.paint(faint, nameOf(d.waiting, "reading …"))
	}
	if d.width != width {
		d.lines, d.width = d.render(d.value, width-2), width
	}
	lines := d.lines
	if d.find != nil {
		lines = nil
		for _, l := range d.lines {
			if d.find.re.MatchString(ansi.Strip(l)) != d.find.not {
				lines = append(lines, l)
			}
		}
	}
	d.height = height - 1
	d.top = max(0, min(d.top, len(lines)-d.height))
	end := min(len(lines), d.top+d.height)
	var b strings.Builder
	for _, l := range lines[d.top:end] {
		b.WriteString(" " + l + "\n")
	}
	if end < len(lines) {
		b.WriteString(d.paint(faint, fmt.Sprintf(" ↓ %d more lines", len(lines)-end)))
	}
	return b.String()
}

// facts are names and values, one beneath the other.
type facts struct {
	p     *palette
	width int
	lines []string
}

func (f *facts) add(name, value string, t tone) {
	if value == "" {
		return
	}
	const wide = 18
	for i, part := range wrap(clean(value), max(20, f.width-wide)) {
		if i > 0 {
			name = ""
		}
		f.lines = append(f.lines, f.p.paint(faint, fill(name, wide))+f.p.paint(t, part))
	}
}

func (f *facts) title(s string) {
	if len(f.lines) > 0 {
		f.lines = append(f.lines, "")
	}
	f.lines = append(f.lines, f.p.paint(strong, s))
}

// text adds lines. What is broken goes on a little further in than it began, so
// that one still sees where the lines of a text begin.
func (f *facts) text(s string) {
	room := max(20, f.width-2)
	for _, l := range strings.Split(s, "\n") {
		l = clean(strings.ReplaceAll(l, "\t", "  "))
		begins := strings.TrimLeft(l, " ")
		in := min(len(l)-len(begins), room/2)
		for i, part := range wrap(begins, room-in-2) {
			if i > 0 {
				part = "  " + strings.TrimLeft(part, " ")
			}
			f.lines = append(f.lines, strings.Repeat(" ", in+2)+part)
		}
	}
}

// wrap breaks a text into lines of a width.
func wrap(s string, width int) []string {
	return strings.Split(ansi.Wrap(s, width, "/-,"), "\n")
}

// pretty lays JSON out; what is none stays as it is.
func pretty(b []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, b, "", "  ") != nil {
		return string(b)
	}
	return out.String()
}

// moment is a time and how long ago it is.
func (d *desk) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	now := d.now()
	if t.After(now) {
		return t.Local().Format("2006-01-02 15:04:05.000") + "  in " + age(t.Sub(now))
	}
	return t.Local().Format("2006-01-02 15:04:05.000") + "  " + age(now.Sub(t)) + " ago"
}

// ago is how old something is. What sorts it does not go with the clock, as
// rows are not all drawn at the same moment.
func (d *desk) ago(t time.Time) cell {
	if t.IsZero() {
		return cell{}
	}
	const distant = 1e14 // milliseconds, a time that is far ahead
	return cell{text: age(d.now().Sub(t)), num: distant - float64(t.UnixMilli())}
}
