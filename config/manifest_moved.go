package config

import (
	"fmt"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Move says that a declared resource had another code before.
type Move struct {
	Kind     resource.Kind
	From, To string
}

const moveExample = "moved {\n  from = subscription.old-name\n  to   = subscription.new-name\n}"

// readMoves reads the moved blocks. They come after the resources, of which
// they speak.
func (mr *manifestReader) readMoves() {
	from, to := map[itemKey]hcl.Range{}, map[itemKey]hcl.Range{}
	for _, b := range mr.top.children("moved", nil, true) {
		s := mr.top.inside(b)
		moves := mr.moves(s)
		s.close()
		for _, m := range moves {
			old, now := itemKey{m.Kind, m.From}, itemKey{m.Kind, m.To}
			switch {
			case m.From == m.To:
				s.fail(s.at("from"), "Moved to where it is", fmt.Sprintf("Both are the %s %q.", m.Kind, m.To), "remove this block")
				continue
			case mr.m.items[old] != nil:
				s.fail(s.at("from"), fmt.Sprintf("%s.%s is still declared", m.Kind, m.From),
					"What was renamed is declared under its new name alone. Two resources can not change names with each other in one step.", "a name that is free, and one more step")
				continue
			}
			if rng, twice := from[old]; twice {
				s.fail(s.at("from"), fmt.Sprintf("%s.%s is moved twice", m.Kind, m.From), fmt.Sprintf("The first time is at %s.", rangeOf(rng).line()), "")
				continue
			}
			if rng, twice := to[now]; twice {
				s.fail(s.at("to"), fmt.Sprintf("Two resources are moved to %s.%s", m.Kind, m.To), fmt.Sprintf("The first one is at %s.", rangeOf(rng).line()), "")
				continue
			}
			from[old], to[now] = s.at("from"), s.at("to")
			mr.m.Moves = append(mr.m.Moves, m)
		}
	}
}

// moves are what one block says: one, or with for_each one for each element.
func (mr *manifestReader) moves(s *section) []Move {
	kind, label, key, ok := s.named("from")
	toKind, toLabel, toKey, toOK := s.named("to")
	if !ok || !toOK {
		return nil
	}
	switch {
	case kind != toKind:
		s.fail(s.at("to"), "Moved to another kind", fmt.Sprintf("A %s does not become a %s.", kind, toKind), moveExample)
		return nil
	case !kind.Renamed():
		s.fail(s.at("from"), fmt.Sprintf("A %s can not be renamed", kind), "Events, accounts or other manifests name it by its code. Dispatch pools, connections and subscriptions can be renamed.", "")
		return nil
	}
	v, present, failed := s.value("to") // a name that is not declared is said there
	if failed || !present {
		return nil
	}
	if v.Type() == cty.String && v.IsKnown() {
		return []Move{{kind, joined(label, key), v.AsString()}}
	}
	if key != "" || toKey != "" || !v.IsWhollyKnown() || !v.CanIterateElements() {
		s.fail(s.at("to"), "Moved to several", fmt.Sprintf("%s.%s has for_each: name one of its elements, or in both places all of them.", toKind, toLabel), fmt.Sprintf("to = %s.%s[\"…\"]", toKind, toLabel))
		return nil
	}
	var all []Move
	for it := v.ElementIterator(); it.Next(); {
		k, code := it.Element()
		all = append(all, Move{kind, joined(label, k.AsString()), code.AsString()})
	}
	return all
}

func joined(label, key string) string {
	if key == "" {
		return label
	}
	return label + "-" + key
}

// named reads a reference by its words, since what it names may be gone.
func (s *section) named(attr string) (kind resource.Kind, label, key string, ok bool) {
	a := s.lookup(attr)
	if a == nil {
		s.fail(s.place(), fmt.Sprintf("Missing attribute %q", attr), "A moved block says what a resource was called, and what it is called now.", moveExample)
		return "", "", "", false
	}
	bad := func() (resource.Kind, string, string, bool) {
		s.fail(a.Expr.Range(), fmt.Sprintf("Bad %q", attr), "Expected a resource by its kind and name.", attr+" = subscription.name")
		return "", "", "", false
	}
	t, diags := hcl.AbsTraversalForExpr(hclsyntax.Expression(a.Expr))
	if diags.HasErrors() || len(t) < 2 || len(t) > 3 {
		return bad()
	}
	info, known := resource.InfoOf(resource.Kind(t.RootName()))
	if !known || !info.Manifest {
		return bad()
	}
	if label, ok = stepName(t[1]); !ok {
		return bad()
	}
	if len(t) == 3 {
		if key, ok = stepName(t[2]); !ok {
			return bad()
		}
	}
	return info.Kind, label, key, true
}
