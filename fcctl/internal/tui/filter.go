package tui

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// filter is what was typed after a slash: a regular expression, and with ! in
// front what must not be there.
type filter struct {
	text string
	not  bool
	re   *regexp.Regexp
	// word is the expression where it is but a word, in small letters: most
	// are, and ten thousand rows are searched for one at every key.
	word string
	// known is what it said of texts before: states, types and reasons come
	// in many rows, and an expression takes its time.
	known map[string]bool
}

// mostKnown bounds those; ids are told apart by none of them.
const mostKnown = 1000

func newFilter(text string) (*filter, error) {
	if text == "" || text == "!" {
		return nil, nil
	}
	f := &filter{text: text, known: map[string]bool{}}
	expr := text
	if f.not = expr[0] == '!'; f.not {
		expr = expr[1:]
	}
	re, err := regexp.Compile(expr)
	if err == nil {
		if word, whole := re.LiteralPrefix(); whole { // with (?i) none is
			f.word = strings.ToLower(word)
		}
		f.re, err = regexp.Compile("(?i)" + expr)
	}
	if err != nil {
		why := err.Error()
		var wrong *syntax.Error
		if errors.As(err, &wrong) {
			why = wrong.Code.String()
		}
		return nil, fmt.Errorf("%q is no regular expression: %s", expr, why)
	}
	return f, nil
}

// takes says whether a row is to be shown. A nil filter takes all.
func (f *filter) takes(r *entry) bool {
	if f == nil {
		return true
	}
	if r.judge != f {
		r.judge, r.fits = f, f.found(r) != f.not
	}
	return r.fits
}

func (f *filter) found(r *entry) bool {
	if f.word != "" {
		return strings.Contains(r.small(), f.word)
	}
	for i := range r.cells {
		if f.has(r.cells[i].text) {
			return true
		}
	}
	return false
}

func (f *filter) has(text string) bool {
	has, known := f.known[text]
	if !known {
		has = f.re.MatchString(text)
		if len(f.known) < mostKnown {
			f.known[text] = has
		}
	}
	return has
}

// small are the cells of a row in small letters, with a sign between them that
// no cell has.
func (r *entry) small() string {
	if r.lower == "" {
		var b strings.Builder
		for i := range r.cells {
			b.WriteString(r.cells[i].text)
			b.WriteByte(0)
		}
		r.lower = strings.ToLower(b.String())
	}
	return r.lower
}
