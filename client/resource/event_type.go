package resource

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// EventType is a kind of event an application publishes, named by four
// segments, with versioned JSON Schemas.
type EventType struct {
	Meta
	Code        string `json:"code"` // application:subdomain:aggregate:event
	Name        string `json:"name" hcl:"name,optional"`
	Description string `json:"description,omitempty" hcl:"description,optional"`
	Status      string `json:"status"` // CURRENT or ARCHIVED
	// Validation says what happens to an event whose data does not match the
	// schema in force: OFF (nothing is checked), WARN or REJECT.
	Validation   string        `json:"validation"`
	SpecVersions []SpecVersion `json:"specVersions,omitempty"`
}

// SpecVersion is one version of an event type's schema.
type SpecVersion struct {
	Version      string          `json:"version"`
	Schema       json.RawMessage `json:"schema"`
	Status       string          `json:"status"` // FINALISING, FINALISED or DEPRECATED
	CreatedAt    time.Time       `json:"createdAt,omitzero"`
	FinalisedAt  *time.Time      `json:"finalisedAt,omitempty"`
	DeprecatedAt *time.Time      `json:"deprecatedAt,omitempty"`
}

// The states of an event type.
const (
	EventTypeCurrent  = "CURRENT"
	EventTypeArchived = "ARCHIVED"
)

// What checking data against a schema leads to.
const (
	ValidationOff    = "OFF"
	ValidationWarn   = "WARN"
	ValidationReject = "REJECT"
)

// The states of a schema's version, which only goes forward. What is
// finalised does not change any more.
const (
	SchemaFinalising = "FINALISING"
	SchemaFinalised  = "FINALISED"
	SchemaDeprecated = "DEPRECATED"
)

// InForce is the version that events are checked against: the newest one that
// is finalised, or, while there is none, the newest that will be. Nil is none.
func (t *EventType) InForce() *SpecVersion {
	var inForce *SpecVersion
	for i := range t.SpecVersions {
		v := &t.SpecVersions[i]
		switch {
		case v.Status == SchemaDeprecated:
		case inForce == nil, v.Status == SchemaFinalised && inForce.Status != SchemaFinalised:
			inForce = v
		case v.Status != inForce.Status:
		case v.FinalisedAt != nil && inForce.FinalisedAt != nil:
			if !v.FinalisedAt.Before(*inForce.FinalisedAt) {
				inForce = v
			}
		case !v.CreatedAt.Before(inForce.CreatedAt):
			inForce = v
		}
	}
	return inForce
}

var segmentPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// CheckEventType says what is wrong with the code of an event type, or "".
func CheckEventType(code string) string {
	parts := strings.Split(code, ":")
	if len(parts) != 4 {
		return fmt.Sprintf("must have four segments application:subdomain:aggregate:event, and has %d", len(parts))
	}
	if len(code) > 200 {
		return "is longer than 200 characters"
	}
	for n, p := range parts {
		if !segmentPattern.MatchString(p) {
			return fmt.Sprintf("has a bad segment %d: letters, digits, '_', '-' and '.' only, and not empty", n+1)
		}
	}
	return ""
}

// CheckPattern says what is wrong with a subscription's pattern, or "".
// A pattern has four segments, each a word or "*".
func CheckPattern(pattern string) string {
	parts := strings.Split(pattern, ":")
	if len(parts) != 4 {
		return fmt.Sprintf("must have four segments application:subdomain:aggregate:event, each a word or \"*\", and has %d", len(parts))
	}
	for n, p := range parts {
		if p != "*" && !segmentPattern.MatchString(p) {
			return fmt.Sprintf("has a bad segment %d: a whole word or \"*\" alone", n+1)
		}
	}
	return ""
}

// Kind implements Resource.
func (*EventType) Kind() Kind { return KindEventType }

// Key implements Resource.
func (t *EventType) Key() string { return t.Code }

// Refs implements Resource.
func (*EventType) Refs() []Ref { return nil }

// Segments splits the code; missing segments are empty.
func (t *EventType) Segments() (application, subdomain, aggregate, event string) {
	p := strings.SplitN(t.Code, ":", 4)
	for len(p) < 4 {
		p = append(p, "")
	}
	return p[0], p[1], p[2], p[3]
}

// Defaults implements Resource.
func (t *EventType) Defaults() {
	if t.Name == "" {
		t.Name = t.Code
	}
	if t.Status == "" {
		t.Status = EventTypeCurrent
	}
	if t.Validation == "" {
		t.Validation = ValidationOff
	}
	for i := range t.SpecVersions {
		if t.SpecVersions[i].Status == "" {
			t.SpecVersions[i].Status = SchemaFinalising
		}
	}
}

// Validate implements Resource.
func (t *EventType) Validate() []Problem {
	var ps []Problem
	if p := CheckEventType(t.Code); p != "" {
		ps = append(ps, Problem{"code", p, "orders:fulfillment:shipment:shipped"})
	}
	ps = checkName(ps, t.Name, t.Description)
	ps = checkEnum(ps, "status", t.Status, EventTypeCurrent, EventTypeArchived)
	ps = checkEnum(ps, "validation", cmp.Or(t.Validation, ValidationOff), ValidationOff, ValidationWarn, ValidationReject)
	seen := map[string]bool{}
	for i, v := range t.SpecVersions {
		field := fmt.Sprintf("specVersions[%d]", i)
		if v.Version == "" || seen[v.Version] {
			ps = append(ps, Problem{field + ".version", "must be set and different from the others", `"1"`})
		}
		seen[v.Version] = true
		if !json.Valid(v.Schema) {
			ps = append(ps, Problem{field + ".schema", "must be a JSON Schema document", `{"type": "object"}`})
		}
		ps = checkEnum(ps, field+".status", v.Status, SchemaFinalising, SchemaFinalised, SchemaDeprecated)
	}
	return ps
}
