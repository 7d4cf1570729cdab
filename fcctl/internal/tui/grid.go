package tui

import (
	"cmp"
	"slices"
	"strings"
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

// An entry is a row in a table.
type entry struct {
	row
	judge *filter // the one that judged it last, and how
	fits  bool
	lower string // its cells in small letters, once they were searched
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
	rows    []*entry
	shown   []*entry // what the filter takes, in the order of the screen
	at      int      // the cursor, in shown
	top     int      // the first one on the screen
	marked  map[string]bool
	sortBy  int // a column, -1 for the order in which the rows came
	down    bool
	filter  *filter
	quiet   bool // without a cursor: to be looked at
	// heads says that a cursor on the first row stays there when others come
	// above it, and not on its row, until held.
	heads, held bool
	// fresh, if set, draws the cells of a row that is seen as they are now.
	fresh func(key string) []cell
	// wide are the widest cells that were seen in a window of this width, so
	// that columns do not dance while rows come.
	wide []int
	over int
}

func newGrid(columns ...column) *grid {
	return &grid{columns: columns, sortBy: -1, marked: map[string]bool{}}
}

// set takes new rows. The cursor stays on its row, and where that is gone at
// its place; marks of what is gone go.
func (g *grid) set(rows []row) {
	all := make([]*entry, len(rows))
	for i := range rows {
		all[i] = &entry{row: rows[i]}
	}
	g.keep(all)
}

// keep is set for rows some of which are known already.
func (g *grid) keep(rows []*entry) {
	key := g.key()
	g.rows = rows
	if len(g.marked) > 0 {
		there := make(map[string]bool, len(rows))
		for _, r := range rows {
			there[r.key] = true
		}
		for k := range g.marked {
			if !there[k] {
				delete(g.marked, k)
			}
		}
	}
	g.arrange(key)
}

// arrange filters and sorts, and keeps the cursor on a row, at its height on
// the screen.
func (g *grid) arrange(key string) {
	clear(g.shown)
	g.shown = g.shown[:0]
	for _, r := range g.rows {
		if g.filter.takes(r) {
			g.shown = append(g.shown, r)
		}
	}
	if by := g.sortBy; by >= 0 {
		slices.SortStableFunc(g.shown, func(a, b *entry) int {
			x, y := &a.cells[by], &b.cells[by]
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
	if g.heads && !g.held && g.at == 0 && g.sortBy < 0 {
		return
	}
	if key != "" {
		for n, r := range g.shown {
			if r.key == key {
				g.top += n - g.at
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
	return g.shown[g.at].key
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
	for _, r := range g.rows {
		if g.marked[r.key] {
			keys = append(keys, r.key)
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

func (g *grid) move(by int) {
	g.at = max(0, min(g.at+by, len(g.shown)-1))
	g.held = false
}

// hold keeps the cursor on its row, even on the first, until it is moved:
// somebody does something about that row.
func (g *grid) hold() { g.held = true }

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
