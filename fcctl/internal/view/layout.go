package view

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Layout is what somebody asked of the tables of one command.
type Layout struct {
	// Columns are the only ones to show, in this order; nil is all.
	Columns []string
	// SortBy is a column to order the rows by; a dash before it turns the
	// order round.
	SortBy string
	// NoHeaders leaves out the line of heads.
	NoHeaders bool

	heads []string // of all tables so far
}

// Used says that there was a table.
func (l *Layout) Used() bool { return len(l.heads) > 0 }

// Heads are the columns that could have been asked for.
func (l *Layout) Heads() []string { return l.heads }

// Missing is a column that was asked for and that no table had, or "".
func (l *Layout) Missing() string {
	for _, name := range append(slices.Clone(l.Columns), strings.TrimPrefix(l.SortBy, "-")) {
		if name != "" && column(l.heads, name) < 0 {
			return name
		}
	}
	return ""
}

// column finds a head by what a person types: in any case, with any of " -_"
// between its words or nothing.
func column(heads []string, typed string) int {
	bare := func(s string) string {
		return strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(s))
	}
	return slices.IndexFunc(heads, func(h string) bool { return bare(h) == bare(typed) })
}

// apply orders and chooses. Of several tables each shows those of the columns
// that it has. Always says of a column that it is shown though it is empty.
func (l *Layout) apply(t *table) (laid *table, always bool) {
	if l == nil {
		return t, false
	}
	for _, h := range t.head {
		if !slices.Contains(l.heads, h) {
			l.heads = append(l.heads, h)
		}
	}
	rows := slices.Clone(t.rows)
	by, down := strings.CutPrefix(l.SortBy, "-")
	if i := column(t.head, by); by != "" && i >= 0 {
		slices.SortStableFunc(rows, func(a, b []cell) int {
			if down {
				a, b = b, a
			}
			return order(a[i].text, b[i].text)
		})
	}
	if len(l.Columns) == 0 {
		return &table{head: t.head, rows: rows}, false
	}
	laid = new(table)
	var chosen []int
	for _, name := range l.Columns {
		if i := column(t.head, name); i >= 0 {
			chosen = append(chosen, i)
			laid.head = append(laid.head, t.head[i])
		}
	}
	for _, r := range rows {
		var row []cell
		for _, i := range chosen {
			row = append(row, r[i])
		}
		laid.row(row...)
	}
	return laid, true
}

// order compares two cells: as numbers if both are, else as text.
func order(a, b string) int {
	x, xerr := strconv.ParseFloat(a, 64)
	y, yerr := strconv.ParseFloat(b, 64)
	if xerr == nil && yerr == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
}
