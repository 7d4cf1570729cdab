package adapter

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/julienschmidt/httprouter"
)

// A route is one registered method and path.
type route struct {
	method   string
	path     string
	pattern  string
	op       *huma.Operation
	segments []segment
	serve    func(http.ResponseWriter, *http.Request, match)
}

// A segment is what stands between two slashes.
type segment struct {
	text  string // the literal, or the parameter's name
	param bool
}

func parsePath(path string) ([]segment, error) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, errors.New("it does not begin with a slash")
	}
	if rest == "" {
		return nil, nil
	}
	var segments []segment
	names := make(map[string]bool)
	for text := range strings.SplitSeq(rest, "/") {
		name, param := strings.CutPrefix(text, "{")
		if param {
			name, param = strings.CutSuffix(name, "}")
		}
		switch {
		case text == "":
			return nil, errors.New("it has an empty segment")
		case param && (name == "" || strings.ContainsAny(name, "{}.*")):
			return nil, fmt.Errorf("%s is not a parameter's name", text)
		case param && names[name]:
			return nil, fmt.Errorf("it has {%s} twice", name)
		case param:
			names[name] = true
			segments = append(segments, segment{text: name, param: true})
		case url.PathEscape(text) != text || strings.Contains(text, ":"):
			return nil, fmt.Errorf("%s is neither a whole parameter nor plain text", text)
		default:
			segments = append(segments, segment{text: text})
		}
	}
	return segments, nil
}

// precedes orders routes of one length: a literal goes before a parameter,
// from left to right.
func precedes(a, b *route) int {
	for i := range a.segments {
		switch x, y := a.segments[i].param, b.segments[i].param; {
		case x == y:
		case y:
			return -1
		default:
			return 1
		}
	}
	return 0
}

// matches compares with a canonical path, split. It is the slow way, for
// requests that have failed already.
func (rt *route) matches(values []string) bool {
	for i, s := range rt.segments {
		if values[i] == "" || !s.param && values[i] != s.text {
			return false
		}
	}
	return true
}

// at is a piece of text (a literal or a name) at one of httprouter's
// parameters.
type at struct {
	param int
	text  string
}

// A candidate is a route as its leaf sees it.
type candidate struct {
	route    *route
	literals []at
	names    []at
}

func (c *candidate) fits(ps httprouter.Params) bool {
	for _, l := range c.literals {
		if ps[l.param].Value != l.text {
			return false
		}
	}
	return true
}

// A leaf is where a path ends in httprouter: the routes of one length whose
// segments were merged, in order of precedence.
type leaf []candidate

// newLeaf makes the leaf of these routes; wild are the depths of httprouter's
// parameters.
func newLeaf(routes []*route, wild []int) leaf {
	slices.SortStableFunc(routes, precedes)
	l := make(leaf, len(routes))
	for i, rt := range routes {
		l[i].route = rt
		for param, depth := range wild {
			s := rt.segments[depth]
			if s.param {
				l[i].names = append(l[i].names, at{param, s.text})
			} else {
				l[i].literals = append(l[i].literals, at{param, s.text})
			}
		}
	}
	return l
}

func (l leaf) pick(ps httprouter.Params) (*candidate, bool) {
	for i := range ps {
		if ps[i].Value == "" {
			return nil, false
		}
	}
	for i := range l {
		if l[i].fits(ps) {
			return &l[i], true
		}
	}
	return nil, false
}

// A match is the names of a route's parameters with their values.
type match struct {
	names  []at
	values httprouter.Params
}

// value is the i-th parameter's, decoded.
func (m match) value(i int) string {
	raw := m.values[m.names[i].param].Value
	v, err := url.PathUnescape(raw)
	if err != nil {
		return raw // canonical paths always decode
	}
	return v
}

// byName is the value of the parameter with this name, or empty.
func (m match) byName(name string) string {
	for i := range m.names {
		if m.names[i].text == name {
			return m.value(i)
		}
	}
	return ""
}
