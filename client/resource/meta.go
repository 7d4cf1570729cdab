package resource

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Meta is what all resources share. The server writes every field of it but
// ClientID, Protected and ManagedBy.
type Meta struct {
	ID        string `json:"id,omitempty"`
	ClientID  string `json:"clientId,omitempty"`  // the tenant; empty is anchor level
	ManagedBy string `json:"managedBy,omitempty"` // the manifest that owns it
	Protected bool   `json:"protected,omitempty" hcl:"protected,optional"`
	Source    string `json:"source,omitempty"`   // UI, API, CODE, IDP: who wrote it first
	Revision  int64  `json:"revision,omitempty"` // grows by one with each change
	// AppliedRevision is the revision that the owning manifest wrote last. If
	// Revision is another one, somebody changed the resource since: drift.
	AppliedRevision int64     `json:"appliedRevision,omitempty"`
	CreatedBy       string    `json:"createdBy,omitempty"`
	CreatedAt       time.Time `json:"createdAt,omitzero"`
	UpdatedAt       time.Time `json:"updatedAt,omitzero"`
}

// Base returns the shared part of a noun.
func (m *Meta) Base() *Meta { return m }

// Problem is one thing wrong with a resource. Field is the JSON name of the
// field ("eventTypes[0].filter"), Detail a sentence that never repeats the
// rejected value, Try what to write instead.
type Problem struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
	Try    string `json:"try,omitempty"`
}

func (p Problem) String() string {
	s := p.Detail
	if p.Field != "" {
		s = p.Field + ": " + s
	}
	if p.Try != "" {
		s += " (try: " + p.Try + ")"
	}
	return s
}

// KeyValue is one pair of an ordered list.
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

var codePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

func checkCode(ps []Problem, code string) []Problem {
	switch {
	case code == "":
		return append(ps, Problem{"code", "is required", `a short name such as "ship-notifications"`})
	case !codePattern.MatchString(code):
		return append(ps, Problem{"code", "may have letters, digits, '.', '_' and '-', begins with a letter or digit and has at most 100 characters", "ship-notifications"})
	}
	return ps
}

func checkName(ps []Problem, name, description string) []Problem {
	if len(name) > 200 {
		ps = append(ps, Problem{"name", "is longer than 200 characters", "a shorter name"})
	}
	if len(description) > 2000 {
		ps = append(ps, Problem{"description", "is longer than 2000 characters", "a shorter description"})
	}
	return ps
}

func checkRange(ps []Problem, field string, v, low, high int) []Problem {
	if v < low || v > high {
		return append(ps, Problem{field, fmt.Sprintf("must be from %d to %d", low, high), ""})
	}
	return ps
}

func checkEnum(ps []Problem, field, v string, allowed ...string) []Problem {
	for _, a := range allowed {
		if v == a {
			return ps
		}
	}
	try := allowed[0]
	for _, a := range allowed { // the one that was begun
		if v != "" && strings.HasPrefix(a, strings.ToUpper(v)) {
			try = a
			break
		}
	}
	return append(ps, Problem{field, "must be one of " + strings.Join(allowed, ", "), try})
}
