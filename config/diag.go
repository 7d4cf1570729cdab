package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// Severity says whether a diagnostic stops what was asked for.
type Severity string

// An error stops; a warning is said and the work goes on.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Range is a piece of a file. Lines and columns count from 1, columns in
// characters as an editor shows them; the end is exclusive. The zero Range
// means "nowhere in a file".
type Range struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"endLine"`
	EndColumn int    `json:"endColumn"`
}

// Known reports whether the range names a place at all.
func (r Range) Known() bool { return r.Line > 0 }

// String is "file:line:column", which editors and terminals make clickable.
func (r Range) String() string {
	if !r.Known() {
		return r.File
	}
	return fmt.Sprintf("%s:%d:%d", r.File, r.Line, r.Column)
}

// line is "file:line", for sentences that do not need the column.
func (r Range) line() string { return fmt.Sprintf("%s:%d", r.File, r.Line) }

// Line is one line of source shown with a diagnostic.
type Line struct {
	// Number counts from 1.
	Number int `json:"number"`
	// Text is the line without its end; literal secrets are starred out.
	Text string `json:"text"`
	// From and To are the underlined bytes of Text, both 0 when none are.
	From int `json:"from"`
	To   int `json:"to"`
}

// Diagnostic is one thing to say about a configuration, and where.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	// Summary is half a line and stands alone.
	Summary string `json:"summary"`
	// Detail says what is wrong and why, in sentences.
	Detail string `json:"detail,omitempty"`
	// Try is the next step, when there is an obvious one.
	Try string `json:"try,omitempty"`
	// Range is the offending text; the zero Range when the fault is not in a
	// file, as with an environment variable.
	Range Range `json:"range,omitzero"`
	// Block names the block around it, such as `service "router"`.
	Block string `json:"block,omitempty"`
	// Snippet is the source around Range.
	Snippet []Line `json:"snippet,omitempty"`
}

// Error is the diagnostic on one line.
func (d Diagnostic) Error() string {
	s := d.Summary
	if d.Range.Known() {
		s = d.Range.String() + ": " + s
	}
	if d.Detail != "" {
		s += ": " + d.Detail
	}
	return s
}

// Diagnostics is everything found in one reading, ordered by place.
type Diagnostics []Diagnostic

// HasErrors reports whether anything in ds stops the work.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == SeverityError })
}

// Err is ds as an error, or nil when ds holds no errors.
func (ds Diagnostics) Err() error {
	if !ds.HasErrors() {
		return nil
	}
	return ds
}

// Error is the first error on one line and the number of the others.
func (ds Diagnostics) Error() string {
	errs := make(Diagnostics, 0, len(ds))
	for _, d := range ds {
		if d.Severity == SeverityError {
			errs = append(errs, d)
		}
	}
	switch len(errs) {
	case 0:
		return "no errors"
	case 1:
		return errs[0].Error()
	default:
		return fmt.Sprintf("%s (and %d more)", errs[0].Error(), len(errs)-1)
	}
}

// sort orders by place and drops exact repetitions, which arise when one bad
// expression is evaluated for several instances of a block.
func (ds Diagnostics) sort() Diagnostics {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Range.File, b.Range.File),
			cmp.Compare(a.Range.Line, b.Range.Line),
			cmp.Compare(a.Range.Column, b.Range.Column),
		)
	})
	return slices.CompactFunc(ds, func(a, b Diagnostic) bool {
		return a.Range == b.Range && a.Summary == b.Summary && a.Detail == b.Detail
	})
}

// fault is an error with the parts of a diagnostic but not yet its place.
// Value parsers and HCL functions return it; the reader adds the range.
type fault struct {
	summary, detail, try string
}

// Error implements error.
func (f *fault) Error() string { return f.summary + ": " + f.detail }

func rangeOf(r hcl.Range) Range {
	if r.Start.Line == 0 {
		return Range{}
	}
	return Range{
		File: r.Filename,
		Line: r.Start.Line, Column: r.Start.Column,
		EndLine: r.End.Line, EndColumn: r.End.Column,
	}
}
