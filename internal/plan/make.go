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
	// Anywhere says that codes are unique among all clients: whatever client
	// a resource belongs to, it is the one that is meant.
	Anywhere bool
	Items    []Item
	Moves    []Move
}

// Move says that a declared resource is one that had another code before. It
// keeps its id and all that belongs to it. Once it has been renamed the move
// means nothing any more.
type Move struct {
	Kind     resource.Kind
	From, To string // codes; From is not declared, To is
}

// Item is one declared resource.
type Item struct {
	Resource resource.Resource
	// Adopt lets the manifest take the resource over if it is there and not
	// owned by the manifest.
	Adopt bool
	// Replace deletes the resource and makes it anew, with a new id: what
	// waits for a subscription is then gone.
	Replace bool
	// StatusStated says that the manifest states the status; otherwise it is
	// left to whoever operates the resource.
	StatusStated bool
}

type key struct {
	kind resource.Kind
	code string
}

// Make compares. Current has what is there: all that the manifest owns and
// all that has the code of a declared resource; more does no harm.
func Make(d Desired, current []resource.Resource) *Plan {
	p := &Plan{Manifest: d.Manifest, ClientID: d.ClientID}
	live := map[key]resource.Resource{}
	for _, r := range current {
		if d.concerns(r) {
			live[key{r.Kind(), r.Key()}] = r
		}
	}
	moves := map[key]string{}
	for _, m := range d.Moves {
		moves[key{m.Kind, m.To}] = m.From
	}
	for _, it := range d.Items {
		k := key{it.Resource.Kind(), it.Resource.Key()}
		if from, moved := moves[k]; moved {
			old := key{k.kind, from}
			if was := live[old]; was != nil && d.owns(was) {
				p.Changes = append(p.Changes, rename(d, it, was, live[k]))
				delete(live, old)
				delete(live, k)
				continue
			}
		}
		if there := live[k]; there != nil {
			p.Changes = append(p.Changes, compare(d, it, there))
		} else {
			p.Changes = append(p.Changes, create(it))
		}
		delete(live, k)
	}
	for _, r := range live {
		if d.owns(r) {
			p.Changes = append(p.Changes, remove(r))
		}
	}
	order(p.Changes)
	return p
}

// concerns says whether a live resource may be one that is declared. The same
// manifest may be applied for several clients. What it owns for another one is
// not its own here, and what belongs to the platform is no client's.
func (d Desired) concerns(r resource.Resource) bool {
	switch {
	case d.Anywhere:
		return true
	case r.Kind().Everywhere():
		return d.ClientID == ""
	}
	return r.Base().ClientID == d.ClientID
}

// owns says that the manifest owns a live resource.
func (d Desired) owns(r resource.Resource) bool {
	return d.Manifest != "" && r.Base().ManagedBy == d.Manifest
}

// rename is the change of a resource that is declared under another code than
// the one it has. Nothing may have its new code.
func rename(d Desired, it Item, was, taken resource.Resource) Change {
	if taken != nil {
		c := from(taken)
		c.Action = Conflict
		c.Problem = fmt.Sprintf("exists already, so %q can not be renamed to it", was.Key())
		c.Try = "another code; without the moved block the one that is there would be meant, and the old one deleted"
		return c
	}
	if it.Replace {
		// The old one would be deleted beside it: a plan narrowed to the new
		// one would leave both, and each event would be delivered twice.
		c := from(was)
		c.Code, c.Action = it.Resource.Key(), Conflict
		c.Problem = fmt.Sprintf("is to be renamed from %q and replaced, which one plan does not do", was.Key())
		c.Try = "the rename first, and -replace once it is applied"
		return c
	}
	if alwaysThere(was) {
		c := from(was)
		c.Code, c.Action = it.Resource.Key(), Conflict
		c.Problem = fmt.Sprintf("can not be renamed from %q, which always exists under this code", was.Key())
		c.Try = "without the moved block"
		return c
	}
	c := compare(d, it, was)
	c.Code, c.From = it.Resource.Key(), was.Key()
	if c.Action == NoOp {
		c.Action = Update
	}
	if i := slices.IndexFunc(c.Attributes, func(a Attribute) bool { return a.Path == "code" }); i < 0 {
		c.Attributes = append([]Attribute{{Path: "code", Before: text(c.From), After: text(c.Code)}}, c.Attributes...)
	}
	return c
}

// alwaysThere says that the server keeps a resource under its code: it takes
// the jobs of whatever names no other pool.
func alwaysThere(r resource.Resource) bool {
	return r.Kind() == resource.KindDispatchPool && r.Key() == resource.DefaultPool && r.Base().ClientID == ""
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
		if status(there) == resource.ClientDeleted {
			c.Problem = "was deleted, and its events and jobs go on naming it"
			c.Try = "another identifier, or adopt = true in its block, which brings it back"
		}
		return c
	}
	want, notes := settle(it, there)
	c.Notes = append(notes, rotated(there, want)...)
	c.Attributes = diff(there, want)
	if !owned {
		c.Adopt = true
		c.Attributes = append([]Attribute{{Path: "managedBy", Before: text(c.Owner), After: text(d.Manifest)}}, c.Attributes...)
	}
	c.Resource = want
	switch {
	case it.Replace && c.Protected:
		return blocked(c, "must be replaced, which deletes it first, and is protected")
	case it.Replace:
		c.Action = Replace
		return c
	case len(c.Attributes) == 0:
		c.Action = NoOp
		return c
	}
	c.Action = Update
	applied := there.Base().AppliedRevision
	c.Drift = owned && applied > 0 && applied != there.Base().Revision
	return c
}

func remove(there resource.Resource) Change {
	c := from(there)
	switch {
	case alwaysThere(there):
		c.Action = NoOp
		c.Notes = []string{"always exists: it stays as it is, although it is no longer declared"}
		return c
	case c.Protected:
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
	c.Resource, c.Attributes, c.Adopt = nil, nil, false
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
