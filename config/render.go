package config

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// The escape sequences of a terminal; empty when colour is off.
type palette struct{ red, yellow, bold, dim, off string }

var colours = palette{red: "\x1b[31m", yellow: "\x1b[33m", bold: "\x1b[1m", dim: "\x1b[2m", off: "\x1b[0m"}

// Render writes ds for a person: summary, place, the source with the fault
// underlined, what is wrong and what to try. Colour adds terminal escapes.
func (ds Diagnostics) Render(w io.Writer, color bool) error {
	var p palette
	if color {
		p = colours
	}
	var b bytes.Buffer
	for i, d := range ds {
		if i > 0 {
			b.WriteByte('\n')
		}
		d.render(&b, p)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (d Diagnostic) render(b *bytes.Buffer, p palette) {
	word, ink := "Error", p.red
	if d.Severity == SeverityWarning {
		word, ink = "Warning", p.yellow
	}
	fmt.Fprintf(b, "%s%s:%s %s%s%s\n", ink, word, p.off, p.bold, d.Summary, p.off)
	if d.Range.Known() {
		fmt.Fprintf(b, "  at %s", d.Range)
		if d.Block != "" {
			fmt.Fprintf(b, ", in %s", d.Block)
		}
		b.WriteByte('\n')
	}
	if len(d.Snippet) > 0 {
		width := len(fmt.Sprint(d.Snippet[len(d.Snippet)-1].Number))
		for _, l := range d.Snippet {
			text := strings.TrimRight(l.Text, " \t")
			fmt.Fprintf(b, "  %s%*d |%s", p.dim, width, l.Number, p.off)
			if text != "" {
				b.WriteString(" " + text)
			}
			b.WriteByte('\n')
			if l.To > l.From {
				fmt.Fprintf(b, "  %s%*s |%s %s%s%s\n", p.dim, width, "", p.off, ink, l.underline(), p.off)
			}
		}
	}
	for _, line := range wrap(d.Detail, 76) {
		fmt.Fprintf(b, "  %s\n", line)
	}
	if d.Try != "" {
		fmt.Fprintf(b, "  Try: %s\n", d.Try)
	}
}

// underline keeps the tabs of the text before it, so that the carets stand
// under the fault whatever the terminal's tab width.
func (l Line) underline() string {
	var b strings.Builder
	for _, r := range l.Text[:l.From] {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	b.WriteString(strings.Repeat("^", max(1, len([]rune(l.Text[l.From:l.To])))))
	return b.String()
}

func wrap(s string, width int) []string {
	var lines []string
	for para := range strings.SplitSeq(s, "\n") {
		line := ""
		for _, word := range strings.Fields(para) {
			switch {
			case line == "":
				line = word
			case len(line)+1+len(word) > width:
				lines = append(lines, line)
				line = word
			default:
				line += " " + word
			}
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// secretLiteral finds literals that must not be repeated in a log: a password
// written into the file is the owner's choice, showing it again is ours.
var (
	secretLiteral = regexp.MustCompile(`\b(?:\w*(?:secret|password|token|credential)\w*|key)\s*=\s*"([^"]*)"`)
	secretInURL   = regexp.MustCompile(`:([^@"\s/]+)@`)
)

func starSecrets(text string) string {
	for _, re := range []*regexp.Regexp{secretLiteral, secretInURL} {
		for _, m := range re.FindAllStringSubmatchIndex(text, -1) {
			if !strings.Contains(text[m[2]:m[3]], "${") {
				text = text[:m[2]] + strings.Repeat("*", m[3]-m[2]) + text[m[3]:]
			}
		}
	}
	return text
}

// snippet cuts the lines of r from src: the first line of the range with its
// fault underlined, after the header line of the block it stands in.
func snippet(src []byte, r hcl.Range, header *hcl.Range) []Line {
	lines := strings.Split(string(src), "\n")
	at := func(n int) (Line, bool) {
		if n < 1 || n > len(lines) {
			return Line{}, false
		}
		return Line{Number: n, Text: starSecrets(strings.TrimRight(lines[n-1], "\r"))}, true
	}
	var out []Line
	if header != nil && header.Filename == r.Filename && header.Start.Line < r.Start.Line {
		if l, ok := at(header.Start.Line); ok {
			out = append(out, l)
		}
	}
	l, ok := at(r.Start.Line)
	if !ok {
		return out
	}
	start := r.Start.Byte - lineStart(src, r.Start.Byte)
	end := len(l.Text)
	if r.End.Line == r.Start.Line {
		end = start + (r.End.Byte - r.Start.Byte)
	}
	l.From = min(max(start, 0), len(l.Text))
	l.To = min(max(end, l.From+1), len(l.Text))
	if l.From == len(l.Text) {
		// A fault at the end of a line, such as a missing bracket, needs a
		// column to stand under.
		l.Text += " "
		l.To = l.From + 1
	}
	return append(out, l)
}

func lineStart(src []byte, offset int) int {
	return bytes.LastIndexByte(src[:min(max(offset, 0), len(src))], '\n') + 1
}
