package match

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Operators are those of the structured form, and what each asks of the
// value at the path. A path that leads nowhere makes a condition false,
// except for the NOT_ forms, which are always the opposite of the plain one.
//
//	EQUALS, NOT_EQUALS         any JSON value; 100 equals 100.0
//	GREATER_THAN, LESS_THAN,
//	GREATER_THAN_OR_EQUALS,
//	LESS_THAN_OR_EQUALS        two numbers, or two strings byte by byte
//	IN, NOT_IN                 an array: one of its items equals
//	CONTAINS, NOT_CONTAINS     a string has the part; an array has the item
//	STARTS_WITH, ENDS_WITH     strings
//	REGEX                      a regular expression (RE2) that the string
//	                           has a match of; MATCHES means the same
//	EXISTS, NOT_EXISTS         no value; a JSON null is there
//
// Values of another type than the operator needs make it false. Operators
// are read in any case, and _EQUAL is read as _EQUALS.
var Operators = []string{
	"EQUALS", "NOT_EQUALS",
	"GREATER_THAN", "GREATER_THAN_OR_EQUALS", "LESS_THAN", "LESS_THAN_OR_EQUALS",
	"IN", "NOT_IN", "CONTAINS", "NOT_CONTAINS",
	"STARTS_WITH", "ENDS_WITH", "REGEX", "EXISTS", "NOT_EXISTS",
}

// maxConditions is how many conditions one filter may have.
const maxConditions = 100

// condition is one {path, operator, value}.
type condition struct {
	path     path
	operator string
	not      bool
	test     func(v any) bool
}

// conditions is a filter in the structured form: all must hold.
type conditions []condition

var _ filter = (conditions)(nil)

