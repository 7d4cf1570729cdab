package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
)

// ApplyRequest is a manifest's plan, to be carried out whole or not at all.
type ApplyRequest struct {
	Manifest string        `json:"manifest"`
	ClientID string        `json:"clientId,omitempty"`
	DryRun   bool          `json:"dryRun,omitempty"`
	Changes  []ApplyChange `json:"changes"`
}

// ApplyChange is one step of a plan.
type ApplyChange struct {
	Action   string          `json:"action" enum:"create,update,delete,replace"`
	Kind     string          `json:"kind"`
	Code     string          `json:"code"`
	ID       string          `json:"id,omitempty"`
	Revision int64           `json:"revision,omitempty"` // that the plan was computed against
	From     string          `json:"from,omitempty"`     // its code until now, where an update renames it
	Adopt    bool            `json:"adopt,omitempty"`    // take over what another manifest, or none, manages
	Resource json.RawMessage `json:"resource,omitempty"`
}

// ApplyAnswer says what was done, or in a dry run what would be.
type ApplyAnswer struct {
	DryRun   bool          `json:"dryRun"`
	Version  int64         `json:"version"`
	Results  []ApplyResult `json:"results"`
	Warnings []string      `json:"warnings,omitempty"`
}

// ApplyResult is the answer for one change.
type ApplyResult struct {
	Action      string `json:"action"`
	Kind        string `json:"kind"`
	Code        string `json:"code"`
	ID          string `json:"id,omitempty"`
	Revision    int64  `json:"revision,omitempty"`
	CancelsJobs int    `json:"cancelsJobs,omitempty"` // open jobs of a deleted subscription, counted up to 1000
}

// maxApply bounds one apply.
const maxApply = 5000

// step is a change with its kind looked up and its resource read.
type step struct {
	ApplyChange
	info    resource.KindInfo
	fields  fields
	subject resource.Resource // what it left in the draft, or took out
	removed string            // the subscription that it takes away, by id
	cancels int               // open jobs of that one
}

// Apply carries out a plan: all of it in one write, or nothing.
func (p *Platform) Apply(ctx context.Context, c Caller, req ApplyRequest) (ApplyAnswer, error) {
	steps, err := readSteps(c, &req)
	if err != nil {
		return ApplyAnswer{}, err
	}
	d, err := p.change(ctx, c, req.DryRun, func(d *draft) error {
		d.strict = true
		client, refused := c.tenant(d.cat, req.ClientID)
		if refused != nil {
			return refused
		}
		if err := ofNobody(client, steps); err != nil {
			return err
		}
		if err := d.carryOut(req.Manifest, client, steps); err != nil {
			return err
		}
		// Now, because once it is written the scheduler cancels them.
		p.countCancelled(ctx, d, steps)
		return nil
	})
	if err != nil {
		return ApplyAnswer{}, err
	}
	answer := ApplyAnswer{DryRun: req.DryRun, Version: d.version, Results: make([]ApplyResult, len(steps)), Warnings: d.warnings}
	for i, s := range steps {
		r := ApplyResult{Action: s.Action, Kind: string(s.info.Kind), Code: s.Code}
		if s.subject != nil {
			m := s.subject.Base()
			r.ID, r.Revision = m.ID, m.Revision
		}
		r.CancelsJobs = s.cancels
		if s.removed != "" && !req.DryRun {
			p.afterRemoval(ctx, &resource.Subscription{Meta: resource.Meta{ID: s.removed}})
		}
		if req.DryRun && s.Action == "create" || req.DryRun && s.Action == "replace" {
			r.ID = "" // it will get one
		}
		answer.Results[i] = r
	}
	return answer, nil
}

// countCancelled finds the subscriptions that steps take away, and how many
// open jobs end with each.
func (p *Platform) countCancelled(ctx context.Context, d *draft, steps []*step) {
	for _, s := range steps {
		if s.Action != "delete" && s.Action != "replace" || s.info.Kind != resource.KindSubscription {
			continue
		}
		s.removed = s.subject.Base().ID
		for old, next := range d.replaced {
			if next == s.removed {
				s.removed = old
				break
			}
		}
		var err error
		if s.cancels, err = p.openJobs(ctx, s.removed); err != nil {
			p.log.Warn("open jobs of a deleted subscription can not be counted", "subscription", s.removed, "error", err)
		}
	}
}

