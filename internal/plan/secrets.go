package plan

import (
	"fmt"

	"github.com/flowcatalyst/fc/client/resource"
)

// Unsealed gives a plan that was read from a file the values of its secrets,
// which are not in the file, out of the manifest that it was made from. It
// fails if the manifest means other secrets by now.
func (p *Plan) Unsealed(declared []resource.Resource) (*Plan, error) {
	values := map[string]resource.Secret{}
	for _, r := range declared {
		each(r, func(s *resource.Secret) {
			if s.Known() {
				values[s.Fingerprint()] = *s
			}
		})
	}
	out := *p
	out.Changes = make([]Change, len(p.Changes))
	var err error
	for i, c := range p.Changes {
		if c.Action.Changes() && c.Resource != nil {
			c.Resource = resource.CopySecrets(c.Resource)
			each(c.Resource, func(s *resource.Secret) {
				if s.IsZero() || s.Known() {
					return
				}
				v, ok := values[s.Fingerprint()]
				if !ok && err == nil {
					err = fmt.Errorf("the secret of %s %s is not the one that the plan was made with", c.Kind, c.Code)
				}
				*s = v
			})
		}
		out.Changes[i] = c
	}
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// Sealed says that the plan needs Unsealed before it can be carried out.
func (p *Plan) Sealed() bool {
	sealed := false
	for _, c := range p.Changes {
		if c.Action.Changes() && c.Resource != nil {
			each(c.Resource, func(s *resource.Secret) { sealed = sealed || !s.IsZero() && !s.Known() })
		}
	}
	return sealed
}

// HoldsSecrets says that the plan, once it is in a file, is Sealed.
func (p *Plan) HoldsSecrets() bool {
	holds := false
	for _, c := range p.Changes {
		if c.Action.Changes() && c.Resource != nil {
			each(c.Resource, func(s *resource.Secret) { holds = holds || !s.IsZero() })
		}
	}
	return holds
}

// each visits the secrets of a resource.
func each(r resource.Resource, visit func(*resource.Secret)) {
	_ = resource.EachSecret(r, func(_ string, s *resource.Secret) error { visit(s); return nil }) // the visit does not fail
}
