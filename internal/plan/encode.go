package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/flowcatalyst/fc/client/resource"
)

// Format is the version of the encoded plan. A reader refuses what is newer.
const Format = 1

type document struct {
	Format   int            `json:"flowcatalystPlan"`
	Manifest string         `json:"manifest"`
	Server   string         `json:"server,omitempty"`
	ClientID string         `json:"clientId,omitempty"`
	Summary  map[Action]int `json:"summary"`
	Targets  []string       `json:"targets,omitempty"`
	LeftOut  int            `json:"leftOut,omitempty"`
	Changes  []Change       `json:"changes"`
}

// MarshalJSON writes the plan with its format. Secrets are fingerprints: a
// plan may be kept and shown.
func (p *Plan) MarshalJSON() ([]byte, error) {
	d := document{Format: Format, Manifest: p.Manifest, Server: p.Server, ClientID: p.ClientID, Targets: p.Targets, LeftOut: p.LeftOut, Changes: p.Changes, Summary: map[Action]int{}}
	if d.Changes == nil {
		d.Changes = []Change{}
	}
	for _, a := range []Action{Create, Update, Replace, Delete, NoOp, Conflict} {
		d.Summary[a] = p.Count(a)
	}
	return encode(d)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Plan) UnmarshalJSON(b []byte) error {
	var d document
	head := struct {
		Format int `json:"flowcatalystPlan"`
	}{}
	if err := json.Unmarshal(b, &head); err != nil {
		return fmt.Errorf("this is not a plan: %w", err)
	}
	switch {
	case head.Format == 0:
		return errors.New("this is not a plan: it has no flowcatalystPlan")
	case head.Format > Format:
		return fmt.Errorf("the plan has format %d and this program reads up to %d; make the plan anew with this version", head.Format, Format)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	*p = Plan{Manifest: d.Manifest, Server: d.Server, ClientID: d.ClientID, Targets: d.Targets, LeftOut: d.LeftOut, Changes: d.Changes}
	return nil
}

// UnmarshalJSON reads an attribute. Its values may be laid out and escaped in
// any way that JSON allows, and are then written as Make writes them.
func (a *Attribute) UnmarshalJSON(b []byte) error {
	type plain Attribute
	if err := json.Unmarshal(b, (*plain)(a)); err != nil {
		return err
	}
	for _, raw := range []*json.RawMessage{&a.Before, &a.After} {
		if *raw == nil {
			continue
		}
		var v any
		d := json.NewDecoder(bytes.NewReader(*raw))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			return err
		}
		var err error
		if *raw, err = encode(v); err != nil {
			return err
		}
	}
	return nil
}

// UnmarshalJSON reads a change and the resource of its kind.
func (c *Change) UnmarshalJSON(b []byte) error {
	type plain Change
	aux := struct {
		*plain
		Resource json.RawMessage `json:"resource"`
	}{plain: (*plain)(c)}
	if err := json.Unmarshal(b, &aux); err != nil {
		return err
	}
	info, ok := resource.InfoOf(c.Kind)
	if !ok {
		return fmt.Errorf("there is no kind %q", c.Kind)
	}
	switch c.Action {
	case Create, Update, Replace, Delete, NoOp, Conflict:
	default:
		return fmt.Errorf("%s %q has an unknown action %q", info.Title, c.Code, c.Action)
	}
	c.Resource = nil
	if len(aux.Resource) > 0 && string(aux.Resource) != "null" {
		c.Resource = info.New()
		if err := json.Unmarshal(aux.Resource, c.Resource); err != nil {
			return fmt.Errorf("%s %q: %w", info.Title, c.Code, err)
		}
	}
	return nil
}
