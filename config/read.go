package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// reader is one reading of one set of files: it collects diagnostics and the
// effective settings as sections are read.
type reader struct {
	src      map[string][]byte
	env      func(string) (string, bool)
	diags    Diagnostics
	later    Diagnostics // secrets of providers that are not built in
	settings []Setting
	untold   int // values that are missing because of an earlier error
	// refs, if set, says what is wrong with a name before an expression that
	// uses it is evaluated: it knows more than the HCL library about what may
	// have been meant.
	refs func(*section, hcl.Traversal) *fault
	// openly refuses values from secret() where they would be shown.
	openly bool
}

// section is a block being read. Attributes and blocks are asked for by name;
// close reports what the file has that nobody asked for. A section without a
// body stands for a block that is absent: every answer is a default.
type section struct {
	r      *reader
	body   *hclsyntax.Body
	ctx    *hcl.EvalContext
	header *hcl.Range // nil for the top of the files
	blocks []string   // headers from the outside in, as Print shows them
	attrs  []string
	kids   []string
	places map[string]hcl.Range // of the attributes that were present
}

func (r *reader) top(body *hclsyntax.Body, ctx *hcl.EvalContext) *section {
	return &section{r: r, body: body, ctx: ctx, places: map[string]hcl.Range{}}
}

// title names the section in messages.
func (s *section) title() string {
	if len(s.blocks) == 0 {
		return ""
	}
	return s.blocks[len(s.blocks)-1]
}

// fail records an error at rng.
func (s *section) fail(rng hcl.Range, summary, detail, try string) {
	s.add(SeverityError, rng, summary, detail, try)
}

func (s *section) add(sev Severity, rng hcl.Range, summary, detail, try string) {
	s.r.diags = append(s.r.diags, s.diagnostic(sev, rng, summary, detail, try))
}

func (s *section) diagnostic(sev Severity, rng hcl.Range, summary, detail, try string) Diagnostic {
	d := Diagnostic{Severity: sev, Summary: summary, Detail: detail, Try: try, Range: rangeOf(rng), Block: strings.Join(s.blocks, " > ")}
	if src, ok := s.r.src[rng.Filename]; ok && d.Range.Known() {
		d.Snippet = snippet(src, rng, s.header)
	}
	return d
}

// place is where to point when the section as a whole is at fault.
func (s *section) place() hcl.Range {
	if s.header != nil {
		return *s.header
	}
	if s.body != nil {
		return s.body.MissingItemRange()
	}
	return hcl.Range{}
}

// at is the range of an attribute's value, or of the block when it is absent.
func (s *section) at(name string) hcl.Range {
	if rng, ok := s.places[name]; ok {
		return rng
	}
	return s.place()
}

// lookup finds an attribute and notes that it is known.
func (s *section) lookup(name string) *hclsyntax.Attribute {
	if !slices.Contains(s.attrs, name) {
		s.attrs = append(s.attrs, name)
	}
	if s.body == nil {
		return nil
	}
	a := s.body.Attributes[name]
	if a != nil {
		s.places[name] = a.Expr.Range()
	}
	return a
}

// value evaluates an attribute. Null counts as absent. A fault is recorded
// and leaves failed true.
func (s *section) value(name string) (v cty.Value, present, failed bool) {
	a := s.lookup(name)
	if a == nil {
		return cty.NilVal, false, false
	}
	v, ok := s.eval(a.Expr)
	if !ok {
		return cty.NilVal, true, true
	}
	if v.IsNull() {
		return cty.NilVal, false, false
	}
	return v, true, false
}

// eval evaluates an expression and records what goes wrong.
func (s *section) eval(e hclsyntax.Expression) (cty.Value, bool) {
	if s.r.refs != nil {
		ok := true
		for _, t := range e.Variables() {
			if f := s.r.refs(s, t); f != nil {
				s.fail(t.SourceRange(), f.summary, f.detail, f.try)
				ok = false
			}
		}
		if !ok {
			return cty.NilVal, false
		}
	}
	v, diags := e.Value(s.ctx)
	s.hcl(diags)
	return v, !diags.HasErrors()
}

// children returns the blocks of a type; labels are an example of
// the labels each must have, several says whether more than one may stand.
func (s *section) children(kind string, labels []string, several bool) []*hclsyntax.Block {
	s.kids = append(s.kids, kind)
	if s.body == nil {
		return nil
	}
	var out []*hclsyntax.Block
	for _, b := range s.body.Blocks {
		if b.Type != kind {
			continue
		}
		if len(b.Labels) != len(labels) {
			s.wrongLabels(b, labels)
			continue
		}
		if !several && len(out) == 1 {
			s.duplicate(b, out[0].DefRange(), fmt.Sprintf("block %q", kind))
			continue
		}
		out = append(out, b)
	}
	return out
}

