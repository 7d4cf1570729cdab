package view

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// What a column keeps while others still have more than they need, and what it
// keeps at last.
const (
	roomy  = 20
	narrow = 6
)

// whole are the columns that are never cut: what is typed into the next command,
// and the one word that a list is looked through for.
var whole = []string{"ID", "CODE", "JOB", "MESSAGE", "STATUS"}

// clockLayout is what clock writes, of which the year says the least.
const clockLayout = "2006-01-02 15:04:05"

// fit shortens columns until a row has room within a line: first the widest,
// then years and heads, then what is left. Some stay whole, even where a row does
// not fit then.
func (t *table) fit(widths []int, most int) *table {
	over := func() int {
		sum := -2
		for _, w := range widths {
			if w > 0 {
				sum += w + 2
			}
		}
		return sum - most
	}
	if over() <= 0 {
		return t
	}
	kept := func(i int) bool { return slices.Contains(whole, t.head[i]) || t.clocks(i) }
	shrink := func(least int) {
		for over() > 0 {
			widest := -1
			for i, w := range widths {
				if !kept(i) && w > least && (widest < 0 || w > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				return
			}
			widths[widest]--
		}
	}
	out := &table{head: slices.Clone(t.head)}
	for _, r := range t.rows {
		out.rows = append(out.rows, slices.Clone(r))
	}
	shrink(roomy)
	for i := range out.head {
		if over() <= 0 {
			break
		}
		if t.clocks(i) {
			for _, r := range out.rows {
				r[i].text = strings.TrimPrefix(r[i].text, r[i].text[:min(len(r[i].text), len("2006-"))])
			}
			widths[i] -= len("2006-")
		}
	}
	for i := range out.head {
		if over() <= 0 || widths[i] == 0 {
			continue
		}
		cells := 4
		for _, r := range out.rows {
			cells = max(cells, utf8.RuneCountInString(r[i].text))
		}
		widths[i] = min(widths[i], max(cells, widths[i]-over()))
	}
	shrink(narrow)
	for i, w := range widths {
		if w == 0 {
			continue
		}
		out.head[i] = cut(out.head[i], w, false)
		for _, r := range out.rows {
			r[i].text = cut(r[i].text, w, t.head[i] == "TYPE")
		}
	}
	return out
}

// clocks says that a column holds times.
func (t *table) clocks(i int) bool {
	some := false
	for _, r := range t.rows {
		if r[i].text == "" {
			continue
		}
		if _, err := time.Parse(clockLayout, r[i].text); err != nil {
			return false
		}
		some = true
	}
	return some
}

// cut shortens a text to a width: at its end, or at the front where the end says
// more, as of the type of an event.
func cut(s string, width int, front bool) string {
	r := []rune(s)
	switch {
	case len(r) <= width:
		return s
	case front:
		return "…" + string(r[len(r)-width+1:])
	}
	return string(r[:width-1]) + "…"
}
