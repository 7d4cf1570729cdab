package config

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// instance is one resource to be read: a block, or one element of its
// for_each.
type instance struct {
	kind resource.Kind
	code string
	sec  *section
	at   field // of the code
}

// readResources decides which resources there are, and then reads them: so a
// reference may point at a block further down.
func (mr *manifestReader) readResources(blocks []*hclsyntax.Block) {
	var all []instance
	names := map[resource.Kind]map[string]cty.Value{}
	for _, info := range resource.Declared() {
		names[info.Kind] = map[string]cty.Value{}
	}
	first := map[string]hcl.Range{}
	for _, b := range blocks {
		kind, label := resource.Kind(b.Type), b.Labels[0]
		if rng, dup := first[b.Type+" "+label]; dup {
			mr.top.duplicate(b, rng, fmt.Sprintf("%s %q", b.Type, label))
			continue
		}
		first[b.Type+" "+label] = b.DefRange()
		instances, codes := mr.expand(b)
		all = append(all, instances...)
		names[kind][label] = codes
		mr.labels[kind] = append(mr.labels[kind], label)
	}
	for kind, codes := range names {
		mr.top.ctx.Variables[string(kind)] = cty.ObjectVal(codes)
	}
	mr.stage = stageValues
	for _, in := range all {
		mr.readResource(in)
	}
}

// expand makes a block's instances, and what a reference to it evaluates to:
// the code, or with for_each an object of codes by key.
func (mr *manifestReader) expand(b *hclsyntax.Block) ([]instance, cty.Value) {
	kind, label := resource.Kind(b.Type), b.Labels[0]
	plain := mr.top.inside(b)
	elements, many, ok := plain.forEach()
	if !ok {
		return nil, cty.DynamicVal
	}
	if !many {
		in := plain.instance(b, label)
		return []instance{in}, cty.StringVal(in.code)
	}
	var out []instance
	codes := map[string]cty.Value{}
	for _, e := range elements {
		s := mr.top.inside(b)
		s.attrs = slices.Clone(plain.attrs)
		s.blocks[len(s.blocks)-1] += fmt.Sprintf(" [%q]", e.key)
		s.ctx = mr.top.ctx.NewChild()
		s.ctx.Variables = map[string]cty.Value{
			"each": cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(e.key), "value": e.value}),
		}
		in := s.instance(b, label+"-"+e.key)
		in.kind = kind
		mr.keys[b.Type+" "+label] = append(mr.keys[b.Type+" "+label], e.key)
		codes[e.key] = cty.StringVal(in.code)
		out = append(out, in)
	}
	return out, cty.ObjectVal(codes)
}

// instance reads the code of a section.
func (s *section) instance(b *hclsyntax.Block, code string) instance {
	in := instance{kind: resource.Kind(b.Type), sec: s, at: field{"code", b.LabelRanges[0]}}
	in.code = read(s, "code", filledText, opts[string]{def: code})
	if rng, given := s.places["code"]; given {
		in.at.rng = rng
	}
	return in
}

type element struct {
	key   string
	value cty.Value
}

// forEach reads the attribute: a list or set of strings, or a map. Elements
// come in the order of their keys.
func (s *section) forEach() (elements []element, many, ok bool) {
	v, present, failed := s.value("for_each")
	if failed || !present {
		return nil, false, !failed
	}
	shallow, spellings := v.Unmark()
	v, secrets := unseal(v)
	bad := func(detail string) ([]element, bool, bool) {
		s.fail(s.at("for_each"), "Bad for_each", detail, `for_each = ["eu", "us"]`)
		return nil, true, false
	}
	t := v.Type()
	switch {
	case len(secrets) > 0:
		return bad("A secret cannot decide which resources there are.")
	case !v.IsWhollyKnown():
		if !s.r.diags.HasErrors() {
			return bad("Its value is not known.")
		}
		return nil, true, false
	case !v.CanIterateElements():
		return bad(fmt.Sprintf("Expected a list of strings or a map, got %s.", typeName(t)))
	}
	keyed := t.IsMapType() || t.IsObjectType()
	for it := shallow.ElementIterator(); it.Next(); {
		k, e := it.Element()
		value := e.WithMarks(spellings)
		e, _ = e.UnmarkDeep()
		if !keyed {
			if e.IsNull() || e.Type() != cty.String {
				return bad("The elements of a list must be strings.")
			}
			k = e
		}
		key := k.AsString()
		if slices.ContainsFunc(elements, func(o element) bool { return o.key == key }) {
			return bad(fmt.Sprintf("The element %q is there twice.", key))
		}
		elements = append(elements, element{key, value})
	}
	return elements, true, true
}

// said counts what has gone wrong so far, openly or not.
func (r *reader) said() int { return len(r.diags) + len(r.later) + r.untold }

// readResource reads one instance, and asks the noun what is wrong with it.
func (mr *manifestReader) readResource(in instance) {
	s := in.sec
	before := s.r.said()
	it := &item{sec: s, block: *s.header, fields: map[string]field{"code": in.at, in.kind.KeyField(): in.at}, names: map[string]string{}}
	mr.ofNoClient(in)
	it.res = manifestKinds[in.kind].read(s, it, in.code)
	it.adopt = read(s, "adopt", boolean, opts[bool]{})
	s.close()

	key := itemKey{in.kind, in.code}
	if other, dup := mr.m.items[key]; dup {
		s.fail(in.at.rng, fmt.Sprintf("Two resources with the code %s", strconv.Quote(in.code)),
			fmt.Sprintf("%s and %s are both this %s.", other.sec.title(), s.title(), in.kind),
			"a code that contains ${each.key}, or another label")
		return
	}
	it.res.Base().ManagedBy = mr.m.Name
	mr.m.items[key] = it
	mr.m.Resources = append(mr.m.Resources, it.res)
	if s.r.said() > before {
		return // what the noun would say follows from what was said
	}
	it.explicitZeros()
	for _, p := range it.res.Validate() {
		s.r.diags = append(s.r.diags, it.diagnostic(p))
	}
}
