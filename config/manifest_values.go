package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// set notes that a field of the noun is the attribute name, and reads it if
// the file has it: an absent one keeps the noun's default.
func (it *item) set(s *section, jsonName, name string, readInto func(name string)) {
	it.names[jsonName] = name
	a := s.lookup(name)
	if a == nil {
		return
	}
	it.fields[jsonName] = field{name, a.Expr.Range()}
	readInto(name)
}

// tagged reads the fields of a noun that carry an hcl tag; the others differ
// between wire and HCL and are mapped by hand, in manifest_kinds.go. The
// prefix is that of the JSON names.
func (it *item) tagged(s *section, prefix string, noun any) {
	it.taggedStruct(s, prefix, reflect.ValueOf(noun).Elem())
}

func (it *item) taggedStruct(s *section, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			it.taggedStruct(s, prefix, v.Field(i))
			continue
		}
		tag, ok := f.Tag.Lookup("hcl")
		if !ok {
			continue
		}
		name, mode, _ := strings.Cut(tag, ",")
		if mode != "optional" && s.lookup(name) == nil {
			s.fail(s.place(), fmt.Sprintf("Missing attribute %q", name),
				fmt.Sprintf("%s needs %q.", s.title(), name), name+" = …")
		}
		jsonName, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		it.set(s, prefix+jsonName, name, func(name string) {
			switch p := v.Field(i).Addr().Interface().(type) {
			case *string:
				*p = read(s, name, text, opts[string]{})
			case *bool:
				*p = read(s, name, boolean, opts[bool]{})
			case **bool: // absent means something of its own
				b := read(s, name, boolean, opts[bool]{})
				*p = &b
			case *int:
				*p = it.number(s, name, p)
			case *map[string]string:
				*p = read(s, name, stringMap, opts[map[string]string]{})
			default:
				s.fail(s.at(name), fmt.Sprintf("%q cannot be written in HCL", name),
					fmt.Sprintf("The field has the type %s, which this version cannot read.", f.Type), "")
			}
		})
	}
}

// zero is a number that was written as 0 and that the noun's defaults would
// take for absent.
type zero struct {
	name string
	sec  *section
	into *int
}

// number reads an int, minding a written 0.
func (it *item) number(s *section, name string, into *int) int {
	n := read(s, name, integer, opts[int]{})
	if n == 0 {
		it.zeros = append(it.zeros, zero{name, s, into})
	}
	return n
}

// explicitZeros reports the zeros that defaults have replaced: to ignore what
// is written would be worse than to refuse it.
func (it *item) explicitZeros() {
	for _, z := range it.zeros {
		if *z.into != 0 {
			z.sec.fail(z.sec.at(z.name), fmt.Sprintf("Invalid %q", z.name),
				fmt.Sprintf("%s of %s must not be 0.", z.name, it.sec.title()),
				fmt.Sprintf("remove it for the default of %d", *z.into))
		}
	}
}

func showNothing[T any](T) string { return "" }

func isList(t cty.Type) bool { return t.IsTupleType() || t.IsListType() || t.IsSetType() }

var manifestName = parsed("a name", func(s string) (string, error) {
	if s == "" || len(s) > 100 || strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) {
		return "", &fault{
			summary: fmt.Sprintf("Bad name %q", s),
			detail:  "A manifest's name has 1 to 100 letters, digits, '-', '_' and '.'.",
		}
	}
	return s, nil
}, same)

// codeOf is a code, or a reference to one block that evaluates to its code.
func codeOf(block string) kind[string] {
	k := filledText
	k.want = "a " + block + " of this manifest or the code of one"
	from := k.from
	k.from = func(v cty.Value) (string, error) {
		if t := v.Type(); t.IsObjectType() || t.IsMapType() {
			f := wrongType("one "+block, v)
			f.detail = fmt.Sprintf("The block has for_each, so the reference needs the key of one %s.", block)
			f.try = block + `.name["key"]`
			return "", f
		}
		if v.Type() != cty.String {
			return "", wrongType(k.want, v)
		}
		return from(v)
	}
	return k
}

var secretText = kind[Secret]{
	want: "a string",
	from: func(v cty.Value) (Secret, error) {
		t, err := textOf("a string", v)
		return resource.NewSecret(t), err
	},
	show: showNothing[Secret],
}

// integer leaves the range to the noun.
var integer = func() kind[int] {
	k := whole(math.MinInt32, math.MaxInt32)
	from := k.from
	k.want = "a whole number"
	k.from = func(v cty.Value) (int, error) {
		n, err := from(v)
		if f, ok := err.(*fault); ok {
			f.summary, f.detail = "Not a whole number", "Expected a whole number."
			if v.Type() != cty.Number {
				err = wrongType(k.want, v)
			}
		}
		return n, err
	}
	return k
}()

