package sample

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	deep    = 5  // beneath this depth objects get only what they must have
	deepest = 40 // where a schema is taken to refer to itself without end

	// An event has at most 1 MiB of data. A schema can ask for lists of lists
	// that have no room in any memory, each of them of a modest length.
	largest   = 4 << 20 // bytes of all texts, with each value as so many more:
	eachValue = 16
)

// maker makes one example.
type maker struct {
	root any
	rand *rand.Rand
	n    int // of texts so far, so that they differ
	size int // of all that was made so far
}

func unmet(keyword, reason string) error { return &Unmet{Keyword: keyword, Reason: reason} }

// errLarge says that an example would be too large.
var errLarge = unmet("the schema", "the smallest example that it accepts is larger than an event may be")

// make makes a value that a schema accepts, as far as it knows, and not too
// much of it.
func (m *maker) make(schema any, depth int) (any, error) {
	m.size += eachValue
	if m.size > largest {
		return nil, errLarge
	}
	v, err := m.value(schema, depth)
	if text, is := v.(string); is {
		m.size += len(text)
	}
	return v, err
}

func (m *maker) value(schema any, depth int) (any, error) {
	if depth > deepest {
		return nil, unmet("$ref", "the schema refers to itself without end")
	}
	if b, is := schema.(bool); is {
		if !b {
			return nil, unmet("false", "the schema accepts nothing there")
		}
		return m.word(), nil
	}
	s, err := m.flat(schema, 0)
	if err != nil {
		return nil, err
	}
	if v, has := s["const"]; has {
		return v, nil
	}
	if list, _ := s["enum"].([]any); len(list) > 0 {
		return list[m.rand.IntN(len(list))], nil
	}
	if list, _ := s["examples"].([]any); len(list) > 0 && m.rand.IntN(2) == 0 {
		return list[m.rand.IntN(len(list))], nil
	}
	switch kind := m.kind(s); kind {
	case "object":
		return m.object(s, depth)
	case "array":
		return m.array(s, depth)
	case "integer", "number":
		return m.number(s, kind == "integer")
	case "boolean":
		return m.rand.IntN(2) == 0, nil
	case "null":
		return nil, nil
	default:
		return m.text(s)
	}
}

