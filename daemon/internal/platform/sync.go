package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/internal/plan"
)

// Sync is how an application declares what it has: a list of a kind, which
// becomes so in one write. It is a plan like that of a manifest, made here
// instead of by fcctl, and its owner is the application:
//
//   - what is listed and not there is created, and the application's
//   - what is listed and belongs to nobody becomes the application's
//   - what is listed and belongs to a manifest, or to another application, is
//     refused, and with it the whole list
//   - what is not listed is left alone, or, if that is asked for, removed if
//     sync created it

// SyncOwner is what managedBy says of what an application declares.
func SyncOwner(application string) string { return "sync:" + application }

// sourceSync marks what sync created.
const sourceSync = "SDK"

// maxSync bounds one list.
const maxSync = 5000

// SyncRequest asks to make the things of one kind as an application lists
// them.
type SyncRequest struct {
	Application    string // its code or id
	Kind           resource.Kind
	Items          []json.RawMessage
	RemoveUnlisted bool
}

// Synced says what a sync did.
type Synced struct {
	Application               string
	Created, Updated, Deleted int
	Codes                     []string
	Warnings                  []string
}

// Sync carries out a request, whole or not at all.
func (p *Platform) Sync(ctx context.Context, c Caller, req SyncRequest) (Synced, error) {
	info, ok := resource.InfoOf(req.Kind)
	if !ok {
		return Synced{}, fmt.Errorf("sync: there is no kind %s", req.Kind)
	}
	if len(req.Items) > maxSync {
		return Synced{}, invalidField(syncList[req.Kind], fmt.Sprintf("has more than %d entries", maxSync), "")
	}
	var out Synced
	var gone []resource.Resource
	d, err := p.change(ctx, c, false, func(d *draft) error {
		out, gone = Synced{}, nil
		d.later = true
		app := d.application(req.Application)
		if app == nil {
			return refuse(CodeNotFound, "there is no application with this code")
		}
		out.Application = app.Code
		s := &syncing{draft: d, app: app.Code, info: info, owner: SyncOwner(app.Code)}
		made, err := s.plan(req)
		if err != nil {
			return err
		}
		if gone, err = s.carryOut(made, &out); err != nil {
			return err
		}
		out.Codes = s.codes
		return nil
	})
	if err != nil {
		return Synced{}, err
	}
	for _, r := range gone {
		p.afterRemoval(ctx, r)
	}
	out.Warnings = d.warnings
	return out, nil
}

// syncList is what the list of a kind is called in a request.
var syncList = map[resource.Kind]string{
	resource.KindRole: "roles", resource.KindEventType: "eventTypes", resource.KindSubscription: "subscriptions",
	resource.KindDispatchPool: "pools", resource.KindPrincipal: "principals",
}

// syncing is one sync in the making.
type syncing struct {
	*draft
	app, owner, client string
	info               resource.KindInfo
	codes              []string
}

// plan compares what is listed with what is there.
func (s *syncing) plan(req SyncRequest) (*plan.Plan, error) {
	if s.info.Kind != resource.KindPrincipal { // each person has a client of their own
		client, err := s.draft.owner(s.info, "")
		if err != nil {
			return nil, err
		}
		s.client = client
	}
	desired := plan.Desired{Manifest: s.owner, ClientID: s.client, Anywhere: s.info.Kind == resource.KindPrincipal}
	var problems []Problem
	listed := map[string]bool{}
	for i, raw := range req.Items {
		at := fmt.Sprintf("%s[%d]", syncList[s.info.Kind], i)
		note := func(ps ...resource.Problem) {
			for _, p := range ps {
				p.Field = at + "." + p.Field
				problems = append(problems, Problem{Problem: p})
			}
		}
		want, there, ps, err := s.want(raw)
		if err != nil {
			return nil, err
		}
		if len(ps) > 0 {
			note(ps...)
			continue
		}
		if listed[want.Key()] {
			note(resource.Problem{Field: s.info.Kind.KeyField(), Detail: "is there twice"})
			continue
		}
		listed[want.Key()] = true
		s.codes = append(s.codes, want.Key())
		desired.Items = append(desired.Items, plan.Item{Resource: want, Adopt: there != nil && there.Base().ManagedBy == ""})
	}
	if len(problems) > 0 {
		return nil, &Error{Code: CodeInvalid, Detail: "the list has entries that can not be accepted", Problems: problems}
	}
	var current []resource.Resource
	s.all(s.info.Kind, func(r resource.Resource) {
		if s.caller.sees(r) && (listed[r.Key()] || r.Base().ManagedBy == s.owner && req.RemoveUnlisted) {
			current = append(current, r)
		}
	})
	made := plan.Make(desired, current)
	var foreign []Conflict
	for _, ch := range made.Conflicts() {
		if listed[ch.Code] {
			foreign = append(foreign, Conflict{string(ch.Kind), ch.Code, ch.Problem})
		}
	}
	if len(foreign) > 0 {
		return nil, &Error{Code: CodeNotOwned, Detail: "the list touches what others manage; nothing was changed", Conflicts: foreign}
	}
	return made, nil
}

