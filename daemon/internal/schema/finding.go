package schema

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Finding is one thing wrong with data: where, and what should be there.
type Finding struct {
	Pointer string // RFC 6901
	Detail  string
}

// findings are the leaves of what the validator says, at most so many.
func findings(e *jsonschema.ValidationError, prefix string, most int) []Finding {
	var found []Finding
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(found) >= most {
			return
		}
		switch k := e.ErrorKind.(type) {
		case *kind.AnyOf, *kind.OneOf, *kind.Not, *kind.PropertyNames, *kind.Contains:
			// What each alternative says helps nobody.
		case *kind.AdditionalProperties:
			for _, name := range k.Properties {
				if len(found) < most {
					found = append(found, Finding{pointer(prefix, append(e.InstanceLocation[:len(e.InstanceLocation):len(e.InstanceLocation)], name)), "is not allowed here"})
				}
			}
			return
		case *kind.Required:
			for _, name := range k.Missing {
				if len(found) < most {
					found = append(found, Finding{pointer(prefix, append(e.InstanceLocation[:len(e.InstanceLocation):len(e.InstanceLocation)], name)), "is required"})
				}
			}
			return
		default:
			if len(e.Causes) > 0 {
				for _, cause := range e.Causes {
					walk(cause)
				}
				return
			}
		}
		found = append(found, Finding{pointer(prefix, e.InstanceLocation), detail(e.ErrorKind)})
	}
	walk(e)
	return found
}

// detail says what should be there. The words come from the schema, never
// from the data.
func detail(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "must be " + strings.Join(articles(k.Want), " or ")
	case *kind.Enum:
		return "must be one of the values that the schema lists"
	case *kind.Const:
		return "must be the value that the schema names"
	case *kind.Format:
		return "must have the format " + k.Want
	case *kind.Pattern:
		return "must match the pattern " + clip(k.Want, 100)
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d items", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d items", k.Want)
	case *kind.MinProperties:
		return fmt.Sprintf("must have at least %d properties", k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %d properties", k.Want)
	case *kind.Minimum:
		return "must be at least " + number(k.Want)
	case *kind.Maximum:
		return "must be at most " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + number(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + number(k.Want)
	case *kind.UniqueItems:
		return fmt.Sprintf("must have items that differ; numbers %d and %d are equal", k.Duplicates[0], k.Duplicates[1])
	case *kind.Contains, *kind.MinContains, *kind.MaxContains:
		return "must have the right number of items of a kind that the schema describes"
	case *kind.AdditionalItems:
		return "must have no items beyond those that the schema describes"
	case *kind.Dependency, *kind.DependentRequired:
		return "must have the properties that go with one that it has"
	case *kind.PropertyNames:
		return "must have no property with a name that the schema does not allow"
	case *kind.FalseSchema:
		return "must not be there"
	case *kind.AnyOf:
		return "must match at least one of the schema's alternatives (anyOf)"
	case *kind.OneOf:
		return "must match exactly one of the schema's alternatives (oneOf)"
	case *kind.Not:
		return "must not match what the schema excludes (not)"
	case *kind.RefCycle:
		return "can not be checked: the schema refers to itself without end"
	}
	return "does not match the schema"
}

// number writes a bound of a schema as a decimal.
func number(r interface {
	FloatString(int) string
	IsInt() bool
}) string {
	if r.IsInt() {
		return r.FloatString(0)
	}
	return strings.TrimRight(r.FloatString(12), "0")
}

func articles(types []string) []string {
	out := make([]string, len(types))
	for i, t := range types {
		switch t {
		case "null":
			out[i] = t
		case "array", "object", "integer":
			out[i] = "an " + t
		default:
			out[i] = "a " + t
		}
	}
	return out
}

// pointer is a JSON Pointer of bounded length.
func pointer(prefix string, tokens []string) string {
	var b strings.Builder
	b.WriteString(prefix)
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(escape(clip(t, 100)))
	}
	return clip(b.String(), 500)
}

// escape is RFC 6901, section 3.
func escape(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}

// clip cuts a text, at a character.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
