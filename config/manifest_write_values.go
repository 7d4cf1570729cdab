package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// block is the inside of a block as it is written; the layout is hclwrite's.
type block struct{ strings.Builder }

func (b *block) line(s string) { b.WriteString(s + "\n") }

func (b *block) attr(name, expression string) { b.line(name + " = " + expression) }

func (b *block) nested(header string, inside func(*block)) {
	var in block
	inside(&in)
	b.line(header + " {\n" + in.String() + "}")
}

// text writes a text that is not the usual one.
func (b *block) text(name, v, usual string) {
	if v != usual && v != "" {
		b.attr(name, longText(v))
	}
}

func (b *block) number(name string, v, usual int) {
	if v != usual {
		b.attr(name, strconv.Itoa(v))
	}
}

func (b *block) seconds(name string, v, usual int) {
	if v != usual {
		b.attr(name, literal(spell(resource.Duration(time.Duration(v)*time.Second))))
	}
}

func (b *block) fraction(name string, v float64) {
	if v != 0 {
		b.attr(name, strconv.FormatFloat(v, 'f', -1, 64))
	}
}

func (b *block) rate(r resource.Rate) {
	if r != 0 {
		b.attr("rate_limit", literal(r.String()))
	}
}

func (b *block) list(name string, vs []string) {
	if len(vs) == 0 {
		return
	}
	var elements []string
	for _, v := range vs {
		elements = append(elements, literal(v))
	}
	b.attr(name, wrapped(elements))
}

func (b *block) integers(name string, vs []int) {
	if len(vs) == 0 {
		return
	}
	var elements []string
	for _, v := range vs {
		elements = append(elements, strconv.Itoa(v))
	}
	b.attr(name, wrapped(elements))
}

func (b *block) stringMap(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	var lines strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		lines.WriteString(objectKey(k) + " = " + literal(m[k]) + "\n")
	}
	b.attr(name, "{\n"+lines.String()+"}")
}

// tagged writes the fields of a struct that carry an hcl tag, where they are
// not as usual; it is the counterpart of item.tagged.
func (b *block) tagged(noun, usual any) {
	v, u := reflect.ValueOf(noun).Elem(), reflect.ValueOf(usual).Elem()
	for i := range v.NumField() {
		tag, ok := v.Type().Field(i).Tag.Lookup("hcl")
		if !ok || reflect.DeepEqual(v.Field(i).Interface(), u.Field(i).Interface()) {
			continue
		}
		name, _, _ := strings.Cut(tag, ",")
		switch x := v.Field(i).Interface().(type) {
		case string:
			b.text(name, x, "")
		case bool:
			b.attr(name, strconv.FormatBool(x))
		case *bool:
			if x != nil {
				b.attr(name, strconv.FormatBool(*x))
			}
		case int:
			b.attr(name, strconv.Itoa(x))
		case map[string]string:
			b.stringMap(name, x)
		}
	}
}

// literal is a text in quotes, with all escaped that would mean something.
func literal(s string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes())
}

// longText is a text in quotes, or below each other where it has whole lines.
func longText(s string) string {
	if strings.Count(s, "\n") < 2 || !strings.HasSuffix(s, "\n") {
		return literal(s)
	}
	return heredoc("EOT", s)
}

// heredoc writes whole lines as they are. What a heredoc can not hold without
// a change is written in quotes.
func heredoc(marker, s string) string {
	for line := range strings.SplitSeq(s, "\n") {
		if strings.TrimSpace(line) == marker {
			return literal(s)
		}
	}
	if strings.ContainsFunc(s, unwritable) {
		return literal(s)
	}
	return "<<" + marker + "\n" + templates.Replace(s) + marker
}

// unwritable says that a heredoc would not show a rune, or not keep it.
func unwritable(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }

// templates escapes what would be evaluated.
var templates = strings.NewReplacer("${", "$${", "%{", "%%{")

func objectKey(k string) string {
	switch k {
	case "for", "null", "true", "false":
	default:
		if hclsyntax.ValidIdentifier(k) {
			return k
		}
	}
	return literal(k)
}

// wrapped is a list on one line, or on several if that would be long.
func wrapped(elements []string) string {
	if one := "[" + strings.Join(elements, ", ") + "]"; len(one) <= 80 && !strings.Contains(one, "\n") {
		return one
	}
	return "[\n" + strings.Join(elements, ",\n") + ",\n]"
}

// jsonText writes a JSON document as one would: as lines of JSON, indented as
// the body of a schema. Numbers and the order of names stay as they are.
func jsonText(raw json.RawMessage) string {
	const margin = "    "
	var b bytes.Buffer
	if json.Indent(&b, raw, margin+"  ", "  ") != nil || strings.ContainsFunc(b.String(), unwritable) {
		return literal(string(raw))
	}
	return "<<-JSON\n" + margin + "  " + templates.Replace(b.String()) + "\n" + margin + "JSON"
}

// filterText writes CEL as text. The structured form is an object if that
// means the same to the last digit.
func filterText(f resource.Filter, alone bool) string {
	if f.Structured() && json.Valid([]byte(f)) {
		if expression, ok := objectOf(f); ok {
			return expression
		}
		return literal(string(f))
	}
	if s := string(f); alone && strings.Contains(s, "\n") && s == strings.TrimSpace(s) {
		return heredoc("CEL", s+"\n") // the reader takes the last line's end away
	}
	return literal(string(f))
}

func objectOf(f resource.Filter) (string, bool) {
	t, err := ctyjson.ImpliedType([]byte(f))
	if err != nil {
		return "", false
	}
	v, err := ctyjson.Unmarshal([]byte(f), t)
	if err != nil {
		return "", false
	}
	again, err := filterOf.from(v)
	if err != nil || !sameJSON([]byte(f), []byte(again)) {
		return "", false
	}
	return string(hclwrite.TokensForValue(v).Bytes()), true
}

// sameJSON compares documents, and numbers as they are written.
func sameJSON(a, b []byte) bool {
	read := func(raw []byte) (v any) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if d.Decode(&v) != nil {
			return nil
		}
		return v
	}
	return reflect.DeepEqual(read(a), read(b))
}

// spell writes a duration in the unit that people would take.
func spell(d resource.Duration) string {
	if day := 24 * time.Hour; time.Duration(d) > day && time.Duration(d)%day == 0 {
		return fmt.Sprintf("%dd", time.Duration(d)/day)
	}
	return d.String()
}