// want is an entry as a resource: laid over what is there, if anything is.
func (s *syncing) want(raw json.RawMessage) (want, there resource.Resource, ps []resource.Problem, err error) {
	if s.info.Kind == resource.KindPrincipal {
		raw = onlyOf(raw, "email", "name", "roles", "active") // the rest is for administrators and providers
	}
	f, err := readFields(s.info.Kind, raw)
	if err != nil {
		return nil, nil, []resource.Problem{{Field: "entry", Detail: "must be an object"}}, nil
	}
	for _, own := range []string{"id", "clientId", "managedBy", "source", "revision", "appliedRevision", "createdBy", "createdAt", "updatedAt", "protected", "status"} {
		delete(f, own)
	}
	if ps := s.own(f); len(ps) > 0 {
		return nil, nil, ps, nil
	}
	for name, v := range f {
		if string(v) == "null" {
			delete(f, name) // SDKs write what they do not say as null
		}
	}
	fresh, ps := build(s.info, f)
	if len(ps) > 0 {
		return nil, nil, ps, nil
	}
	there = s.find(worldKey{s.info.Kind, s.client, fresh.Key()})
	if s.info.Kind == resource.KindPrincipal {
		there = s.find(keyOf(fresh))
	}
	if there != nil && !s.caller.sees(there) {
		return nil, nil, nil, refuse(CodeForbidden, "the list names somebody whom you do not see")
	}
	if there == nil {
		fresh.Base().ClientID = s.client
		if err := s.prepare(fresh); err != nil {
			return nil, nil, nil, err
		}
		if s.info.Kind == resource.KindPrincipal && !s.caller.Scope.All {
			client, refused := s.caller.tenant(s.cat, fresh.Base().ClientID)
			if refused != nil {
				return nil, nil, nil, refused
			}
			fresh.Base().ClientID = client
		}
		fresh.Defaults()
		return fresh, nil, nil, nil
	}
	if s.info.Kind == resource.KindPrincipal {
		f = keepAssignments(f, there.(*resource.Principal), s.app)
	}
	want, err = patched(s.info, there, f)
	if err != nil {
		return nil, nil, nil, err
	}
	want.Defaults()
	return want, there, nil, nil
}

// onlyOf is an object with no members but these; what is no object stays.
func onlyOf(raw json.RawMessage, names ...string) json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil || all == nil {
		return raw
	}
	kept := map[string]json.RawMessage{}
	for _, name := range names {
		if v, is := all[name]; is {
			kept[name] = v
		}
	}
	out, err := json.Marshal(kept)
	if err != nil {
		return raw // what was read can be written
	}
	return out
}

