package sample

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// draw draws a schema of the keywords that Make knows, which some value
// satisfies.
func draw(t *rapid.T, depth int) map[string]any {
	kinds := []string{"integer", "number", "string", "pattern", "format", "boolean", "enum", "const"}
	if depth > 0 {
		kinds = append(kinds, "object", "array", "oneOf", "allOf", "ref")
	}
	switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
	case "integer", "number":
		low := rapid.IntRange(-1000, 1000).Draw(t, "low")
		s := map[string]any{"type": kind, "minimum": low, "maximum": low + rapid.IntRange(12, 100).Draw(t, "width")}
		if rapid.Bool().Draw(t, "stepped") {
			s["multipleOf"] = rapid.SampledFrom([]any{5, 0.5, 0.25, 3}).Draw(t, "step")
		}
		if rapid.Bool().Draw(t, "open") {
			s["exclusiveMinimum"] = low
		}
		return s
	case "string":
		least := rapid.IntRange(0, 30).Draw(t, "least")
		return map[string]any{"type": "string", "minLength": least, "maxLength": least + rapid.IntRange(0, 5).Draw(t, "room")}
	case "pattern":
		return map[string]any{"type": "string", "pattern": rapid.SampledFrom([]string{`^[A-Z]{3}-\d+$`, `^(a|bc)+x?$`, `order`, `^[^a-z]{2,4}$`, `^\w+@\w+\.\w{2,}$`}).Draw(t, "pattern")}
	case "format":
		return map[string]any{"type": "string", "format": rapid.SampledFrom([]string{"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "uuid", "json-pointer", "regex"}).Draw(t, "format")}
	case "boolean":
		return map[string]any{"type": []any{"boolean", "null"}}
	case "enum":
		return map[string]any{"enum": []any{"a", 1, nil, map[string]any{"x": true}}}
	case "const":
		return map[string]any{"const": rapid.SampledFrom([]any{"x", 7, false, nil}).Draw(t, "const")}
	case "array":
		n := rapid.IntRange(0, 3).Draw(t, "items")
		return map[string]any{"type": "array", "items": draw(t, depth-1), "minItems": n, "maxItems": n + 2, "prefixItems": []any{draw(t, 0)}}
	case "oneOf":
		return map[string]any{"oneOf": []any{
			map[string]any{"type": "object", "properties": map[string]any{"kind": map[string]any{"const": "a"}, "v": draw(t, depth-1)}, "required": []any{"kind", "v"}},
			map[string]any{"type": "object", "properties": map[string]any{"kind": map[string]any{"const": "b"}}, "required": []any{"kind"}, "additionalProperties": false},
		}}
	case "allOf":
		return map[string]any{"type": "object", "properties": map[string]any{"a": draw(t, depth-1)}, "allOf": []any{
			map[string]any{"required": []any{"b"}, "properties": map[string]any{"b": draw(t, depth-1)}}}}
	case "ref":
		return map[string]any{"$ref": rapid.SampledFrom([]string{"#/$defs/money", "#tree"}).Draw(t, "ref")}
	}
	s := map[string]any{"type": "object"}
	props, must := map[string]any{}, []any{}
	for n := range rapid.IntRange(0, 4).Draw(t, "properties") {
		name := fmt.Sprintf("p%d", n)
		props[name] = draw(t, depth-1)
		if rapid.Bool().Draw(t, "required") {
			must = append(must, name)
		}
	}
	s["properties"], s["required"], s["additionalProperties"] = props, must, rapid.Bool().Draw(t, "more")
	return s
}

// What is made of a schema satisfies it, and the same seed makes the same.
func TestWhatIsMadeValidates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t, 3)
		s["$defs"] = map[string]any{
			"money": map[string]any{"type": "object", "required": []any{"amount", "currency"}, "properties": map[string]any{
				"amount": map[string]any{"type": "number", "exclusiveMinimum": 0}, "currency": map[string]any{"type": "string", "pattern": "^[A-Z]{3}$"}}},
			"tree": map[string]any{"$anchor": "tree", "type": "object", "properties": map[string]any{
				"left": map[string]any{"$ref": "#tree"}, "name": map[string]any{"type": "string"}}, "required": []any{"name"}},
		}
		doc, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		schema, err := Read(doc)
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		seed := rapid.Uint64().Draw(t, "seed")
		v, err := schema.Make(seed)
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if err := schema.Check(v); err != nil {
			t.Fatalf("%s made %v: %v", doc, v, err)
		}
		if again, _ := schema.Make(seed); !reflect.DeepEqual(again, v) {
			t.Fatalf("the same seed made %v and %v", v, again)
		}
	})
}

// What can not be satisfied is named.
func TestUnmet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, want string }{
		"between":      {`{"type":"integer","minimum":5,"maximum":4}`, "it does not satisfy minimum: no such number lies between the bounds"},
		"not":          {`{"type":"object","properties":{"a":{"const":1}},"required":["a"],"not":{"required":["a"]}}`, "it does not satisfy not"},
		"a lookaround": {`{"type":"string","pattern":"^b$","maxLength":0}`, "it does not satisfy pattern: no text was found for ^b$"},
		"large": {`{"type":"array","minItems":1000,"items":{"type":"array","minItems":1000,"items":{"type":"array","minItems":1000,"items":{"type":"integer"}}}}`,
			"it does not satisfy the schema: the smallest example that it accepts is larger than an event may be"},
		"long texts": {`{"type":"array","minItems":10000,"items":{"type":"string","minLength":1000000}}`,
			"it does not satisfy the schema: the smallest example that it accepts is larger than an event may be"},
		"without end": {`{"type":"object","required":["a"],"properties":{"a":{"$ref":"#"}}}`, "it does not satisfy $ref: the schema refers to itself without end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Read([]byte(c.schema))
			if err != nil {
				t.Fatal(err)
			}
			v, err := s.Make(1)
			var u *Unmet
			if !errors.As(err, &u) || err.Error() != c.want {
				t.Errorf("made %v, %v; want %s", v, err, c.want)
			}
		})
	}
}