// readSteps checks a plan by itself.
func readSteps(c Caller, req *ApplyRequest) ([]*step, error) {
	var problems, forbidden []Problem
	note := func(ch ApplyChange, ps ...resource.Problem) {
		for _, p := range ps {
			problems = append(problems, Problem{Kind: ch.Kind, Code: ch.Code, Problem: p})
		}
	}
	if p := checkClient(req.Manifest); req.Manifest == "" || p != "" {
		note(ApplyChange{}, resource.Problem{Field: "manifest", Detail: "must be a name of letters, digits, '_', '-' and '.', at most 64 characters", Try: "orders"})
	}
	if len(req.Changes) > maxApply {
		return nil, invalidField("changes", fmt.Sprintf("has more than %d changes", maxApply), "several manifests")
	}
	named := map[string]bool{}
	steps := make([]*step, 0, len(req.Changes))
	for i, ch := range req.Changes {
		info, ok := resource.InfoOf(resource.Kind(ch.Kind))
		if !ok || !info.Manifest {
			note(ch, resource.Problem{Field: fmt.Sprintf("changes[%d].kind", i), Detail: "is not a kind of resource that manifests declare", Try: string(resource.KindSubscription)})
			continue
		}
		s := &step{ApplyChange: ch, info: info}
		var actions []string
		switch ch.Action {
		case "create", "update", "delete":
			actions = []string{ch.Action}
		case "replace":
			if info.Kind.Everywhere() {
				note(ch, resource.Problem{Detail: "can not be replaced: others name it by its id"})
				continue
			}
			actions = []string{"create", "delete"}
		default:
			note(ch, resource.Problem{Field: fmt.Sprintf("changes[%d].action", i), Detail: "must be create, update, delete or replace"})
			continue
		}
		for _, action := range actions {
			if permission := info.May(action); !c.may(permission) {
				forbidden = append(forbidden, Problem{Kind: ch.Kind, Code: ch.Code, Problem: resource.Problem{Detail: "needs the permission " + permission}})
			}
		}
		if ch.From != "" && (ch.Action != "update" || !info.Kind.Renamed() || ch.From == ch.Code) {
			note(ch, resource.Problem{Field: fmt.Sprintf("changes[%d].from", i), Detail: "is for an update of a dispatch pool, a connection or a subscription that gives it another code"})
			continue
		}
		if key := ch.Kind + "/" + ch.From; ch.From != "" {
			if named[key] {
				note(ch, resource.Problem{Field: fmt.Sprintf("changes[%d].from", i), Detail: "is changed twice by this plan"})
			}
			named[key] = true
		}
		if key := ch.Kind + "/" + ch.Code; named[key] {
			note(ch, resource.Problem{Field: fmt.Sprintf("changes[%d].code", i), Detail: "is changed twice by this plan"})
		} else {
			named[key] = true
		}
		if ch.Action != "delete" {
			f, err := readFields(info.Kind, ch.Resource)
			if err != nil {
				note(ch, resource.Problem{Field: fmt.Sprintf("changes[%d].resource", i), Detail: "must be a JSON object"})
				continue
			}
			if key := info.Kind.KeyField(); f[key] == nil {
				f[key], _ = json.Marshal(ch.Code)
			}
			r, ps := build(info, f)
			note(ch, ps...)
			if len(ps) == 0 && r.Key() != ch.Code {
				note(ch, resource.Problem{Field: "code", Detail: "differs between the change and its resource"})
			}
			s.fields = f
		}
		steps = append(steps, s)
	}
	if len(forbidden) > 0 {
		return nil, &Error{Code: CodeForbidden, Detail: "the plan has changes that you may not make", Problems: forbidden}
	}
	if len(problems) > 0 {
		return nil, &Error{Code: CodeInvalid, Detail: "the plan can not be accepted", Problems: problems}
	}
	return steps, nil
}

