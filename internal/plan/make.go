package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
)

// Desired is what a manifest declares.
type Desired struct {
	Manifest string
	ClientID string
	Items    []Item
}

// Item is one declared resource.
type Item struct {
	Resource resource.Resource
	// Adopt lets the manifest take the resource over if it is there and not
	// owned by the manifest.
	Adopt bool
	// StatusStated says that the manifest states the status; otherwise it is
	// left to whoever operates the resource.
	StatusStated bool
}

type key struct {
	kind     resource.Kind
	clientID string
	code     string
}

// Make compares. Current has what is there: all that the manifest owns and
// all that has the code of a declared resource; more does no harm.
func Make(d Desired, current []resource.Resource) *Plan {
	p := &Plan{Manifest: d.Manifest, ClientID: d.ClientID}
	live := map[key]resource.Resource{}
	for _, r := range current {
		live[key{r.Kind(), r.Base().ClientID, r.Key()}] = r
	}
	used := map[key]bool{}
	for _, it := range d.Items {
		k := key{it.Resource.Kind(), d.ClientID, it.Resource.Key()}
		there := live[k]
		used[k] = true
		if there == nil {
			if moved := elsewhere(current, d, k); moved != nil && !used[keyOf(moved)] {
				used[keyOf(moved)] = true
				p.Changes = append(p.Changes, replace(d, it, moved))
				continue
			}
			p.Changes = append(p.Changes, create(it))
			continue
		}
		p.Changes = append(p.Changes, compare(d, it, there))
	}
	for _, r := range current {
		if r.Base().ManagedBy == d.Manifest && d.Manifest != "" && !used[keyOf(r)] {
			p.Changes = append(p.Changes, remove(r))
		}
	}
	order(p.Changes)
	return p
}

func keyOf(r resource.Resource) key { return key{r.Kind(), r.Base().ClientID, r.Key()} }

// elsewhere finds the resource of another client that the manifest owned
// under this name: the manifest has moved to a new client, and a resource can
// not move along.
func elsewhere(current []resource.Resource, d Desired, k key) resource.Resource {
	for _, r := range current {
		if r.Kind() == k.kind && r.Key() == k.code && r.Base().ClientID != k.clientID && r.Base().ManagedBy == d.Manifest && d.Manifest != "" {
			return r
		}
	}
	return nil
}

func create(it Item) Change {
	return Change{
		Action: Create, Kind: it.Resource.Kind(), Code: it.Resource.Key(),
		Attributes: diff(nil, it.Resource), Resource: it.Resource,
	}
}

// compare is the change of a resource that is declared and there.
func compare(d Desired, it Item, there resource.Resource) Change {
	c := from(there)
	owned := d.Manifest != "" && c.Owner == d.Manifest
	if !owned && !it.Adopt {
		c.Action = Conflict
		c.Problem = "exists and belongs to no manifest"
		if c.Owner != "" {
			c.Problem = fmt.Sprintf("exists and belongs to the manifest %q", c.Owner)
		}
		c.Try = "adopt = true in its block, if this manifest shall own it from now on"
		return c
	}
	want, notes := settle(it, there)
	c.Notes = notes
	c.Attributes = diff(there, want)
	if !owned {
		c.Adopt = true
		c.Attributes = append([]Attribute{{Path: "managedBy", Before: text(c.Owner), After: text(d.Manifest)}}, c.Attributes...)
	}
	c.Resource = want
	if len(c.Attributes) == 0 {
		c.Action = NoOp
		return c
	}
	c.Action = Update
	applied := there.Base().AppliedRevision
	c.Drift = owned && applied > 0 && applied != there.Base().Revision
	return c
}

// replace deletes a resource and creates it anew where it belongs.
func replace(d Desired, it Item, there resource.Resource) Change {
	c := from(there)
	if c.Protected {
		return blocked(c, "must move to another client, which deletes it here, and is protected")
	}
	c.Action = Replace
	c.Resource = it.Resource
	c.Attributes = append([]Attribute{{
		Path: "clientId", Before: text(there.Base().ClientID), After: text(d.ClientID), Forces: true,
	}}, diff(there, it.Resource)...)
	return c
}

func remove(there resource.Resource) Change {
	c := from(there)
	if c.Protected {
		return blocked(c, "is no longer declared, and is protected")
	}
	c.Action = Delete
	c.Attributes = diff(there, nil)
	return c
}

func blocked(c Change, why string) Change {
	c.Action = Conflict
	c.Problem = why
	c.Try = "declare it with protected = false and apply that first"
	return c
}

// from starts a change of what is there.
func from(there resource.Resource) Change {
	m := there.Base()
	return Change{
		Kind: there.Kind(), Code: there.Key(), ID: m.ID, Revision: m.Revision,
		Owner: m.ManagedBy, Protected: m.Protected,
	}
}

// order sorts: what is named before what names it and by code, then the
// deletes the other way round. A conflict stands where its change would.
func order(cs []Change) {
	slices.SortStableFunc(cs, func(a, b Change) int {
		da, db := a.Action == Delete, b.Action == Delete
		if da != db {
			if da {
				return 1
			}
			return -1
		}
		n := cmp.Or(cmp.Compare(a.Kind.Order(), b.Kind.Order()), cmp.Compare(a.Code, b.Code))
		if da {
			return -n
		}
		return n
	})
}
