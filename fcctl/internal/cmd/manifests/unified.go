package manifests

import (
	"fmt"
	"strings"
)

// contextLines is how many lines around a change are shown.
const contextLines = 3

// edit is a line of a comparison: kept, removed or added.
type edit struct {
	sign byte // ' ', '-' or '+'
	text string
}

// unified compares two texts line by line, as diff -u does. It is empty if
// they are the same.
func unified(before, after, beforeName, afterName string) string {
	es := edits(lines(before), lines(after))
	var changed []int
	for i, e := range es {
		if e.sign != ' ' {
			changed = append(changed, i)
		}
	}
	if len(changed) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", beforeName, afterName)
	for n := 0; n < len(changed); n++ {
		first := changed[n]
		for n+1 < len(changed) && changed[n+1]-changed[n] <= 2*contextLines {
			n++
		}
		hunk(&b, es, max(0, first-contextLines), min(len(es), changed[n]+contextLines+1))
	}
	return b.String()
}

// hunk writes some lines under the numbers of the first in both texts.
func hunk(b *strings.Builder, es []edit, from, to int) {
	count := func(part []edit) (was, is int) {
		for _, e := range part {
			if e.sign != '+' {
				was++
			}
			if e.sign != '-' {
				is++
			}
		}
		return was, is
	}
	was, is := count(es[:from])
	n, m := count(es[from:to])
	first := func(before, length int) int {
		if length == 0 {
			return before
		}
		return before + 1
	}
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", first(was, n), n, first(is, m), m)
	for _, e := range es[from:to] {
		b.WriteByte(e.sign)
		b.WriteString(e.text + "\n")
	}
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// edits finds a longest common subsequence, after what both have at the start
// and at the end.
func edits(a, b []string) []edit {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var es []edit
	keep := func(ls []string, sign byte) {
		for _, l := range ls {
			es = append(es, edit{sign, l})
		}
	}
	keep(a[:head], ' ')
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(x)*len(y) > 4<<20 { // a table of that size would be slow: all is new
		keep(x, '-')
		keep(y, '+')
	} else {
		es = append(es, common(x, y)...)
	}
	keep(a[len(a)-tail:], ' ')
	return es
}

func common(a, b []string) []edit {
	// length[i][j] is how much a[i:] and b[j:] have in common.
	length := make([][]int32, len(a)+1)
	for i := range length {
		length[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var es []edit
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			es = append(es, edit{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[i+1][j] >= length[i][j+1]:
			es = append(es, edit{'-', a[i]})
			i++
		default:
			es = append(es, edit{'+', b[j]})
			j++
		}
	}
	return es
}