// carryOut drafts the steps in dependency order: deletes are checked against
// the world as it will be, so their place does not matter.
func (d *draft) carryOut(manifest, client string, steps []*step) error {
	ordered := slices.Clone(steps)
	slices.SortStableFunc(ordered, func(a, b *step) int { return a.info.Kind.Order() - b.info.Kind.Order() })
	var stale, foreign []Conflict
	for _, s := range ordered {
		taken := d.byKey[worldKey{s.info.Kind, client, s.Code}]
		before := taken
		if s.From != "" {
			before = d.byKey[worldKey{s.info.Kind, client, s.From}]
		}
		conflict := func(list *[]Conflict, format string, args ...any) {
			*list = append(*list, Conflict{string(s.info.Kind), s.Code, fmt.Sprintf(format, args...)})
		}
		switch {
		case s.Action == "create" && before != nil:
			conflict(&stale, "the plan creates it, and it exists now")
			continue
		case s.From != "" && taken != nil:
			conflict(&stale, "the plan renames %s to it, and it exists now", s.From)
			continue
		case s.Action != "create" && before == nil:
			conflict(&stale, "the plan expects it at revision %d, and it is gone", s.Revision)
			continue
		case before != nil && before.Base().Revision != s.Revision:
			conflict(&stale, "the plan was made at revision %d, and it is at %d now", s.Revision, before.Base().Revision)
			continue
		case before != nil && s.ID != "" && s.ID != before.Base().ID:
			conflict(&stale, "the plan names another resource of this code, which is gone")
			continue
		case before != nil && before.Base().ManagedBy != manifest && !s.Adopt:
			owner := "no manifest manages it"
			if by := before.Base().ManagedBy; by != "" {
				owner = "it is managed by manifest " + by
			}
			conflict(&foreign, "%s; adopt takes it over", owner)
			continue
		}
		if err := d.take(s, before, manifest, client); err != nil {
			return about(err, s.Kind, s.Code)
		}
	}
	switch {
	case len(stale) > 0:
		return &Error{Code: CodeStalePlan, Detail: "the world has changed since the plan was made; nothing was changed", Conflicts: stale}
	case len(foreign) > 0:
		return &Error{Code: CodeNotOwned, Detail: "the plan touches what this manifest does not manage; nothing was changed", Conflicts: foreign}
	}
	return d.emptied(ordered)
}

// take drafts one step whose expectations hold.
func (d *draft) take(s *step, before resource.Resource, manifest, client string) error {
	if err := d.caller.mayChange(s.info); err != nil {
		return err
	}
	if before != nil {
		if err := byHand(before); err != nil {
			return err
		}
	}
	if s.Action == "delete" || s.Action == "replace" {
		if err := mayRemove(s.info, before); err != nil {
			return err
		}
		s.subject = before
		if s.Action == "delete" {
			d.takeAway(before)
			return nil
		}
		d.remove(before)
	}
	if s.From != "" && isDefaultPool(before) {
		return refuse(CodeProtected, "%s always exists under this code, so that it can not be renamed", resource.DefaultPool)
	}
	r, ps := build(s.info, s.fields)
	if len(ps) > 0 {
		d.problem(r, ps...)
		return nil
	}
	m := r.Base()
	protected := m.Protected
	*m = resource.Meta{ClientID: client, ManagedBy: manifest, Protected: protected, Source: sourceOf(s.info.Kind, "CODE")}
	if before != nil {
		keepOwn(before, r, s.fields)
		inheritSecrets(before, r)
		inheritStatus(before, r)
	}
	s.subject = r
	if s.Action == "update" {
		d.update(before, r, "UPDATE")
		if s.From != "" {
			d.renamed[before.Base().ID] = r
		}
		d.changes[m.ID].applied = true
		return nil
	}
	d.add(r, "CREATE")
	d.changes[m.ID].applied = true
	if s.Action == "replace" {
		d.replaced[before.Base().ID] = m.ID
	}
	return nil
}

// inheritStatus keeps the state that an operator chose where the plan does
// not speak of it.
func inheritStatus(before, after resource.Resource) {
	switch r := after.(type) {
	case *resource.Client:
		if r.Status == "" {
			r.Status = before.(*resource.Client).Status
		}
	case *resource.Application:
		if r.Active == nil {
			r.Active = before.(*resource.Application).Active
		}
	case *resource.ServiceAccount:
		if r.Active == nil {
			r.Active = before.(*resource.ServiceAccount).Active
		}
	case *resource.EventType:
		if r.Status == "" {
			r.Status = before.(*resource.EventType).Status
		}
	case *resource.DispatchPool:
		if r.Status == "" {
			r.Status = before.(*resource.DispatchPool).Status
		}
	case *resource.Connection:
		if r.Status == "" {
			r.Status = before.(*resource.Connection).Status
		}
	case *resource.Subscription:
		if r.Status == "" {
			r.Status = before.(*resource.Subscription).Status
		}
	}
}