// flat is a schema without references and alternatives: of these one is
// chosen, and what applies besides is merged into it.
func (m *maker) flat(schema any, depth int) (map[string]any, error) {
	s, is := schema.(map[string]any)
	if !is {
		if b, is := schema.(bool); is && b {
			return map[string]any{}, nil
		}
		return nil, unmet("false", "the schema accepts nothing there")
	}
	if depth > deepest {
		return nil, unmet("$ref", "the schema refers to itself without end")
	}
	out := maps.Clone(s)
	add := func(part any) error {
		flat, err := m.flat(part, depth+1)
		if err == nil {
			merge(out, flat)
		}
		return err
	}
	if ref, _ := s["$ref"].(string); ref != "" {
		target, err := m.resolve(ref)
		if err != nil {
			return nil, err
		}
		if err := add(target); err != nil {
			return nil, err
		}
	}
	if all, _ := s["allOf"].([]any); all != nil {
		for _, part := range all {
			if err := add(part); err != nil {
				return nil, err
			}
		}
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		if some, _ := s[keyword].([]any); len(some) > 0 {
			if err := add(some[m.rand.IntN(len(some))]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// merge adds what a second schema asks for.
func merge(into, more map[string]any) {
	for k, v := range more {
		old, has := into[k]
		switch {
		case !has:
			into[k] = v
		case k == "properties":
			props := maps.Clone(asObject(old))
			for name, p := range asObject(v) {
				if q, has := props[name]; has {
					p = map[string]any{"allOf": []any{q, p}}
				}
				props[name] = p
			}
			into[k] = props
		case k == "required":
			into[k] = append(slices.Clone(asList(old)), asList(v)...)
		case strings.HasPrefix(k, "min") || k == "exclusiveMinimum":
			into[k] = pick(old, v, func(a, b float64) bool { return a >= b })
		case strings.HasPrefix(k, "max") || k == "exclusiveMaximum":
			into[k] = pick(old, v, func(a, b float64) bool { return a <= b })
		case k == "const" || k == "enum" || k == "type":
			into[k] = v // what is deeper is narrower
		}
	}
}

func asObject(v any) map[string]any { o, _ := v.(map[string]any); return o }
func asList(v any) []any            { l, _ := v.([]any); return l }

func pick(a, b any, first func(a, b float64) bool) any {
	x, _ := asNumber(a)
	y, _ := asNumber(b)
	if first(x, y) {
		return a
	}
	return b
}

func asNumber(v any) (float64, bool) {
	switch n := v.(type) {
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case float64:
		return n, true
	}
	return 0, false
}

// resolve finds what a reference within the document names.
func (m *maker) resolve(ref string) (any, error) {
	pointer, found := strings.CutPrefix(ref, "#")
	if !found {
		return nil, unmet("$ref", ref+" is not within the schema")
	}
	pointer, err := url.PathUnescape(pointer)
	if err != nil {
		return nil, unmet("$ref", ref+" is not a pointer")
	}
	at := m.root
	if pointer == "" {
		return at, nil
	}
	if pointer[0] != '/' {
		if at = anchored(m.root, pointer); at == nil {
			return nil, unmet("$ref", "there is no $anchor "+pointer)
		}
		return at, nil
	}
	for name := range strings.SplitSeq(pointer[1:], "/") {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		switch in := at.(type) {
		case map[string]any:
			at = in[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(in) {
				return nil, unmet("$ref", "there is nothing at "+ref)
			}
			at = in[n]
		}
		if at == nil {
			return nil, unmet("$ref", "there is nothing at "+ref)
		}
	}
	return at, nil
}

// anchored finds the schema with an anchor.
func anchored(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		if v["$anchor"] == name {
			return v
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if found := anchored(v[k], name); found != nil {
				return found
			}
		}
	case []any:
		for _, e := range v {
			if found := anchored(e, name); found != nil {
				return found
			}
		}
	}
	return nil
}

// kind is the type of the value to make.
func (m *maker) kind(s map[string]any) string {
	switch t := s["type"].(type) {
	case string:
		return t
	case []any:
		var kinds []string
		for _, k := range t {
			if k, _ := k.(string); k != "" && k != "null" {
				kinds = append(kinds, k)
			}
		}
		if len(kinds) == 0 {
			return "null"
		}
		return kinds[m.rand.IntN(len(kinds))]
	}
	for _, hint := range []struct {
		kind     string
		keywords []string
	}{
		{"object", []string{"properties", "required", "additionalProperties", "patternProperties", "minProperties", "propertyNames"}},
		{"array", []string{"items", "prefixItems", "minItems", "contains", "uniqueItems"}},
		{"number", []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
	} {
		for _, k := range hint.keywords {
			if _, has := s[k]; has {
				return hint.kind
			}
		}
	}
	return "string"
}

// object makes an object with all properties that are named, or beneath a
// depth with those that it must have.
func (m *maker) object(s map[string]any, depth int) (any, error) {
	props := asObject(s["properties"])
	must := map[string]bool{}
	for _, r := range asList(s["required"]) {
		if name, is := r.(string); is {
			must[name] = true
		}
	}
	names := map[string]bool{}
	maps.Copy(names, must)
	if depth < deep {
		for name, p := range props {
			if p != false {
				names[name] = true
			}
		}
	}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		v, err := m.make(m.property(s, props, name), depth+1)
		if err != nil {
			if !must[name] {
				continue // it can do without
			}
			return nil, err
		}
		out[name] = v
	}
	least, _ := asNumber(s["minProperties"])
	for n := 1; len(out) < int(least) && n <= 1000; n++ {
		name := fmt.Sprintf("more%d", n)
		v, err := m.make(m.property(s, props, name), depth+1)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	if most, has := asNumber(s["maxProperties"]); has {
		for _, name := range slices.Sorted(maps.Keys(out)) {
			if len(out) > int(most) && !must[name] {
				delete(out, name)
			}
		}
	}
	return out, nil
}

// property is the schema of a property.
func (m *maker) property(s, props map[string]any, name string) any {
	if p, has := props[name]; has {
		return p
	}
	if matching := patternOf(asObject(s["patternProperties"]), name); matching != nil {
		return matching
	}
	if more, has := s["additionalProperties"]; has {
		return more
	}
	return true
}

// array makes a list, of one item if it may be.
func (m *maker) array(s map[string]any, depth int) (any, error) {
	least, _ := asNumber(s["minItems"])
	n := int(least)
	prefix := asList(s["prefixItems"])
	items, has := s["items"]
	if !has {
		items = true
	}
	if contains, has := s["contains"]; has {
		if _, also := s["items"]; also {
			items = map[string]any{"allOf": []any{items, contains}}
		} else {
			items = contains
		}
		count := 1.0
		if c, has := asNumber(s["minContains"]); has {
			count = c
		}
		n = max(n, len(prefix)+int(count))
	}
	n = max(n, len(prefix))
	if n == 0 && depth < deep && items != false {
		n = 1
	}
	if most, has := asNumber(s["maxItems"]); has {
		n = min(n, int(most))
	}
	if n > 10_000 {
		return nil, unmet("minItems", "so many items are too many for an example")
	}
	out := make([]any, 0, n)
	seen := map[string]bool{}
	for i := range n {
		of := items
		if i < len(prefix) {
			of = prefix[i]
		}
		var v any
		for range tries {
			var err error
			if v, err = m.make(of, depth+1); err != nil {
				if i >= int(least) {
					return out, nil
				}
				return nil, err
			}
			if s["uniqueItems"] != true {
				break
			}
			b, _ := json.Marshal(v) // what was made of JSON can be
			if !seen[string(b)] {
				seen[string(b)] = true
				break
			}
		}
		out = append(out, v)
	}
	return out, nil
}