// seconds is a duration that the wire carries as a number of seconds.
func seconds(low time.Duration) kind[int] {
	d := duration(low)
	return kind[int]{want: d.want, show: showNothing[int], from: func(v cty.Value) (int, error) {
		got, err := d.from(v)
		if err == nil && got%time.Second != 0 {
			err = &fault{summary: "Not whole seconds", detail: fmt.Sprintf("This is kept in seconds, and %s is not a whole number of them.", formatDuration(got))}
		}
		return int(got / time.Second), err
	}}
}

var rate = kind[resource.Rate]{
	want: `a rate such as "500/s", "100/m" or a number per minute`,
	show: showNothing[resource.Rate],
	from: func(v cty.Value) (resource.Rate, error) {
		if c, err := convert.Convert(v, cty.String); err == nil && v.Type() != cty.Bool {
			r, err := resource.ParseRate(c.AsString())
			if err != nil {
				return 0, &fault{summary: "Bad rate", detail: "A rate " + err.Error() + ".", try: `"500/s"`}
			}
			return r, nil
		}
		return 0, wrongType(`a rate such as "500/s", "100/m" or a number per minute`, v)
	},
}

var fraction = kind[float64]{
	want: "a number such as 0.2",
	show: showNothing[float64],
	from: func(v cty.Value) (float64, error) {
		c, err := convert.Convert(v, cty.Number)
		if err != nil {
			return 0, wrongType("a number such as 0.2", v)
		}
		f, _ := c.AsBigFloat().Float64()
		return f, nil
	},
}

var moment = parsed(`a time such as "2030-01-31T00:00:00Z"`, func(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, &fault{summary: fmt.Sprintf("Bad time %q", s), detail: `A time is written as RFC 3339 has it.`, try: `"2030-01-31T00:00:00Z"`}
	}
	return t.UTC(), nil
}, func(t time.Time) string { return t.Format(time.RFC3339) })

// document is JSON: as text (from a file, most often) or as an HCL value.
var document = kind[json.RawMessage]{
	want: "a JSON document, as text or as an object",
	show: showNothing[json.RawMessage],
	from: func(v cty.Value) (json.RawMessage, error) {
		if v.Type() != cty.String {
			return ctyjson.Marshal(v, v.Type())
		}
		t := strings.TrimSpace(v.AsString())
		var doc any
		if err := json.Unmarshal([]byte(t), &doc); err != nil {
			return nil, &fault{summary: "Not a JSON document", detail: fmt.Sprintf("The text does not parse: %v.", err)}
		}
		// Layout is not meaning: a reformatted file must not show as a change.
		var b bytes.Buffer
		if err := json.Compact(&b, []byte(t)); err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	},
}

// filterOf is a CEL expression, or the structured form as an HCL value.
var filterOf = kind[resource.Filter]{
	want: "a CEL expression, or an object with path, operator and value",
	show: showNothing[resource.Filter],
	from: func(v cty.Value) (resource.Filter, error) {
		t := v.Type()
		if t == cty.String {
			return resource.Filter(strings.TrimSpace(v.AsString())), nil
		}
		if !t.IsObjectType() && !t.IsMapType() && !isList(t) {
			return "", wrongType("a CEL expression, or an object with path, operator and value", v)
		}
		b, err := ctyjson.Marshal(v, t)
		return resource.Filter(b), err
	},
}

var stringMap = kind[map[string]string]{
	want: "a map of strings",
	show: showNothing[map[string]string],
	from: func(v cty.Value) (map[string]string, error) {
		c, err := convert.Convert(v, cty.Map(cty.String))
		if err != nil {
			return nil, wrongType("a map of strings", v)
		}
		out := make(map[string]string, c.LengthInt())
		for k, e := range c.AsValueMap() {
			if e.IsNull() {
				return nil, &fault{summary: "Wrong type", detail: fmt.Sprintf("The value of %q is null; expected a string.", k)}
			}
			out[k] = e.AsString()
		}
		return out, nil
	},
}

var schedule = kind[[]resource.Duration]{
	want: `a list of durations such as ["1m", "5m", "1h"]`,
	show: showNothing[[]resource.Duration],
	from: func(v cty.Value) ([]resource.Duration, error) {
		items, err := stringsOf(`a list of durations such as ["1m", "5m", "1h"]`, v)
		if err != nil {
			return nil, err
		}
		out := make([]resource.Duration, len(items))
		for i, s := range items {
			d, err := parseDuration(s)
			if err != nil {
				return nil, err
			}
			out[i] = resource.Duration(d)
		}
		return out, nil
	},
}

var words = kind[[]string]{
	want: `a list of strings such as ["orders:write"]`,
	show: showNothing[[]string],
	from: func(v cty.Value) ([]string, error) { return stringsOf(`a list of strings such as ["orders:write"]`, v) },
}

var integers = kind[[]int]{
	want: "a list of numbers such as [404, 409]",
	show: showNothing[[]int],
	from: func(v cty.Value) ([]int, error) {
		if !isList(v.Type()) {
			return nil, wrongType("a list of numbers such as [404, 409]", v)
		}
		var out []int
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			if e.IsNull() {
				return nil, wrongType("a list of numbers such as [404, 409]", e)
			}
			n, err := integer.from(e)
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		}
		return out, nil
	},
}
