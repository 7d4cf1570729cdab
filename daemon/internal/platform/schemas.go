package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/schema"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// What happens to an event of a type that nobody declared.
const (
	UnknownAccept = "accept"
	UnknownWarn   = "warn"
	UnknownReject = "reject"
)

// schemas are the schemas in force at one version of the resources.
type schemas struct {
	version int64
	checks  map[typeKey]*typeCheck
	known   map[typeKey]bool // nil unless unknown types matter
	of      map[*resource.EventType]*typeCheck
}

type typeKey struct{ client, code string }

// typeCheck is what an event type asks of its events.
type typeCheck struct {
	reject  bool
	version string
	schema  *schema.Schema // nil: it can not be compiled
}

// inForce are the schemas for a catalog. An event type that did not change
// keeps its compiled schema.
func (p *Platform) inForce(cat *catalog.Catalog) *schemas {
	before := p.schemas.Load()
	if before != nil && before.version == cat.Version {
		return before
	}
	now := &schemas{version: cat.Version, checks: map[typeKey]*typeCheck{}, of: map[*resource.EventType]*typeCheck{}}
	if p.unknown != UnknownAccept {
		now.known = map[typeKey]bool{}
	}
	for _, t := range cat.EventTypes {
		key := typeKey{t.Meta.ClientID, t.Code}
		if now.known != nil {
			now.known[key] = true
		}
		if t.Validation != resource.ValidationWarn && t.Validation != resource.ValidationReject {
			continue
		}
		v := t.InForce()
		if v == nil {
			continue
		}
		var check *typeCheck
		if before != nil {
			check = before.of[t]
		}
		if check == nil {
			check = &typeCheck{reject: t.Validation == resource.ValidationReject, version: v.Version}
			var err error
			if check.schema, err = schema.Compile(v.Schema); err != nil {
				p.log.Error("a schema can not be compiled; its events are not checked", "event_type", t.Code, "version", v.Version, "error", err)
			}
		}
		now.of[t] = check
		if check.schema != nil {
			now.checks[key] = check
		}
	}
	// Whoever was slow must not put back what is old: every request after it
	// would compile anew.
	for last := before; last == nil || last.version < now.version; last = p.schemas.Load() {
		if p.schemas.CompareAndSwap(last, now) {
			break
		}
	}
	return now
}

// find is the check for a type of a client: the client's own event type comes
// before that of anchor level.
func (s *schemas) find(client, code string) *typeCheck {
	if len(s.checks) == 0 {
		return nil
	}
	if client != "" {
		if c := s.checks[typeKey{client, code}]; c != nil {
			return c
		}
	}
	return s.checks[typeKey{"", code}]
}

func (s *schemas) declared(client, code string) bool {
	return s.known == nil || s.known[typeKey{"", code}] || client != "" && s.known[typeKey{client, code}]
}

// checkData holds an event against the schema of its type. It returns what to
// tell the publisher, or why the event is refused.
func (p *Platform) checkData(s *schemas, e *flow.Event) (warnings []string, refused *Error) {
	if !s.declared(e.ClientID, e.Type) {
		if p.unknown == UnknownReject {
			return nil, Invalid("the event can not be accepted", resource.Problem{Field: "type", Detail: "is not a declared event type", Try: "create the event type first"})
		}
		p.warn(telemetry.Warning{Category: "EVENT_TYPE", Severity: telemetry.Warn, Source: e.Type, ClientID: e.ClientID, Key: "undeclared",
			Message: "events of the type " + e.Type + " are published, and nobody declared it"})
		warnings = append(warnings, "type: is not a declared event type")
	}
	c := s.find(e.ClientID, e.Type)
	if c == nil {
		return warnings, nil
	}
	found := c.schema.Check(e.Data, "/data")
	if len(found) == 0 {
		return warnings, nil
	}
	if c.reject {
		p.violations.reject.Inc()
		refused := &Error{Code: CodeInvalid, Detail: "the data does not match version " + c.version + " of the event type's schema"}
		for _, f := range found {
			refused.Problems = append(refused.Problems, Problem{Problem: resource.Problem{Field: f.Pointer, Detail: f.Detail}})
		}
		return nil, refused
	}
	p.violations.warn.Inc()
	p.warn(telemetry.Warning{Category: "SCHEMA", Severity: telemetry.Warn, Source: e.Type, ClientID: e.ClientID, Key: c.version,
		Message: fmt.Sprintf("events of the type %s do not match version %s of its schema: %s %s", e.Type, c.version, found[0].Pointer, found[0].Detail)})
	for _, f := range found {
		warnings = append(warnings, f.Pointer+": "+f.Detail)
	}
	return warnings, nil
}

