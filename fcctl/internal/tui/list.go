package tui

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
)

// list is a page of things of one type. Most pages are one of these with
// columns and a few keys.
type list[T any] struct {
	*desk
	name       string
	equivalent string
	every      time.Duration
	empty      string // what an empty list means
	grid       *grid
	things     map[string]T
	more       bool // there are more than were read
	ready      bool
	refused    string // why it is not shown
	above      int    // lines above the table when it was drawn
	rows       map[string]*entry
	state      state
	since      time.Time // since when nothing comes, where it waits
	source     *feed[T]

	fetch func(ctx context.Context) ([]T, bool, error)
	// before, if set, reads what comes after the last row of the list.
	before func(ctx context.Context) ([]T, bool, error)
	digs   time.Time // when that was asked for and has not come yet
	row    func(T) row
	enter  func(T) tea.Cmd
	keys   []key
	key    func(l *list[T], k string, chosen []T) (tea.Cmd, bool)
	head   func(width int) string // a line above the table
	// follow, if set, brings what is new of the things, so that they are not
	// read again and again. Fits says whether one of them belongs here; nil is
	// that all do. Lean leaves out what the list does not show.
	follow func(ctx context.Context) iter.Seq2[client.Followed[T], error]
	fits   func(T) bool
	lean   func(T) T
}

func (l *list[T]) Name() string       { return l.name }
func (l *list[T]) Equivalent() string { return l.equivalent }
func (l *list[T]) Keys() []key        { return l.keys }

// Every implements Paced. What a stream brings is not read.
func (l *list[T]) Every() time.Duration {
	if l.followed() {
		return 0
	}
	return max(l.every, 0)
}

// followed says that a stream brings what is new. Until it does, the list is
// read as others are: a stream may be long in coming, behind a proxy say.
func (l *list[T]) followed() bool { return l.follow != nil && l.state == flows }

type listed[T any] struct {
	things []T
	more   bool
}

// Read implements Page.
func (l *list[T]) Read() tea.Cmd {
	if l.followed() {
		return nil
	}
	return read(l.desk, l, func(ctx context.Context) (listed[T], error) {
		things, more, err := l.fetch(ctx)
		return listed[T]{things, more}, err
	})
}

// Take implements Page.
func (l *list[T]) Take(msg any) {
	switch m := msg.(type) {
	case listed[T]:
		l.refused = ""
		switch {
		case l.state == flows: // it was asked before there was a stream
		case l.state == waits && l.ready:
			l.merge(m.things)
		default:
			l.put(m.things, m.more)
		}
	case *news[T]:
		l.hear(m)
	case older[T]:
		l.dug(m)
	case refusal:
		l.refused = m.why
		l.put(nil, false)
	}
}

func (l *list[T]) put(things []T, more bool) {
	l.ready, l.more = true, more
	l.things, l.rows = make(map[string]T, len(things)), make(map[string]*entry, len(things))
	rows := make([]*entry, len(things))
	for i, t := range things {
		rows[i] = l.drawn(t)
		l.know(t, rows[i])
	}
	l.show(rows)
}

// drawn is the row of a thing.
func (l *list[T]) drawn(t T) *entry {
	e := &entry{row: l.row(t)}
	for i := range e.cells {
		e.cells[i].text = clean(e.cells[i].text)
	}
	return e
}

// know keeps a thing and its row.
func (l *list[T]) know(t T, r *entry) {
	if l.lean != nil {
		t = l.lean(t)
	}
	l.things[r.key], l.rows[r.key] = t, r
}

// show hands rows to the table.
func (l *list[T]) show(rows []*entry) {
	if l.grid.fresh == nil {
		l.grid.fresh = func(key string) []cell { return l.drawn(l.things[key]).cells }
	}
	l.grid.keep(rows)
}

// Renew makes all rows anew: what their ids mean is known now.
func (l *list[T]) Renew() {
	rows := make([]*entry, len(l.grid.rows))
	for i, r := range l.grid.rows {
		t := l.things[r.key]
		rows[i] = l.drawn(t)
		l.know(t, rows[i])
	}
	l.show(rows)
}

