package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// fields are the members of a JSON object as they came, so that what is
// absent can be told from what is zero.
type fields map[string]json.RawMessage

// otherNames are what existing clients call some fields.
var otherNames = map[resource.Kind]map[string]string{
	resource.KindDispatchPool: {"maxConcurrency": "concurrency", "rateLimitPerMinute": "rateLimit"},
	resource.KindConnection:   {"endpoint": "url"},
	resource.KindSubscription: {"endpoint": "target"},
}

// readFields reads the object of a request.
func readFields(kind resource.Kind, body []byte) (fields, error) {
	var f fields
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, Malformed(err)
	}
	if f == nil {
		return nil, Invalid("the body must be a JSON object", resource.Problem{Field: "body", Detail: "is null"})
	}
	for other, name := range otherNames[kind] {
		if v, ok := f[other]; ok {
			delete(f, other)
			if _, both := f[name]; !both {
				f[name] = v
			}
		}
	}
	if err := reshape(kind, f); err != nil {
		return nil, err
	}
	return f, nil
}

// Malformed refuses a body that is not the JSON it should be, without
// repeating any of it.
func Malformed(err error) *Error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return Invalid(fmt.Sprintf("the body is not valid JSON: the mistake is at byte %d", syntax.Offset),
			resource.Problem{Field: "body", Detail: "is not valid JSON"})
	case errors.As(err, &kind) && kind.Field == "":
		return Invalid("the body must be a JSON object", resource.Problem{Field: "body", Detail: "must be " + jsonName(kind)})
	case errors.As(err, &kind):
		return Invalid("the request has a field of the wrong type", resource.Problem{Field: kind.Field, Detail: "must be " + jsonName(kind)})
	}
	return Invalid("the body is not valid JSON", resource.Problem{Field: "body", Detail: "is not valid JSON"})
}

// jsonName is what a JSON value should have been.
func jsonName(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	case "slice", "array":
		return "an array"
	case "map", "struct", "ptr":
		return "an object"
	}
	return "a number"
}

// build makes a resource of fields and names each one that does not fit.
func build(info resource.KindInfo, f fields) (resource.Resource, []resource.Problem) {
	r := info.New()
	body, err := json.Marshal(f)
	if err == nil {
		err = json.Unmarshal(body, r)
	}
	if err == nil {
		return r, nil
	}
	var ps []resource.Problem
	for _, name := range slices.Sorted(maps.Keys(f)) {
		one, err := json.Marshal(fields{name: f[name]})
		if err == nil {
			err = json.Unmarshal(one, info.New())
		}
		if err != nil {
			ps = append(ps, unfit(name, err))
		}
	}
	if len(ps) == 0 {
		ps = append(ps, resource.Problem{Field: "body", Detail: "is no " + info.Title})
	}
	return r, ps
}

// unfit says why a field could not be read. Errors of our own types speak in
// sentences about the field; others may repeat the value and are not shown.
func unfit(name string, err error) resource.Problem {
	var kind *json.UnmarshalTypeError
	var when *time.ParseError
	switch {
	case errors.As(err, &kind):
		field := kind.Field
		if field == "" {
			field = name
		}
		return resource.Problem{Field: field, Detail: "must be " + jsonName(kind)}
	case errors.As(err, &when):
		return resource.Problem{Field: name, Detail: "has a time that is not RFC 3339", Try: "2026-01-02T15:04:05Z"}
	case strings.HasPrefix(err.Error(), "must be ") || strings.HasPrefix(err.Error(), "has an unknown unit"):
		return resource.Problem{Field: name, Detail: err.Error()}
	}
	return resource.Problem{Field: name, Detail: "has a value of the wrong form"}
}

// pairs are fields that mean the same thing: who sets one leaves the other.
var pairs = [][2]string{{"connectionId", "connectionCode"}, {"dispatchPoolId", "dispatchPoolCode"}}

// patched is a resource with the fields of an update laid over it. A field
// that is absent stays, null takes it away.
func patched(info resource.KindInfo, before resource.Resource, patch fields) (resource.Resource, error) {
	body, err := json.Marshal(before) // with fingerprints, which keepSecrets knows
	var f fields
	if err == nil {
		err = json.Unmarshal(body, &f)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", info.Title, before.Key(), err)
	}
	for _, pair := range pairs {
		_, first := patch[pair[0]]
		_, second := patch[pair[1]]
		if first != second {
			delete(f, pair[0])
			delete(f, pair[1])
		}
	}
	for name, v := range patch {
		if bytes.Equal(v, []byte("null")) {
			delete(f, name)
		} else {
			f[name] = v
		}
	}
	after, ps := build(info, f)
	if len(ps) > 0 {
		return nil, Invalid("the request has fields that can not be accepted", ps...)
	}
	inheritSecrets(before, after)
	m, b := after.Base(), before.Base()
	if after.Key() != before.Key() {
		ps = append(ps, resource.Problem{Field: info.Kind.KeyField(), Detail: "can not be changed", Try: "a new " + info.Title})
	}
	if m.ClientID != b.ClientID {
		ps = append(ps, resource.Problem{Field: "clientId", Detail: "can not be changed", Try: "a new " + info.Title})
	}
	if len(ps) > 0 {
		return nil, Invalid("the request has fields that can not be accepted", ps...)
	}
	m.ManagedBy = b.ManagedBy
	return after, nil
}
