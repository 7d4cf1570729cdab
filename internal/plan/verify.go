package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
)

// Verify says whether a plan that was read from a file shows what it would do.
// What a person reads are the attributes, and what is carried out are the
// resources: whoever edits the file could let them differ. So the changes are
// made again from the resources and from what is there, which Current has at
// the revisions of the plan.
func (p *Plan) Verify(current []resource.Resource) error {
	d := Desired{Manifest: p.Manifest, ClientID: p.ClientID}
	ids := map[string]bool{}
	for _, c := range p.Changes {
		if !c.Action.Changes() {
			continue
		}
		ids[c.ID] = true
		if c.Resource == nil {
			continue
		}
		if name := unspoken(c.Resource); name != "" {
			return fmt.Errorf("the plan would set %q of %s %q and does not show it", name, c.Kind, c.Code)
		}
		// The status was settled when the plan was made.
		d.Items = append(d.Items, Item{Resource: c.Resource, Adopt: c.Adopt, Replace: c.Action == Replace, StatusStated: true})
		if c.From != "" {
			d.Moves = append(d.Moves, Move{Kind: c.Kind, From: c.From, To: c.Code})
		}
	}
	again := Make(d, slices.DeleteFunc(slices.Clone(current), func(r resource.Resource) bool { return !ids[r.Base().ID] }))
	for _, c := range p.Changes {
		if !c.Action.Changes() {
			continue
		}
		if !slices.ContainsFunc(again.Changes, func(made Change) bool { return sameShown(c, made) }) {
			return fmt.Errorf("the plan does not show what it would do to %s %q: it was edited, or made by another version of fcctl", c.Kind, c.Code)
		}
	}
	return nil
}

// sameShown says that two changes are shown alike, but for their notes, which
// also tell what the manifest leaves unsaid.
func sameShown(a, b Change) bool {
	a.Notes, b.Notes, a.Resource, b.Resource = nil, nil, nil, nil
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// unspoken names a field of a resource that no plan shows, since manifests do
// not speak of it, and that has a value nevertheless.
func unspoken(r resource.Resource) string {
	b, err := json.Marshal(r)
	var top map[string]any
	if err != nil || json.Unmarshal(b, &top) != nil {
		return "" // such a resource differs from every other
	}
	for _, name := range hiddenOf[r.Kind()] {
		if name == r.Kind().KeyField() {
			continue
		}
		switch v := top[name].(type) {
		case nil:
		case string:
			if v != "" {
				return name
			}
		case []any:
			if len(v) > 0 {
				return name
			}
		case map[string]any:
			if len(v) > 0 {
				return name
			}
		default:
			return name
		}
	}
	return ""
}