// own gives names the prefix of the application, and refuses those of others.
func (s *syncing) own(f fields) []resource.Problem {
	text := func(name string) string {
		var v string
		_ = json.Unmarshal(f[name], &v) // what is no text, build refuses
		return v
	}
	put := func(name string, v any) { f[name], _ = json.Marshal(v) } // of texts only
	switch s.info.Kind {
	case resource.KindRole:
		name := text("name")
		if name == "" { // one in other capitals would be read all the same
			return []resource.Problem{{Field: "name", Detail: "is required", Try: "clerk"}}
		}
		if app, _, whole := strings.Cut(name, ":"); whole && app != s.app {
			return []resource.Problem{{Field: "name", Detail: "is a role of another application", Try: s.app + ":clerk"}}
		} else if !whole {
			put("name", s.app+":"+name)
		}
	case resource.KindEventType:
		if app, _, _ := strings.Cut(text("code"), ":"); app != s.app {
			return []resource.Problem{{Field: "code", Detail: "is an event type of another application", Try: s.app + ":…"}}
		}
	case resource.KindPrincipal:
		var names []string
		if raw, given := f["roles"]; given && json.Unmarshal(raw, &names) == nil {
			roles := make([]resource.RoleAssignment, 0, len(names))
			for _, name := range names {
				if !strings.Contains(name, ":") {
					name = s.app + ":" + name
				}
				if app, _, _ := strings.Cut(name, ":"); app != s.app {
					return []resource.Problem{{Field: "roles", Detail: "has a role of another application", Try: s.app + ":clerk"}}
				}
				roles = append(roles, resource.RoleAssignment{Role: name, Source: resource.AssignedBySync})
			}
			delete(f, "roles")
			put("roleAssignments", roles)
		}
	}
	return nil
}

// keepAssignments leaves a person the roles that sync does not speak of: those
// of other applications, and what a person or a provider gave. What is there
// already keeps its time.
func keepAssignments(f fields, there *resource.Principal, app string) fields {
	raw, given := f["roleAssignments"]
	if !given {
		return f
	}
	var listed []resource.RoleAssignment
	if json.Unmarshal(raw, &listed) != nil {
		return f
	}
	var roles []resource.RoleAssignment
	has := map[string]bool{}
	for _, r := range there.Roles {
		of, _, _ := strings.Cut(r.Role, ":")
		stays := of != app || r.Source != resource.AssignedBySync
		if stays || slices.ContainsFunc(listed, func(l resource.RoleAssignment) bool { return l.Role == r.Role }) {
			roles = append(roles, r)
			has[r.Role] = true
		}
	}
	for _, l := range listed {
		if !has[l.Role] {
			roles = append(roles, l)
		}
	}
	f["roleAssignments"], _ = json.Marshal(roles)
	return f
}

// carryOut drafts the changes of a plan, each of which needs its permission.
func (s *syncing) carryOut(made *plan.Plan, out *Synced) (gone []resource.Resource, err error) {
	need := func(action string) error {
		if permission := s.info.May(action); !s.caller.may(permission) {
			return refuse(CodeForbidden, "the list needs the permission %s", permission)
		}
		return nil
	}
	for _, ch := range made.Changes {
		switch ch.Action {
		case plan.Create:
			if err := need("create"); err != nil {
				return nil, err
			}
			r := ch.Resource
			m := r.Base()
			*m = resource.Meta{ClientID: m.ClientID, ManagedBy: s.owner, Source: sourceSync}
			s.add(r, "SYNC")
			s.changes[m.ID].applied = true
			out.Created++
		case plan.Update:
			if err := need("update"); err != nil {
				return nil, err
			}
			before := s.get(ch.ID)
			r := ch.Resource
			r.Base().ManagedBy, r.Base().Protected = s.owner, before.Base().Protected
			s.update(before, r, "SYNC")
			s.changes[ch.ID].applied = true
			out.Updated++
		case plan.Delete:
			if err := need("delete"); err != nil {
				return nil, err
			}
			before := s.get(ch.ID)
			if before.Base().Source != sourceSync {
				// It was there before sync knew of it: it is given back.
				r := shallow(before)
				r.Base().ManagedBy = ""
				s.update(before, r, "SYNC")
				continue
			}
			s.remove(before)
			gone = append(gone, before)
			out.Deleted++
		case plan.Conflict:
			s.warnings = append(s.warnings, ch.Code+" is not listed and protected; it stays")
		}
	}
	return gone, nil
}

// shallow is a copy of a resource whose own fields can be changed.
func shallow(r resource.Resource) resource.Resource {
	switch r := r.(type) {
	case *resource.Role:
		c := *r
		return &c
	case *resource.EventType:
		c := *r
		return &c
	case *resource.Subscription:
		c := *r
		return &c
	case *resource.DispatchPool:
		c := *r
		return &c
	case *resource.Principal:
		c := *r
		return &c
	}
	panic(fmt.Sprintf("sync of a %s", r.Kind())) // syncList has no others
}