// wire is a condition as it is written.
type wire struct {
	Path     *string         `json:"path"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
}

// parseConditions reads one object or an array of them.
func parseConditions(text string) (filter, error) {
	var whole json.RawMessage
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		return nil, jsonSentence("", err)
	}
	var list []json.RawMessage
	one := text[0] == '{'
	if one {
		list = append(list, whole)
	} else if err := json.Unmarshal(whole, &list); err != nil {
		return nil, jsonSentence("", err)
	}
	switch {
	case len(list) == 0:
		return nil, errors.New(`has no condition: write {"path": "$.total", "operator": "GREATER_THAN", "value": 100}`)
	case len(list) > maxConditions:
		return nil, fmt.Errorf("has more than %d conditions", maxConditions)
	}
	cs := make(conditions, len(list))
	for i, raw := range list {
		where := ""
		if !one {
			where = fmt.Sprintf("condition %d: ", i+1)
		}
		var w wire
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&w); err != nil {
			return nil, jsonSentence(where, err)
		}
		c, err := w.compile()
		if err != nil {
			return nil, fmt.Errorf("%s%w", where, err)
		}
		cs[i] = c
	}
	return cs, nil
}

func jsonSentence(where string, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%sis not JSON (byte %d): %w", where, syntax.Offset, err)
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s%s has the wrong type (byte %d)", where, kind.Field, kind.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("%smust be an object with path, operator and value (byte %d)", where, kind.Offset)
	}
	return fmt.Errorf("%smust have path, operator and value only: %w", where, err)
}

// compile checks one condition.
func (w wire) compile() (condition, error) {
	var c condition
	if w.Path == nil {
		return c, errors.New("path is missing")
	}
	var err error
	if c.path, err = parsePath(*w.Path); err != nil {
		return c, fmt.Errorf("path %w", err)
	}
	c.operator = strings.ToUpper(strings.TrimSpace(w.Operator))
	if strings.HasSuffix(c.operator, "_OR_EQUAL") {
		c.operator += "S"
	}
	if c.operator == "MATCHES" {
		c.operator = "REGEX"
	}
	if !slices.Contains(Operators, c.operator) {
		return c, fmt.Errorf("operator must be one of %s", strings.Join(Operators, ", "))
	}
	plain := c.operator
	plain, c.not = strings.CutPrefix(plain, "NOT_")
	var value any
	if len(w.Value) > 0 {
		if err := json.Unmarshal(w.Value, &value); err != nil {
			return c, jsonSentence("value ", err)
		}
	} else if plain != "EXISTS" {
		return c, fmt.Errorf("value is missing, and %s needs one", c.operator)
	}
	if plain == "EXISTS" {
		if wanted, ok := value.(bool); ok && !wanted {
			c.not = !c.not
		}
		c.test = func(any) bool { return true }
		return c, nil
	}
	c.test, err = operation(plain, value)
	return c, err
}

// operation makes the test of an operator without its NOT_.
func operation(operator string, value any) (func(any) bool, error) {
	text, isText := value.(string)
	_, isNumber := value.(float64)
	list, isList := value.([]any)
	switch operator {
	case "EQUALS":
		return func(v any) bool { return equal(v, value) }, nil
	case "IN":
		if !isList {
			return nil, errors.New("value must be an array for IN and NOT_IN")
		}
		return func(v any) bool {
			return slices.ContainsFunc(list, func(item any) bool { return equal(v, item) })
		}, nil
	case "CONTAINS":
		return func(v any) bool {
			switch t := v.(type) {
			case string:
				return isText && strings.Contains(t, text)
			case []any:
				return slices.ContainsFunc(t, func(item any) bool { return equal(item, value) })
			}
			return false
		}, nil
	case "STARTS_WITH", "ENDS_WITH", "REGEX":
		if !isText {
			return nil, fmt.Errorf("value must be a string for %s", operator)
		}
		has := strings.HasPrefix
		if operator == "ENDS_WITH" {
			has = strings.HasSuffix
		}
		if operator == "REGEX" {
			re, err := regexp.Compile(text)
			if err != nil {
				return nil, fmt.Errorf("value is not a regular expression: %w", err)
			}
			has = func(s, _ string) bool { return re.MatchString(s) }
		}
		return func(v any) bool {
			s, ok := v.(string)
			return ok && has(s, text)
		}, nil
	}
	if !isText && !isNumber {
		return nil, fmt.Errorf("value must be a number or a string for %s", operator)
	}
	return func(v any) bool {
		n, ok := order(v, value)
		switch operator {
		case "GREATER_THAN":
			return ok && n > 0
		case "GREATER_THAN_OR_EQUALS":
			return ok && n >= 0
		case "LESS_THAN":
			return ok && n < 0
		}
		return ok && n <= 0
	}, nil
}

// equal compares two decoded JSON values, objects and arrays in depth.
func equal(a, b any) bool {
	switch t := a.(type) {
	case string:
		s, ok := b.(string)
		return ok && s == t
	case float64:
		f, ok := b.(float64)
		return ok && f == t
	}
	return reflect.DeepEqual(a, b)
}

// order compares two numbers or two strings; other pairs have no order.
func order(a, b any) (int, bool) {
	switch t := a.(type) {
	case float64:
		if f, ok := b.(float64); ok {
			return cmpFloat(t, f), true
		}
	case string:
		if s, ok := b.(string); ok {
			return strings.Compare(t, s), true
		}
	}
	return 0, false
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// plain turns an attribute of the event into a JSON value.
func plain(v any) any {
	switch t := v.(type) {
	case time.Time:
		return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	case map[string]string:
		m := make(map[string]any, len(t))
		for k, s := range t {
			m[k] = s
		}
		return m
	}
	return v
}

// holds implements filter.
func (cs conditions) holds(in *input) (bool, error) {
	for i := range cs {
		yes, err := cs[i].holds(in)
		if err != nil || !yes {
			return false, err
		}
	}
	return true, nil
}

func (c *condition) holds(in *input) (bool, error) {
	found := false
	err := c.path.find(in, func(v any) bool {
		found = c.test(v)
		return !found
	})
	return found != c.not, err
}

// seen implements filter.
func (cs conditions) seen(in *input) string {
	var values []string
	for i := range cs {
		if len(values) == maxSeen {
			break
		}
		value := cs[i].path.text + " is not there"
		err := cs[i].path.find(in, func(v any) bool {
			value = cs[i].path.text + " = " + show(v)
			return false
		})
		if err == nil && !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return strings.Join(values, ", ")
}
