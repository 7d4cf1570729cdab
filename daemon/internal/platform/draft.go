package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// maxTries bounds how often a change is made anew because somebody else's
// came first. Whoever lost patientTries times within this process queues for
// a turn, so that a crowd of writers ends up in a line instead of starving
// one another.
const (
	maxTries     = 20
	patientTries = 3
)

// draft is the world as a request would have it: a base that is not touched
// and what differs from it.
type draft struct {
	*world
	caller Caller
	now    time.Time
	ids    func(prefix string) string
	strict bool // refuse an unknown pool instead of falling back
	later  bool // an unknown pool may come later: the name is kept

	changes  map[string]*change // by id
	order    []*change
	taken    map[worldKey]*change
	replaced map[string]string            // old id to new
	renamed  map[string]resource.Resource // by id
	hidden   []*hidden                    // changed credentials
	problems []Problem
	warnings []string
}

// change is one resource before and after; nil before is a create, nil after
// a delete.
type change struct {
	before, after resource.Resource
	operation     string
	applied       bool // by the manifest that owns it
}

func (c *change) subject() resource.Resource {
	if c.after != nil {
		return c.after
	}
	return c.before
}

// change makes a draft, has it checked and writes it, again and again while
// others write in between. Do sees a fresh draft each time.
func (p *Platform) change(ctx context.Context, c Caller, dry bool, do func(*draft) error) (*draft, error) {
	for try := range maxTries {
		if try == patientTries {
			select {
			case p.turn <- struct{}{}:
				defer func() { <-p.turn }()
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		w, err := p.currentWorld(ctx)
		if err != nil {
			return nil, err
		}
		d := p.draft(w, c)
		if err := do(d); err != nil {
			return nil, err
		}
		if err := d.check(); err != nil {
			return nil, err
		}
		if dry || len(d.order) == 0 && len(d.hidden) == 0 {
			return d, nil
		}
		set, err := p.writeSet(d)
		if err != nil {
			return nil, err
		}
		version, err := p.st.Write(ctx, set, d.now)
		if err == nil {
			p.endSessions(ctx, d)
			d.world = &world{version: version}
			return d, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("write resources: %w", err)
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
	return nil, refuse(CodeBusy, "too many changes at once; nothing was changed, try again")
}

// pause waits a random moment that grows with the tries, so that writers who
// met once do not meet again.
func pause(ctx context.Context, try int) error {
	most := min(time.Millisecond<<min(try, 6), 50*time.Millisecond)
	t := time.NewTimer(rand.N(most) + time.Microsecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (p *Platform) draft(w *world, c Caller) *draft {
	now := p.now()
	return &draft{world: w, caller: c, now: now,
		ids:      func(prefix string) string { return prefix + "_" + p.ids.New(now).String() },
		changes:  map[string]*change{},
		taken:    map[worldKey]*change{},
		replaced: map[string]string{},
		renamed:  map[string]resource.Resource{},
	}
}

// get is the resource of an id as the draft has it, or nil.
func (d *draft) get(id string) resource.Resource {
	if c := d.changes[id]; c != nil {
		return c.after
	}
	return d.byID[id]
}

// find is the resource of a code within a client as the draft has it.
func (d *draft) find(k worldKey) resource.Resource {
	if c := d.taken[k]; c != nil && c.after != nil {
		return c.after
	}
	if r := d.byKey[k]; r != nil {
		if now := d.get(r.Base().ID); now != nil && keyOf(now) == k { // and was not renamed
			return now
		}
	}
	return nil
}

// add drafts a new resource.
func (d *draft) add(r resource.Resource, operation string) {
	m := r.Base()
	info, _ := resource.InfoOf(r.Kind())
	m.ID = d.ids(info.Prefix)
	if r.Kind() == resource.KindClient {
		m.ClientID = m.ID
	}
	m.Revision = 1
	m.CreatedAt, m.UpdatedAt, m.CreatedBy = d.now, d.now, d.caller.PrincipalID
	d.note(&change{after: r, operation: operation})
}

// update drafts a changed resource; one that is the same is no change.
func (d *draft) update(before, after resource.Resource, operation string) {
	m, b := after.Base(), before.Base()
	managed, protected := m.ManagedBy, m.Protected
	*m = *b
	m.ManagedBy, m.Protected = managed, protected
	if c := d.changes[b.ID]; c != nil {
		c.after = after // the second change of one draft
		return
	}
	d.note(&change{before: before, after: after, operation: operation})
}

// remove drafts a delete.
func (d *draft) remove(r resource.Resource) {
	d.note(&change{before: r, operation: "DELETE"})
}

func (d *draft) note(c *change) {
	r := c.subject()
	d.changes[r.Base().ID] = c
	d.order = append(d.order, c)
	if c.after != nil {
		d.taken[keyOf(r)] = c
	}
}

// all visits every resource of a kind as the draft has it.
func (d *draft) all(kind resource.Kind, visit func(resource.Resource)) {
	for _, r := range d.sorted[kind] {
		if r = d.get(r.Base().ID); r != nil {
			visit(r)
		}
	}
	for _, c := range d.order {
		if c.before == nil && c.after.Kind() == kind {
			visit(c.after)
		}
	}
}

// check completes the draft and says what is wrong with it.
func (d *draft) check() error {
	for _, c := range d.order {
		if c.after == nil {
			continue
		}
		c.after.Defaults()
		d.problem(c.after, keepSecrets(c.before, c.after)...)
		keepOverlap(c.before, c.after, d.now)
		d.problem(c.after, c.after.Validate()...)
		d.rules(c.before, c.after)
	}
	for _, c := range d.order {
		if err := d.guard(c); err != nil {
			if d.strict {
				err = about(err, string(c.subject().Kind()), c.subject().Key())
			}
			return err
		}
	}
	d.repoint()
	if len(d.problems) > 0 {
		return &Error{Code: CodeInvalid, Detail: "the request has fields that can not be accepted", Problems: d.problems}
	}
	if err := d.inUse(); err != nil {
		return err
	}
	if err := d.keepAdministrator(); err != nil {
		return err
	}
	d.order = slices.DeleteFunc(d.order, func(c *change) bool { return c.before != nil && c.after != nil && same(c.before, c.after) })
	for _, c := range d.order {
		if c.before != nil && c.after != nil {
			m := c.after.Base()
			m.Revision, m.UpdatedAt = c.before.Base().Revision+1, d.now
		}
		if m := c.subject().Base(); c.applied && c.after != nil {
			m.AppliedRevision = m.Revision
		}
	}
	return nil
}

// inUse refuses deletes of what somebody still names.
func (d *draft) inUse() error {
	gone := map[string]*change{}
	named := map[worldKey]string{} // ids of what others name by its key
	for _, c := range d.order {
		if c.after == nil && d.replaced[c.before.Base().ID] == "" {
			gone[c.before.Base().ID] = c
			named[keyOf(c.before)] = c.before.Base().ID
		}
	}
	if len(gone) == 0 {
		return nil
	}
	users := map[string][]string{}
	for _, info := range resource.Kinds {
		d.all(info.Kind, func(r resource.Resource) {
			for _, ref := range r.Refs() {
				id := ref.ID
				if id == "" && ref.Kind.Everywhere() {
					id = named[worldKey{ref.Kind, "", ref.Code}]
				}
				if gone[id] != nil {
					users[id] = append(users[id], info.Title+" "+r.Key())
				}
			}
		})
	}
	for _, c := range d.order {
		if by := users[c.subject().Base().ID]; len(by) > 0 {
			info, _ := resource.InfoOf(c.before.Kind())
			more := ""
			if len(by) > 5 {
				more = fmt.Sprintf(" and %d more", len(by)-5)
				by = by[:5]
			}
			err := refuse(CodeInUse, "%s %s is named by %s%s", info.Title, c.before.Key(), strings.Join(by, ", "), more)
			if d.strict {
				return about(err, string(info.Kind), c.before.Key())
			}
			return err
		}
	}
	return nil
}

func (d *draft) problem(r resource.Resource, ps ...resource.Problem) {
	for _, p := range ps {
		d.problems = append(d.problems, Problem{Kind: string(r.Kind()), Code: r.Key(), Problem: p})
	}
}

// writeSet is the draft as the store takes it, with its audit entries.
func (p *Platform) writeSet(d *draft) (store.WriteSet, error) {
	set := store.WriteSet{IfVersion: d.version}
	for _, c := range d.order {
		m := c.subject().Base()
		entry := store.AuditEntry{
			ID: p.ids.New(d.now), EntityType: entityName(c.subject()), EntityID: m.ID, Operation: c.operation,
			PrincipalID: d.caller.PrincipalID, ClientID: m.ClientID, RequestID: d.caller.RequestID, PerformedAt: d.now,
		}
		var err error
		if c.before != nil {
			if entry.Before, err = json.Marshal(c.before); err != nil {
				return set, fmt.Errorf("write audit entry: %w", err)
			}
		}
		if c.after == nil {
			set.Delete = append(set.Delete, store.DocumentKey{Kind: string(c.before.Kind()), ID: m.ID})
		} else {
			if entry.After, err = json.Marshal(c.after); err != nil {
				return set, fmt.Errorf("write audit entry: %w", err)
			}
			doc, err := catalog.Encode(c.after, p.sealer)
			if err != nil {
				return set, err
			}
			set.Put = append(set.Put, doc)
		}
		set.Audit = append(set.Audit, entry)
	}
	return set, p.writeHidden(d, &set)
}

// entityName is a resource's kind as audit entries call it.
func entityName(r resource.Resource) string {
	info, _ := resource.InfoOf(r.Kind())
	return info.Noun()
}
