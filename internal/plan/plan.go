package plan

import (
	"encoding/json"
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
)

// Action is what happens to one resource.
type Action string

// The actions. NoOp and Conflict change nothing; a plan with a conflict can
// not be applied.
const (
	Create   Action = "create"
	Update   Action = "update"
	Replace  Action = "replace"
	Delete   Action = "delete"
	NoOp     Action = "no-op"
	Conflict Action = "conflict"
)

// Changes says that the action changes something.
func (a Action) Changes() bool {
	return a == Create || a == Update || a == Replace || a == Delete
}

// Plan is what has to happen so that what is there becomes what was declared.
type Plan struct {
	Manifest string
	Server   string // the URL of the server that it was made for; empty if nobody said
	ClientID string // the tenant; empty is anchor level
	// Changes has one entry per resource that is declared or owned, in the
	// order in which they may be carried out: what is named before what names
	// it, then the deletes the other way round.
	Changes []Change
	// Targets are what the plan was narrowed to, as KIND.CODE; LeftOut counts
	// the changes and conflicts that it leaves aside for that.
	Targets []string
	LeftOut int
}

// Change is what happens to one resource.
type Change struct {
	Action Action        `json:"action"`
	Kind   resource.Kind `json:"kind"`
	Code   string        `json:"code"`
	// ID and Revision are of the live resource that the plan was made
	// against; absent where there is none.
	ID       string `json:"id,omitempty"`
	Revision int64  `json:"revision,omitempty"`
	// From is the code that the live resource has had, where it is renamed.
	From string `json:"from,omitempty"`
	// Adopt says that the manifest takes the resource over.
	Adopt bool `json:"adopt,omitempty"`
	// Owner is who owns the live resource: a manifest, or nobody.
	Owner string `json:"owner,omitempty"`
	// Drift says that somebody else changed the resource after the manifest
	// was last applied.
	Drift bool `json:"drift,omitempty"`
	// Protected says that the live resource resists deletion.
	Protected bool `json:"protected,omitempty"`
	// Attributes are what differs, by path. A create lists all that is not
	// empty, a delete what is lost.
	Attributes []Attribute `json:"attributes,omitempty"`
	// Problem and Try say why this is a conflict and what would end it.
	Problem string `json:"problem,omitempty"`
	Try     string `json:"try,omitempty"`
	// Notes are for people: what stays as it is although it may surprise.
	Notes []string `json:"notes,omitempty"`
	// Resource is what shall be; nil for a delete and a conflict. Encoded, it
	// shows its secrets as fingerprints.
	Resource resource.Resource `json:"resource,omitempty"`
}

// Attribute is one difference. Before and After are JSON values, nil where
// there is none.
type Attribute struct {
	// Path is in JSON names: "signing.scheme", `headers["X-Team"]`.
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	// Secret says that the values are fingerprints.
	Secret bool `json:"secret,omitempty"`
}

// Empty says that nothing has to happen and nothing stands in the way.
func (p *Plan) Empty() bool {
	for _, c := range p.Changes {
		if c.Action != NoOp {
			return false
		}
	}
	return true
}

// Conflicts lists what stands in the way.
func (p *Plan) Conflicts() []Change {
	var cs []Change
	for _, c := range p.Changes {
		if c.Action == Conflict {
			cs = append(cs, c)
		}
	}
	return cs
}

// LosesAll says that nothing of what the manifest owns stays.
func (p *Plan) LosesAll() bool {
	return len(p.Targets) == 0 && !slices.ContainsFunc(p.Changes, func(c Change) bool {
		return !c.Adopt && (c.Action == NoOp || c.Action == Update || c.Action == Replace)
	})
}

// Count says how many resources meet an action.
func (p *Plan) Count(a Action) int {
	n := 0
	for _, c := range p.Changes {
		if c.Action == a {
			n++
		}
	}
	return n
}