func (p *Platform) warn(w telemetry.Warning) {
	if p.warnings != nil {
		p.warnings.Warn(w)
	}
}

// Checked is what came of holding data against a schema.
type Checked struct {
	Version string
	Status  string
	Found   []resource.Problem // empty: it matches
}

// CheckData holds data against a version of an event type's schema, or the one
// in force, without publishing anything.
func (p *Platform) CheckData(ctx context.Context, c Caller, name, clientID string, body []byte) (Checked, error) {
	var in struct {
		Version string          `json:"version"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Checked{}, Malformed(err)
	}
	if len(in.Data) == 0 {
		return Checked{}, invalidField("data", "is required", `{"data": {}}`)
	}
	info, _ := resource.InfoOf(resource.KindEventType)
	r, err := p.Get(ctx, c, info, name, clientID)
	if err != nil {
		return Checked{}, err
	}
	t := r.(*resource.EventType)
	v := t.InForce()
	if in.Version != "" {
		k := slices.IndexFunc(t.SpecVersions, func(v resource.SpecVersion) bool { return v.Version == in.Version })
		if k < 0 {
			return Checked{}, refuse(CodeNotFound, "the event type has no such version of its schema")
		}
		v = &t.SpecVersions[k]
	}
	if v == nil {
		return Checked{}, refuse(CodeConflict, "the event type has no schema to check against; add a version first")
	}
	s, err := schema.Compile(v.Schema)
	if err != nil {
		return Checked{}, refuse(CodeConflict, "the schema of this version can not be compiled; it %v", err)
	}
	out := Checked{Version: v.Version, Status: v.Status}
	for _, f := range s.Check(in.Data, "/data") {
		out.Found = append(out.Found, resource.Problem{Field: f.Pointer, Detail: f.Detail})
	}
	return out, nil
}

// MoveVersion finalises or deprecates a version of a schema. A version that is
// there already is no error.
func (p *Platform) MoveVersion(ctx context.Context, c Caller, name, clientID, version, status, operation string) (Changed, error) {
	info, _ := resource.InfoOf(resource.KindEventType)
	return p.edit(ctx, c, info, name, clientID, 0, operation, func(before resource.Resource) (resource.Resource, error) {
		t := *before.(*resource.EventType)
		t.SpecVersions = slices.Clone(t.SpecVersions)
		k := slices.IndexFunc(t.SpecVersions, func(v resource.SpecVersion) bool { return v.Version == version })
		if k < 0 {
			return nil, refuse(CodeNotFound, "the event type has no such version of its schema")
		}
		v := &t.SpecVersions[k]
		if versionOrder[v.Status] > versionOrder[status] {
			return nil, refuse(CodeConflict, "the version is %s already, and versions do not go back", v.Status)
		}
		v.Status = status
		return &t, nil
	})
}

// violations count events that do not match their schema.
type violations struct{ warn, reject prometheus.Counter }

func newViolations(reg prometheus.Registerer) (violations, error) {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fc_platform_schema_violations_total", Help: "Events whose data did not match the schema of their type, by what was done.",
	}, []string{"outcome"})
	v := violations{warn: vec.WithLabelValues("warned"), reject: vec.WithLabelValues("rejected")}
	if reg == nil {
		return v, nil
	}
	return v, reg.Register(vec)
}
