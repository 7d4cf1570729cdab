package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

const gap = 2

// widths are those of the columns; one that has no room has 0. Where there is too
// little, those go that have nothing in them, then those that give become
// narrower, then the last go; and what is left over is given back.
func (g *grid) widths(width int, seen []*entry) (ws []int, hidden int) {
	if g.over != width || len(g.wide) != len(g.columns) {
		g.over, g.wide = width, make([]int, len(g.columns))
	}
	ws = make([]int, len(g.columns))
	for c := range g.columns {
		for _, r := range seen {
			g.wide[c] = max(g.wide[c], min(ansi.StringWidth(r.text(c)), width))
		}
		ws[c] = max(ansi.StringWidth(g.title(c)), g.wide[c])
	}
	total := func() int {
		n := 0
		for _, w := range ws {
			if w > 0 {
				n += w + gap
			}
		}
		return n - gap
	}
	shrink := func(may func(c int) bool) {
		for total() > width {
			widest := -1
			for c := range ws {
				if may(c) && ws[c] > max(g.columns[c].least, 1) && (widest < 0 || ws[c] > ws[widest]) {
					widest = c
				}
			}
			if widest < 0 {
				return
			}
			ws[widest]--
		}
	}
	wanted := slices.Clone(ws)
	for c := len(ws) - 1; c > 0 && total() > width && len(seen) > 0; c-- {
		if g.wide[c] == 0 {
			ws[c] = 0
		}
	}
	shrink(func(c int) bool { return g.columns[c].gives })
	for last := len(ws) - 1; total() > width && last > 0; last-- {
		if ws[last] > 0 {
			ws[last] = 0
			hidden++
		}
	}
	shrink(func(int) bool { return true })
	room := width - total()
	if hidden > 0 {
		room -= len(" +1") // which stands in the head
	}
	for ; room > 0; room-- {
		least := -1 // that is cut, and has the least of what it wants
		for c := range ws {
			if ws[c] > 0 && ws[c] < wanted[c] && (least < 0 || ws[c]*wanted[least] < ws[least]*wanted[c]) {
				least = c
			}
		}
		if least < 0 {
			break
		}
		ws[least]++
	}
	return ws, hidden
}

func (g *grid) title(c int) string {
	t := g.columns[c].title
	if c == g.sortBy {
		if g.down {
			return t + "▼"
		}
		return t + "▲"
	}
	return t
}

// view draws the header and as many rows as fit.
func (g *grid) view(p *palette, width, height int, empty string) string {
	if height < 2 {
		return ""
	}
	body := height - 1
	g.top = max(0, min(g.top, len(g.shown)-body))
	if g.at < g.top {
		g.top = g.at
	}
	if g.at >= g.top+body {
		g.top = g.at - body + 1
	}
	seen := g.shown[g.top:min(len(g.shown), g.top+body)]
	if g.fresh != nil {
		for _, r := range seen {
			r.cells = g.fresh(r.key)
		}
	}
	ws, hidden := g.widths(width-2, seen)
	var b strings.Builder
	titles := make([]string, len(ws))
	for c := range ws {
		titles[c] = g.title(c)
	}
	head := "  " + line(ws, g.columns, func(c int) string { return titles[c] }, nil)
	if hidden > 0 {
		more := fmt.Sprintf(" +%d", hidden)
		head = fill(head, width-len(more)) + more
	}
	b.WriteString(p.paint(faint, fill(head, width)))
	if len(g.shown) == 0 {
		b.WriteString("\n\n  " + p.paint(faint, ansi.Truncate(empty, width-2, "…")))
		return b.String()
	}
	for n, r := range seen {
		b.WriteByte('\n')
		sign := "  "
		if g.marked[r.key] {
			sign = "* "
		}
		if g.top+n == g.at && !g.quiet {
			if sign == "  " {
				sign = "> "
			} else {
				sign = ">*"
			}
			text := sign + line(ws, g.columns, func(c int) string { return r.text(c) }, nil)
			b.WriteString(p.cursor(fill(text, width)))
			continue
		}
		b.WriteString(sign + line(ws, g.columns, func(c int) string { return r.text(c) }, func(c int, s string) string {
			if c < len(r.cells) {
				return p.paint(r.cells[c].tone, s)
			}
			return s
		}))
	}
	return b.String()
}

func (r *row) text(c int) string {
	if c >= len(r.cells) {
		return ""
	}
	return r.cells[c].text
}

// line lays out one row.
func line(ws []int, columns []column, text func(int) string, paint func(int, string) string) string {
	var b strings.Builder
	first := true
	for c, w := range ws {
		if w == 0 {
			continue
		}
		if !first {
			b.WriteString("  ")
		}
		first = false
		s := fit(text(c), w, columns[c].right)
		if paint != nil {
			s = paint(c, s)
		}
		b.WriteString(s)
	}
	return b.String()
}

// fit makes a text exactly so wide: cut with a mark, or padded.
func fit(s string, w int, right bool) string {
	n := ansi.StringWidth(s)
	if n > w {
		s = ansi.Truncate(s, w, "…")
		n = ansi.StringWidth(s)
	}
	pad := strings.Repeat(" ", max(0, w-n))
	if right {
		return pad + s
	}
	return s + pad
}

// fill pads a line to a width, or cuts it with a mark.
func fill(s string, w int) string { return fit(s, w, false) }