// chosen are the marked things, or the one under the cursor.
func (l *list[T]) chosen() []T {
	var ts []T
	for _, k := range l.grid.chosen() {
		ts = append(ts, l.things[k])
	}
	return ts
}

// Key implements Page.
func (l *list[T]) Key(k string) (tea.Cmd, bool) {
	if l.grid.press(k) {
		return l.dig(), true
	}
	l.grid.hold()
	if k == "enter" || k == "d" {
		t, is := l.things[l.grid.key()]
		if !is || l.enter == nil {
			return nil, true
		}
		return l.enter(t), true
	}
	if l.key != nil {
		if cmd, known := l.key(l, k, l.chosen()); known {
			return cmd, true
		}
	}
	return nil, false
}

// Copy is what y copies.
func (l *list[T]) Copy() string { return strings.Join(l.grid.chosen(), "\n") }

// Unmark takes all marks away, once what was done to them is done.
func (l *list[T]) Unmark() { l.grid.unmark() }

func (l *list[T]) Filter(text string) error { return l.grid.find(text) }

func (l *list[T]) Filtering() string {
	if l.grid.filter == nil {
		return ""
	}
	return l.grid.filter.text
}

// View implements Page.
func (l *list[T]) View(width, height int) string {
	var b strings.Builder
	l.above = 0
	if l.head != nil && l.ready {
		if h := l.head(width); h != "" {
			b.WriteString(h + "\n")
			l.above = strings.Count(h, "\n") + 1
			height -= l.above
		}
	}
	empty := l.empty
	switch {
	case !l.ready:
		empty = "reading …"
	case l.refused != "":
		empty = "not shown: " + clean(l.refused)
	case l.grid.filter != nil && len(l.grid.rows) > 0:
		empty = fmt.Sprintf("none of %d has /%s; esc shows them all", len(l.grid.rows), l.grid.filter.text)
	}
	b.WriteString(l.grid.view(l.palette, width, height, empty))
	return b.String()
}

// Count is what stands beside the breadcrumbs.
func (l *list[T]) Count() string {
	if !l.ready {
		return ""
	}
	n := fmt.Sprint(len(l.grid.rows))
	if l.more {
		n += "+"
	}
	if len(l.grid.shown) != len(l.grid.rows) {
		n = fmt.Sprintf("%d of %s", len(l.grid.shown), n)
	}
	if m := len(l.grid.marked); m > 0 {
		n += fmt.Sprintf(", %d marked", m)
	}
	if l.grid.heads && l.grid.top > 0 {
		n += fmt.Sprintf(", ↑ %d", l.grid.top)
	}
	switch l.state {
	case waits:
		n += ", not live for " + age(l.now().Sub(l.since))
	case polled:
		n += ", polled"
	case floods:
		n += ", too many to follow: the newest now and then"
	}
	return n
}

// press does what keys mean in every table.
func (g *grid) press(k string) bool {
	switch k {
	case "up", "k":
		g.move(-1)
	case "down", "j":
		g.move(1)
	case "pgup", "ctrl+b":
		g.move(-20)
	case "pgdown", "ctrl+f":
		g.move(20)
	case "home", "g":
		g.move(-len(g.rows))
	case "end", "G":
		g.move(len(g.rows))
	case " ":
		g.mark()
	case "s":
		g.sort(g.sortBy + 1)
	case "S":
		if g.sortBy >= 0 {
			g.sort(g.sortBy)
		}
	default:
		return false
	}
	return true
}

// tableKeys are those.
var tableKeys = []key{
	{name: "↑ ↓ j k", does: "go up and down"}, {name: "pgup pgdn", does: "by 20"}, {name: "g G", does: "to the first, the last"},
	{name: "enter d", does: "look at one"}, {name: "space", does: "mark"}, {name: "s S", does: "sort by the next column, the other way round"}, {name: "y", does: "copy its name"},
}

// clean makes what came from elsewhere harmless on a terminal.
func clean(s string) string { return view.Clean(s) }