// wrongLabels reports a block whose number of labels is not that of example.
func (s *section) wrongLabels(b *hclsyntax.Block, example []string) {
	form := b.Type
	for _, l := range example {
		form += fmt.Sprintf(" %q", l)
	}
	s.inside(b).fail(b.DefRange(), fmt.Sprintf("Wrong labels on block %q", b.Type),
		fmt.Sprintf("The labels are the quoted words between %q and the brace: %d here, %d expected.", b.Type, len(b.Labels), len(example)),
		form+" { … }")
}

func (s *section) duplicate(b *hclsyntax.Block, first hcl.Range, what string) {
	s.inside(b).fail(b.DefRange(), "Duplicate "+what,
		fmt.Sprintf("The first one is at %s; only one may stand.", rangeOf(first).line()),
		"merge the two, or remove one")
}

// inside opens a block as a section.
func (s *section) inside(b *hclsyntax.Block) *section {
	header := b.Type
	for _, l := range b.Labels {
		header += fmt.Sprintf(" %q", l)
	}
	rng := b.DefRange()
	return &section{
		r: s.r, body: b.Body, ctx: s.ctx, header: &rng,
		blocks: append(slices.Clone(s.blocks), header),
		places: map[string]hcl.Range{},
	}
}

// child opens the one block of a type that has no labels; if it is absent the
// section answers with defaults and present is false.
func (s *section) child(kind string) (sub *section, present bool) {
	if bs := s.children(kind, nil, false); len(bs) == 1 {
		return s.inside(bs[0]), true
	}
	return s.absent(kind), false
}

// absent stands for a block that the files do not have.
func (s *section) absent(header string) *section {
	return &section{
		r: s.r, ctx: s.ctx, header: s.header,
		blocks: append(slices.Clone(s.blocks), header),
		places: map[string]hcl.Range{},
	}
}

// close reports the names that nobody asked for.
func (s *section) close() {
	if s.body == nil {
		return
	}
	where := ""
	if t := s.title(); t != "" {
		where = " in " + t
	}
	for _, name := range slices.Sorted(maps.Keys(s.body.Attributes)) {
		a := s.body.Attributes[name]
		switch {
		case slices.Contains(s.attrs, name):
		case slices.Contains(s.kids, name):
			s.fail(a.NameRange, fmt.Sprintf("%q is a block", name),
				fmt.Sprintf("%q is written here as an attribute, with an equals sign; it is a block.", name),
				name+" { … }")
		default:
			s.fail(a.NameRange, fmt.Sprintf("Unknown attribute %q", name),
				fmt.Sprintf("There is no attribute %q%s.", name, where), s.tryName(name, s.attrs))
		}
	}
	for _, b := range s.body.Blocks {
		switch {
		case slices.Contains(s.kids, b.Type):
		case slices.Contains(s.attrs, b.Type):
			s.fail(b.TypeRange, fmt.Sprintf("%q is an attribute", b.Type),
				fmt.Sprintf("%q is written here as a block; it is an attribute and takes a value.", b.Type),
				b.Type+" = …")
		default:
			s.fail(b.TypeRange, fmt.Sprintf("Unknown block %q", b.Type),
				fmt.Sprintf("There is no block %q%s.", b.Type, where), s.tryName(b.Type, s.kids))
		}
	}
}

// tryName suggests among the names of the same sort first, then among all.
func (s *section) tryName(given string, same []string) string {
	all := append(slices.Clone(s.attrs), s.kids...)
	if nearest(given, same) == "" {
		same = all
	}
	return tryName(given, same)
}

// hcl takes over the diagnostics of the HCL library, putting our own words
// where a function of ours failed.
func (s *section) hcl(diags hcl.Diagnostics) {
	for _, d := range diags {
		sev := SeverityError
		if d.Severity == hcl.DiagWarning {
			sev = SeverityWarning
		}
		var rng hcl.Range
		if d.Subject != nil {
			rng = *d.Subject
		}
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
			var f *fault
			if errors.As(call.FunctionCallError(), &f) {
				if d.Context != nil {
					rng = *d.Context
				}
				s.add(sev, rng, f.summary, f.detail, f.try)
				continue
			}
		}
		detail := d.Detail
		if d.Expression != nil && d.EvalContext != nil {
			if v, _ := d.Expression.Value(d.EvalContext); anySecret([]cty.Value{v}) {
				detail = "It comes from secret(), so what is wrong with it is not shown."
			}
		}
		s.add(sev, rng, d.Summary, detail, "")
	}
}
