package tui

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// A cell is one value of a row. Num, where it is not zero, sorts in its place.
type cell struct {
	text string
	tone tone
	num  float64
}

// A row is one thing of a list. The key stays the same when it is read again.
type row struct {
	key   string
	cells []cell
}

// A column says how its cells are laid out.
type column struct {
	title string
	least int  // narrower than this it goes before it is cut further
	right bool // numbers
	gives bool // is cut first when there is too little room
}

// grid is a table with a cursor: sorted, filtered, marked, and only as much of
// it drawn as can be seen.
type grid struct {
	columns []column
	rows    []row
	shown   []int // of rows, in the order of the screen
	at      int   // the cursor, in shown
	top     int   // the first one on the screen
	marked  map[string]bool
	sortBy  int // a column, -1 for the order in which the rows came
	down    bool
	filter  *filter
	quiet   bool // without a cursor: to be looked at
}

func newGrid(columns ...column) *grid {
	return &grid{columns: columns, sortBy: -1, marked: map[string]bool{}}
}

// filter is what was typed after a slash: a regular expression, and with ! in
// front what must not be there.
type filter struct {
	text string
	not  bool
	re   *regexp.Regexp
}

func newFilter(text string) (*filter, error) {
	if text == "" || text == "!" {
		return nil, nil
	}
	f := &filter{text: text}
	expr := text
	if f.not = expr[0] == '!'; f.not {
		expr = expr[1:]
	}
	var err error
	if f.re, err = regexp.Compile("(?i)" + expr); err != nil {
		return nil, fmt.Errorf("%q is no regular expression", expr)
	}
	return f, nil
}

func (f *filter) takes(r *row) bool {
	if f == nil {
		return true
	}
	found := false
	for i := range r.cells {
		if found = f.re.MatchString(r.cells[i].text); found {
			break
		}
	}
	return found != f.not
}

// set takes new rows. The cursor stays on its row, and where that is gone at
// its place; marks of what is gone go.
func (g *grid) set(rows []row) {
	key := g.key()
	g.rows = rows
	if len(g.marked) > 0 {
		there := make(map[string]bool, len(rows))
		for i := range rows {
			there[rows[i].key] = true
		}
		for k := range g.marked {
			if !there[k] {
				delete(g.marked, k)
			}
		}
	}
	g.arrange(key)
}

// arrange filters and sorts, and keeps the cursor on a row.
func (g *grid) arrange(key string) {
	g.shown = g.shown[:0]
	for i := range g.rows {
		if g.filter.takes(&g.rows[i]) {
			g.shown = append(g.shown, i)
		}
	}
	if by := g.sortBy; by >= 0 {
		slices.SortStableFunc(g.shown, func(a, b int) int {
			x, y := g.rows[a].cells[by], g.rows[b].cells[by]
			c := cmp.Compare(x.num, y.num)
			if c == 0 {
				c = strings.Compare(x.text, y.text)
			}
			if g.down {
				return -c
			}
			return c
		})
	}
	if key != "" {
		for n, i := range g.shown {
			if g.rows[i].key == key {
				g.at = n
				return
			}
		}
	}
	g.at = max(0, min(g.at, len(g.shown)-1))
}

// key is that of the row under the cursor.
func (g *grid) key() string {
	if g.at < 0 || g.at >= len(g.shown) {
		return ""
	}
	return g.rows[g.shown[g.at]].key
}

// chosen are the keys of the marked rows, or that of the one under the cursor.
func (g *grid) chosen() []string {
	if len(g.marked) == 0 {
		if k := g.key(); k != "" {
			return []string{k}
		}
		return nil
	}
	var keys []string
	for i := range g.rows {
		if g.marked[g.rows[i].key] {
			keys = append(keys, g.rows[i].key)
		}
	}
	return keys
}

// mark marks the row under the cursor, or takes its mark away, and goes on.
func (g *grid) mark() {
	k := g.key()
	if k == "" {
		return
	}
	if g.marked[k] {
		delete(g.marked, k)
	} else {
		g.marked[k] = true
	}
	g.move(1)
}

func (g *grid) unmark() { clear(g.marked) }

func (g *grid) move(by int) { g.at = max(0, min(g.at+by, len(g.shown)-1)) }

// sort goes to the next column, or with the same one turns it round.
func (g *grid) sort(by int) {
	key := g.key()
	switch {
	case by >= len(g.columns):
		by = -1
		fallthrough
	case by != g.sortBy:
		g.sortBy, g.down = by, by >= 0 && g.columns[by].right
	default:
		g.down = !g.down
	}
	g.arrange(key)
}

func (g *grid) find(text string) error {
	f, err := newFilter(text)
	if err != nil {
		return err
	}
	key := g.key()
	g.filter = f
	g.arrange(key)
	return nil
}

const gap = 2

// widths are those of the columns; one that has no room has 0.
func (g *grid) widths(width, from, to int) (ws []int, hidden int) {
	ws = make([]int, len(g.columns))
	for c := range g.columns {
		ws[c] = ansi.StringWidth(g.title(c))
		for _, i := range g.shown[from:to] {
			if c < len(g.rows[i].cells) {
				ws[c] = max(ws[c], ansi.StringWidth(g.rows[i].cells[c].text))
			}
		}
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
	shrink(func(c int) bool { return g.columns[c].gives })
	for last := len(ws) - 1; total() > width && last > 0; last-- {
		ws[last] = 0
		hidden++
	}
	shrink(func(int) bool { return true })
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
	to := min(len(g.shown), g.top+body)
	ws, hidden := g.widths(width-2, g.top, to)
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
	for n := g.top; n < to; n++ {
		r := &g.rows[g.shown[n]]
		b.WriteByte('\n')
		sign := "  "
		if g.marked[r.key] {
			sign = "* "
		}
		if n == g.at && !g.quiet {
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
