package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/flowcatalyst/fc/client/resource"
)

// hidden are the fields that say where a resource comes from and how it has
// fared: they are no part of what is declared.
var hidden = []string{"id", "clientId", "managedBy", "source", "revision", "appliedRevision", "createdBy", "createdAt", "updatedAt", "code"}

// hiddenOf are those of single kinds: what the resource is called by, and what
// is given to it by commands of its own.
var hiddenOf = map[resource.Kind][]string{
	resource.KindClient:         {"identifier", "notes", "statusReason", "statusChangedAt"},
	resource.KindApplication:    {"clients", "serviceAccountId"},
	resource.KindRole:           {"name"},
	resource.KindServiceAccount: {"webhookCredentials"},
}

// leaf is a value that is compared as one.
type leaf struct {
	value  json.RawMessage
	secret bool
}

// diff lists what differs, by path. Either side may be nil.
func diff(before, after resource.Resource) []Attribute {
	was, is := leaves(before, after), leaves(after, before)
	paths := slices.Collect(maps.Keys(was))
	for p := range is {
		if _, ok := was[p]; !ok {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	var out []Attribute
	for _, p := range paths {
		b, a := was[p], is[p]
		if bytes.Equal(b.value, a.value) {
			continue
		}
		if before != nil && after != nil && !slices.Contains(threefold, p) {
			b.value, a.value = off(b.value, a.value), off(a.value, b.value)
		}
		out = append(out, Attribute{Path: p, Before: b.value, After: a.value, Secret: b.secret || a.secret})
	}
	return out
}

// threefold are the switches of which off is not the same as not set.
var threefold = []string{"active", "http2", "keepAlive"}

// off is a value, which where there is none is that of a switch if the other
// one is on.
func off(v, other json.RawMessage) json.RawMessage {
	if v == nil && string(other) == "true" {
		return json.RawMessage("false")
	}
	return v
}

// leaves takes a resource apart. Empty values have no path, so that absent
// and empty are the same.
func leaves(r, other resource.Resource) map[string]leaf {
	out := map[string]leaf{}
	if r == nil {
		return out
	}
	b, err := json.Marshal(normal(r, other))
	if err != nil {
		return refusal(out, err)
	}
	var top map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&top); err != nil {
		return refusal(out, err)
	}
	for _, name := range slices.Concat(hidden, hiddenOf[r.Kind()]) {
		delete(top, name)
	}
	for name, v := range top {
		walk(out, name, name, v)
	}
	return out
}

// refusal makes a resource that can not be encoded (a schema that is no JSON)
// differ from every other, so that the server's check speaks about it.
func refusal(out map[string]leaf, err error) map[string]leaf {
	out["(unreadable)"] = leaf{value: text(err.Error())}
	return out
}

// identity names the field by which the elements of a list are known. That of
// a previous secret is its fingerprint.
var identity = map[string]string{"eventTypes": "eventTypeCode", "customConfig": "key", "specVersions": "version", "previous": "secret"}

// whole are the fields whose content is a document of its own.
var whole = []string{"schema", "filter"}

func walk(out map[string]leaf, path, name string, v any) {
	if slices.Contains(whole, name) {
		put(out, path, v, false)
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if fp, ok := fingerprint(v); ok {
			put(out, path, fp, true)
			return
		}
		for k, e := range v {
			walk(out, join(path, k, name == "headers"), k, e)
		}
	case []any:
		if id, ok := identity[name]; ok {
			if keyed, ok := byIdentity(v, id); ok {
				for k, e := range keyed {
					at := fmt.Sprintf("%s[%q]", path, k)
					put(out, at, k, name == "previous")
					walk(out, at, "", e)
				}
				return
			}
		}
		put(out, path, v, false)
	default:
		put(out, path, v, false)
	}
}

// fingerprint is what is shown of a secret.
func fingerprint(v any) (string, bool) {
	m, _ := v.(map[string]any)
	fp, ok := m["fingerprint"].(string)
	return fp, ok && len(m) == 1
}

// join appends a name; one that a person chose is quoted.
func join(path, name string, chosen bool) string {
	if chosen {
		return path + "[" + strconv.Quote(name) + "]"
	}
	return path + "." + name
}

// byIdentity turns a list into a map by a field of its elements, if every
// element has one of its own.
func byIdentity(list []any, field string) (map[string]map[string]any, bool) {
	out := map[string]map[string]any{}
	for _, e := range list {
		m, _ := e.(map[string]any)
		k, ok := m[field].(string)
		if !ok {
			k, ok = fingerprint(m[field])
		}
		if !ok || out[k] != nil {
			return nil, false
		}
		rest := maps.Clone(m)
		delete(rest, field)
		out[k] = rest
	}
	return out, true
}

func put(out map[string]leaf, path string, v any, secret bool) {
	if v == nil || v == "" || v == false && !slices.Contains(threefold, path) {
		return
	}
	if list, ok := v.([]any); ok && len(list) == 0 {
		return
	}
	if raw, err := encode(v); err == nil { // it was decoded from JSON a moment ago
		out[path] = leaf{raw, secret}
	}
}

// encode writes a value in the one form that values are compared and shown
// in. Maps have sorted keys, so equal documents are equal bytes; a filter has
// its ">", and not what HTML would make of it.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func text(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	b, _ := encode(s) // a string always encodes
	return b
}
