package view

import (
	"strings"
	"time"
	"unicode/utf8"
)

// table lines up rows under headers. Columns that are empty in every row are
// left out: a list of unordered jobs needs no column of groups.
type table struct {
	head []string
	rows [][]cell
}

// cell is a text and the ink to show it in; padding counts the text alone.
type cell struct {
	text string
	ink  func(string) string
}

func plain(s string) cell { return cell{text: s} }

func (t *table) row(cells ...cell) {
	for i := range cells {
		cells[i].text = Clean(cells[i].text)
	}
	t.rows = append(t.rows, cells)
}

func (t *table) String(ink Ink) string {
	t, always := ink.layout.apply(t)
	if len(t.head) == 0 {
		return ""
	}
	widths := make([]int, len(t.head))
	for i := range t.head {
		for _, r := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(r[i].text))
		}
		if widths[i] > 0 || always {
			widths[i] = max(widths[i], utf8.RuneCountInString(t.head[i]))
		}
	}
	if ink.width > 0 {
		t = t.fit(widths, ink.width)
	}
	var b strings.Builder
	line := func(cells []cell) {
		var l strings.Builder
		for i, c := range cells {
			if widths[i] == 0 {
				continue
			}
			if l.Len() > 0 {
				l.WriteString("  ")
			}
			text := c.text
			if c.ink != nil {
				text = c.ink(text)
			}
			l.WriteString(text + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)))
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	head := make([]cell, len(t.head))
	for i, h := range t.head {
		head[i] = cell{h, ink.Bold}
	}
	if ink.layout == nil || !ink.layout.NoHeaders {
		line(head)
	}
	for _, r := range t.rows {
		line(r)
	}
	return b.String()
}

// facts lines up names and values, one per line, and leaves out empty values.
type facts struct {
	names  []string
	values []cell
}

func (f *facts) add(name, value string) { f.put(name, plain(value)) }

func (f *facts) put(name string, c cell) {
	if c.text != "" {
		c.text = CleanLines(c.text)
		f.names, f.values = append(f.names, Clean(name)), append(f.values, c)
	}
}

func (f *facts) String(ink Ink) string {
	width := 0
	for _, n := range f.names {
		width = max(width, utf8.RuneCountInString(n))
	}
	var b strings.Builder
	for i, n := range f.names {
		v := f.values[i].text
		if f.values[i].ink != nil {
			v = f.values[i].ink(v)
		}
		v = strings.ReplaceAll(v, "\n", "\n"+strings.Repeat(" ", width+2))
		b.WriteString(ink.Dim(n) + strings.Repeat(" ", width-utf8.RuneCountInString(n)+2) + v + "\n")
	}
	return b.String()
}

// clock is a moment as people compare it: the date and the second, UTC.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// Short cuts a text to n characters.
func Short(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return string(r[:n-1]) + "…"
}
