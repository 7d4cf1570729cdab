package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

func compile(t testing.TB, doc string) *Schema {
	t.Helper()
	s, err := Compile([]byte(doc))
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return s
}

const order = `{
	"type": "object",
	"required": ["id", "items"],
	"additionalProperties": false,
	"properties": {
		"id": {"type": "string", "pattern": "^o-[0-9]+$", "maxLength": 8},
		"items": {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"$ref": "#/$defs/item"}},
		"state": {"enum": ["new", "paid"]},
		"a/b~c": {"type": "integer"}
	},
	"$defs": {"item": {"type": "object", "properties": {"price": {"type": "number", "minimum": 0.5, "exclusiveMaximum": 100}, "how": {"oneOf": [{"type": "string"}, {"type": "null"}]}}}}
}`

func TestFindingsPointIntoTheDataAndNeverRepeatIt(t *testing.T) {
	t.Parallel()
	s := compile(t, order)
	for data, want := range map[string]string{
		`{"id":"o-1","items":[{"price":1}],"state":"new","a/b~c":3.0}`: "",
		`{}`:                           "/data/id: is required; /data/items: is required",
		`[1]`:                          "/data: must be an object",
		`"secret"`:                     "/data: must be an object",
		``:                             "/data: must be an object",
		`{"id":"secret","items":[{}]}`: "/data/id: must match the pattern ^o-[0-9]+$",
		`{"id":"o-1","items":[]}`:      "/data/items: must have at least 1 items",
		`{"id":"o-1","items":[{"price":"secret"}]}`:           "/data/items/0/price: must be a number",
		`{"id":"o-1","items":[{"price":0.25},{"price":100}]}`: "/data/items/0/price: must be at least 0.5; /data/items/1/price: must be less than 100",
		`{"id":"o-1","items":[{"how":4711}]}`:                 "/data/items/0/how: must match exactly one of the schema's alternatives (oneOf)",
		`{"id":"o-1","items":[{},{}]}`:                        "/data/items: must have items that differ; numbers 0 and 1 are equal",
		`{"id":"o-1","items":[{}],"state":"secret"}`:          "/data/state: must be one of the values that the schema lists",
		`{"id":"o-1","items":[{}],"a/b~c":"secret"}`:          "/data/a~1b~0c: must be an integer",
		`{"id":"o-1","items":[{}],"more":"secret"}`:           "/data/more: is not allowed here",
	} {
		var said []string
		for _, f := range s.Check([]byte(data), "/data") {
			said = append(said, f.Pointer+": "+f.Detail)
		}
		if got := strings.Join(said, "; "); got != want {
			t.Errorf("%s: %s, want %s", data, got, want)
		} else if strings.Contains(got, "secret") || strings.Contains(got, "4711") {
			t.Errorf("%s: the findings repeat it: %s", data, got)
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	s := compile(t, `{"items":{"type":"string"},"additionalProperties":false}`)
	for _, data := range []string{"[" + strings.Repeat("1,", 1000) + "1]", manyProperties(1000)} {
		if n := len(s.Check([]byte(data), "")); n != MaxFindings {
			t.Errorf("%d findings, want %d", n, MaxFindings)
		}
	}
	long := s.Check([]byte(`{"`+strings.Repeat("é", 5000)+`":1}`), "/data")
	if len(long) != 1 || len(long[0].Pointer) > 520 {
		t.Errorf("the pointer is not bounded: %d findings, %d bytes", len(long), len(long[0].Pointer))
	}
}

func manyProperties(n int) string {
	m := map[string]int{}
	for i := range n {
		m[fmt.Sprint(i)] = i
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`{`:                                     "is not valid JSON",
		`{} {}`:                                 "is not valid JSON",
		`[]`:                                    "must be a boolean or an object",
		`{"type":"objekt"}`:                     "at /type",
		`{"properties":{"a":{"minLength":-1}}}`: "at /properties/a/minLength",
		`{"pattern":"(?=x)"}`:                   "must have the format regex at /pattern",
		`{"$ref":"https://example.com/s.json"}`: "refers to a document elsewhere",
		`{"$ref":"file:///etc/passwd"}`:         "refers to a document elsewhere",
		`{"$ref":"other.json"}`:                 "refers to a document elsewhere",
		`{"$ref":"#/$defs/none"}`:               "$ref to what is not in the document",
		`{"$ref":"#none"}`:                      "$ref to what is not in the document",
		`{"$schema":"https://example.com/draft"}`:                       "refers to a document elsewhere, or to an unknown $schema",
		`{"$dynamicRef":"#x"}`:                                          "$dynamicRef is not supported; use $ref",
		`{"a":{"$ref":"https://json-schema.org/draft/2020-12/schema"}}`: "must not name a schema of JSON Schema itself at /a",
		strings.Repeat(`{"not":`, 70) + "{}" + strings.Repeat("}", 70):  "nests deeper than 64",
		`"` + strings.Repeat("x", MaxBytes) + `"`:                       "is larger than",
	} {
		_, err := Compile([]byte(doc))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", doc, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "example.com") {
			t.Errorf("%.60s: the error repeats it: %v", doc, err)
		}
	}
}

// Whoever may declare an event type must not be able to stop the platform.
func TestAHostileSchemaCostsLittle(t *testing.T) {
	t.Parallel()
	var bomb strings.Builder // each definition asks for the next one twice
	bomb.WriteString(`{"$ref":"#/$defs/0","$defs":{`)
	for i := range 40 {
		fmt.Fprintf(&bomb, `"%d":{"allOf":[{"$ref":"#/$defs/%d"},{"$ref":"#/$defs/%d"}]},`, i, i+1, i+1)
	}
	bomb.WriteString(`"40":{"type":"integer"}}}`)
	const nested = `{"allOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}]}`
	const failing = `{"anyOf":[{"required":["x"],"properties":{"a":{"$ref":"#"}}},{"required":["x"],"properties":{"a":{"$ref":"#"}}},{"type":"string"}]}`
	deep := strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60)
	for name, c := range map[string]struct{ doc, data string }{
		"references that double": {bomb.String(), "1"},
		"properties that double": {nested, deep},
		"alternatives that fail": {failing, deep},
		"a reference to itself":  {`{"$ref":"#"}`, "1"},
		"a circle of references": {`{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`, "1"},
	} {
		s, err := Compile([]byte(c.doc))
		if err != nil {
			continue // refused when it is saved: as good
		}
		found := s.Check([]byte(c.data), "/data")
		if name != "alternatives that fail" && len(found) == 0 {
			t.Errorf("%s: nothing was found", name)
		}
		if name == "references that double" && !strings.Contains(found[0].Detail, "too much work") {
			t.Errorf("%s: %v", name, found)
		}
		// The budget is each check's own.
		if again := s.Check([]byte(c.data), "/data"); len(again) != len(found) {
			t.Errorf("%s: %v the second time, %v the first", name, again, found)
		}
	}
}

