package match

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// step is one step of a path: a name, an index, or every child.
type step struct {
	name  string
	index int
	kind  stepKind
}

type stepKind uint8

const (
	stepName stepKind = iota
	stepIndex
	stepAll
)

// path is a JSONPath of names, indexes and wildcards.
type path struct {
	text  string
	steps []step
}

// The bounds of a path and of what a wildcard may meet.
const (
	maxSteps  = 32
	maxValues = 10_000
)

var errValues = fmt.Errorf("the path meets more than %d values", maxValues)

// parsePath reads a path such as "$.items[0].sku" or "customer.country". The
// error is a sentence that gives the character's place in the path.
func parsePath(text string) (path, error) {
	p := path{text: text}
	if text == "" {
		return p, errors.New("is empty")
	}
	rest := text
	switch {
	case rest[0] == '$':
		rest = rest[1:]
	case rest[0] != '.' && rest[0] != '[':
		rest = "." + rest
	}
	at := func() int { return len(text) - len(rest) + 1 }
	for rest != "" {
		if len(p.steps) == maxSteps {
			return p, fmt.Errorf("has more than %d steps", maxSteps)
		}
		switch rest[0] {
		case '.':
			if strings.HasPrefix(rest, "..") {
				return p, fmt.Errorf(`has ".." at character %d, which is not supported`, at())
			}
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			name := rest[1 : 1+end]
			switch {
			case name == "*":
				p.steps = append(p.steps, step{kind: stepAll})
			case name == "" || strings.ContainsAny(name, " \t\r\n'\"()?@*]$"):
				return p, fmt.Errorf(`has no plain name after "." at character %d; write ['…'] around other names`, at())
			default:
				p.steps = append(p.steps, step{name: name})
			}
			rest = rest[1+end:]
		case '[':
			s, n, err := parseBracket(rest)
			if err != nil {
				return p, fmt.Errorf("%w at character %d", err, at())
			}
			p.steps = append(p.steps, s)
			rest = rest[n:]
		default:
			return p, fmt.Errorf(`needs "." or "[" at character %d`, at())
		}
	}
	return p, nil
}

// parseBracket reads "[0]", "[*]", "['name']" or `["name"]` and says how long
// it was.
func parseBracket(s string) (step, int, error) {
	if len(s) > 1 && (s[1] == '\'' || s[1] == '"') {
		quote := s[1]
		var name strings.Builder
		for i := 2; i < len(s); i++ {
			switch {
			case s[i] == '\\' && i+1 < len(s):
				i++
				name.WriteByte(s[i])
			case s[i] == quote:
				if i+1 < len(s) && s[i+1] == ']' {
					return step{name: name.String()}, i + 2, nil
				}
				return step{}, 0, errors.New(`has a name without "]"`)
			default:
				name.WriteByte(s[i])
			}
		}
		return step{}, 0, errors.New("has a name without its closing quote")
	}
	inner, _, found := strings.Cut(s[1:], "]")
	if !found {
		return step{}, 0, errors.New(`has "[" without "]"`)
	}
	n := len(inner) + 2
	if inner == "*" {
		return step{kind: stepAll}, n, nil
	}
	i, err := strconv.Atoi(inner)
	if err != nil {
		return step{}, 0, errors.New(`has neither an index, nor "*", nor a quoted name in "[ ]"`)
	}
	return step{index: i, kind: stepIndex}, n, nil
}

// find calls visit for each value that the path meets in an event until
// visit returns false.
func (p path) find(in *input, visit func(any) bool) error {
	data, err := in.body()
	if len(p.steps) > 0 && p.steps[0].kind == stepName {
		first := p.steps[0].name
		object, isObject := data.(map[string]any)
		if _, has := object[first]; !isObject || !has {
			if v, ok := in.attribute(first); ok {
				return walk(plain(v), p.steps[1:], visit)
			}
			if first == "data" && err == nil {
				return walk(data, p.steps[1:], visit)
			}
		}
	}
	if err != nil {
		return err
	}
	return walk(data, p.steps, visit)
}

func walk(v any, steps []step, visit func(any) bool) error {
	left := maxValues
	_, err := descend(v, steps, visit, &left)
	return err
}

// descend reports whether to go on.
func descend(v any, steps []step, visit func(any) bool, left *int) (bool, error) {
	if *left--; *left < 0 {
		return false, errValues
	}
	if len(steps) == 0 {
		return visit(v), nil
	}
	s, rest := steps[0], steps[1:]
	switch t := v.(type) {
	case map[string]any:
		switch s.kind {
		case stepName:
			if child, ok := t[s.name]; ok {
				return descend(child, rest, visit, left)
			}
		case stepAll:
			// In order of the names, so that the bound meets the same
			// values each time.
			for _, name := range slices.Sorted(maps.Keys(t)) {
				if more, err := descend(t[name], rest, visit, left); !more || err != nil {
					return false, err
				}
			}
		}
	case []any:
		switch s.kind {
		case stepIndex:
			i := s.index
			if i < 0 {
				i += len(t)
			}
			if i >= 0 && i < len(t) {
				return descend(t[i], rest, visit, left)
			}
		case stepAll:
			for _, child := range t {
				if more, err := descend(child, rest, visit, left); !more || err != nil {
					return false, err
				}
			}
		}
	}
	return true, nil
}
