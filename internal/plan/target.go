package plan

import (
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
)

// Narrow leaves of a plan only what is targeted, as KIND.CODE, and what that
// depends on. A delete is never a dependency: it stays only if it is targeted
// itself. Unknown are the targets that the plan has nothing of.
func (p *Plan) Narrow(targets []string) (unknown []string) {
	byName := map[string]Change{}
	for _, c := range p.Changes {
		byName[c.Name()] = c
	}
	kept := map[string]bool{}
	var keep func(name string)
	keep = func(name string) {
		c, there := byName[name]
		if !there || kept[name] {
			return
		}
		kept[name] = true
		if c.Resource == nil {
			return
		}
		for _, ref := range c.Resource.Refs() {
			for _, code := range []string{ref.Code, ref.ID} { // service accounts name clients in ids
				if named := nameOf(ref.Kind, code); byName[named].Action != Delete {
					keep(named)
				}
			}
		}
	}
	for _, t := range targets {
		if _, there := byName[t]; !there {
			unknown = append(unknown, t)
		}
		keep(t)
	}
	p.Targets = targets
	p.Changes = slices.DeleteFunc(p.Changes, func(c Change) bool {
		out := !kept[c.Name()]
		if out && c.Action != NoOp {
			p.LeftOut++
		}
		return out
	})
	return unknown
}

// Name is what people call the resource on the command line: KIND.CODE.
func (c Change) Name() string { return nameOf(c.Kind, c.Code) }

func nameOf(kind resource.Kind, code string) string { return string(kind) + "." + code }