func TestManyMayCheckAtOnce(t *testing.T) {
	t.Parallel()
	s := compile(t, order)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				if found := s.Check([]byte(`{"id":"o-1","items":[{"price":1}]}`), ""); len(found) != 0 {
					t.Errorf("found %v", found)
				}
				if found := s.Check([]byte(`{"id":"o-1"}`), ""); len(found) != 1 {
					t.Errorf("found %v", found)
				}
			}
		})
	}
	wg.Wait()
}

// What the library says of a document without our bounds, we say too.
func TestAgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	keywords := []string{
		`"type":"object"`, `"type":["array","null"]`, `"required":["a"]`, `"minProperties":1`, `"maxItems":2`, `"minimum":2`,
		`"properties":{"a":{"type":"integer"},"b":{"$ref":"#/$defs/x"}}`, `"additionalProperties":{"type":"string"}`,
		`"anyOf":[{"type":"number"},{"$ref":"#/$defs/x"}]`, `"not":{"required":["c"]}`, `"items":{"$ref":"#/$defs/x"}`,
		`"if":{"required":["a"]}`, `"then":{"required":["b"]}`, `"unevaluatedProperties":false`, `"const":1`, `"format":"date"`,
		`"dependentRequired":{"a":["b"]}`, `"contains":{"type":"string"}`, `"propertyNames":{"maxLength":1}`,
	}
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		leaf := rapid.SampledFrom([]any{nil, true, 1, 2.5, "a", "2026-01-02", "text"})
		if depth == 0 {
			return leaf
		}
		return rapid.OneOf(leaf,
			rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "long"}), value(depth-1), 0, 3), func(m map[string]any) any { return m }),
			rapid.Map(rapid.SliceOfN(value(depth-1), 0, 3), func(l []any) any { return l }))
	}
	rapid.Check(t, func(t *rapid.T) {
		picked := rapid.SliceOfNDistinct(rapid.SampledFrom(keywords), 1, 5, func(k string) string { name, _, _ := strings.Cut(k, ":"); return name }).Draw(t, "keywords")
		doc := `{` + strings.Join(picked, ",") + `,"$defs":{"x":{"type":["string","integer"]}}}`
		data, err := json.Marshal(value(3).Draw(t, "data"))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
		if err == nil {
			err = c.AddResource("urn:x", parsed)
		}
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := c.Compile("urn:x")
		ours, oursErr := Compile([]byte(doc))
		if (err == nil) != (oursErr == nil) {
			t.Fatalf("%s: the library says %v, we say %v", doc, err, oursErr)
		}
		if err != nil {
			return
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
		if err != nil {
			t.Fatal(err)
		}
		if want, got := theirs.Validate(v) == nil, len(ours.Check(data, "")) == 0; want != got {
			t.Fatalf("%s against %s: the library says %v, we say %v", data, doc, want, got)
		}
	})
}

func FuzzCompileAndCheck(f *testing.F) {
	f.Add(order, `{"id":"o-1","items":[{}]}`)
	f.Add(`{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"$ref":"#"},true]}}}`, `[1]`)
	f.Add(`{"$id":"x","$anchor":"y","items":{"$ref":"#y"}}`, `[[[]]]`)
	f.Add(`{"unevaluatedItems":false,"prefixItems":[{"$ref":"#"}]}`, `[[],[1]]`)
	f.Add(`true`, ``)
	f.Fuzz(func(t *testing.T, doc, data string) {
		s, err := Compile([]byte(doc))
		if err != nil {
			return
		}
		if found := s.Check([]byte(data), "/data"); len(found) > MaxFindings {
			t.Errorf("%d findings", len(found))
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	s := compile(b, order)
	data := []byte(`{"id":"o-1","items":[{"price":1},{"price":2},{"price":3}],"state":"new"}`)
	b.ReportAllocs()
	for b.Loop() {
		if len(s.Check(data, "")) > 0 {
			b.Fatal("it does not match")
		}
	}
}
