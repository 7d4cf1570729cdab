package view

import (
	"fmt"
	"regexp"
	"strings"
)

// instead stands for what a terminal must not get.
const instead = '·'

// strange says of a character that a terminal may take it for a command (C0 and
// C1), or that it turns the order of others round so that they read as what
// they are not (Unicode TR36, bidirectional text).
func strange(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c
}

// Clean is a text from elsewhere as it may stand on a line of a terminal.
func Clean(s string) string {
	return cleaned(s, func(r rune) rune { return ' ' })
}

// CleanLines is Clean of a text that may have several lines.
func CleanLines(s string) string {
	return cleaned(s, func(r rune) rune {
		if r == '\r' {
			return ' '
		}
		return r
	})
}

// cleaned replaces what is strange, and white space as space says.
func cleaned(s string, space func(rune) rune) string {
	if strings.IndexFunc(s, strange) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return space(r)
		case strange(r):
			return instead
		}
		return r
	}, s)
}

// inks are what an Ink writes.
var inks = regexp.MustCompile("\x1b\\[(?:0|1|2|31|32|33|36)m")

// Shown is what was made for people as a terminal may have it: what an ink has
// written stays, and nothing else that a terminal would obey.
func (i Ink) Shown(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return strange(r) && r != '\n' && r != '\t' }) < 0 {
		return s
	}
	if !i.on {
		return CleanLines(s)
	}
	var b strings.Builder
	at := 0
	for _, m := range inks.FindAllStringIndex(s, -1) {
		b.WriteString(CleanLines(s[at:m[0]]))
		b.WriteString(s[m[0]:m[1]])
		at = m[1]
	}
	b.WriteString(CleanLines(s[at:]))
	return b.String()
}

// EscapeJSON writes the characters of a JSON text that a terminal would obey,
// and that JSON lets stand, with JSON's own escapes: the value is the same.
func EscapeJSON(text []byte) []byte {
	odd := func(r rune) bool { return r >= 0x7f && strange(r) }
	if strings.IndexFunc(string(text), odd) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range string(text) {
		if odd(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return []byte(b.String())
}
