package platform

import (
	"errors"

	"github.com/flowcatalyst/fc/client/resource"
)

// ofNobody refuses, in a plan for a client, what belongs to no client.
func ofNobody(client string, steps []*step) error {
	var problems []Problem
	for _, s := range steps {
		if client != "" && s.info.Kind.Everywhere() {
			problems = append(problems, Problem{Kind: s.Kind, Code: s.Code, Problem: resource.Problem{
				Detail: "belongs to no client, and this plan is for one: only who reaches every client may apply it",
				Try:    "a manifest of its own, without client",
			}})
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &Error{Code: CodeForbidden, Detail: "the plan changes what belongs to the platform", Problems: problems}
}

// keepOwn gives a declared resource what manifests do not speak of: what the
// server itself or commands of their own have put there.
func keepOwn(before, after resource.Resource, given fields) {
	switch r := after.(type) {
	case *resource.Client:
		was := before.(*resource.Client)
		r.Notes, r.StatusReason, r.StatusChangedAt = was.Notes, was.StatusReason, was.StatusChangedAt
	case *resource.Application:
		was := before.(*resource.Application)
		r.Clients, r.ServiceAccountID = was.Clients, was.ServiceAccountID
	case *resource.ServiceAccount:
		if _, spoken := given["webhookCredentials"]; !spoken {
			r.Webhook = before.(*resource.ServiceAccount).Webhook
		}
	}
}

// emptied refuses to delete a client that still has something.
func (d *draft) emptied(steps []*step) error {
	for _, s := range steps {
		if s.Action != "delete" || s.info.Kind != resource.KindClient || s.subject == nil {
			continue
		}
		id := s.subject.Base().ID
		for _, info := range resource.Kinds {
			var refused error
			d.all(info.Kind, func(r resource.Resource) {
				names := r.Base().ClientID == id && info.Kind != resource.KindClient
				for _, ref := range r.Refs() {
					names = names || ref.Kind == resource.KindClient && ref.ID == id
				}
				if names && refused == nil {
					refused = about(refuse(CodeInUse, "the client still has the %s %s", info.Title, r.Key()), s.Kind, s.Code)
				}
			})
			if refused != nil {
				return refused
			}
		}
	}
	return nil
}

// about says which resource of a plan a refusal is about, so that it can be
// shown where that is declared.
func about(err error, kind, code string) error {
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) > 0 || len(e.Conflicts) > 0 {
		return err
	}
	return &Error{Code: e.Code, Detail: "the plan can not be accepted", Problems: []Problem{{Kind: kind, Code: code, Problem: resource.Problem{Detail: e.Detail}}}}
}
