// Package assign puts values into JSON documents as people type them:
// order.total=120, items.0.sku=a-1.
package assign

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kind says how the text behind the = is read.
type Kind int

// The kinds of values. A Guess is a number, true, false or null where it looks
// like one, and else text.
const (
	Guess Kind = iota
	Text
	JSON
)

// Set puts what "path=value" says into a document, which may be nil, and
// returns the document. A path is names with dots between them; a backslash
// makes a dot part of a name, and a number is an element of a list that is
// there, or the next one. What is missing on the way becomes an object.
func Set(doc any, assignment string, kind Kind) (any, error) {
	path, text, found := strings.Cut(assignment, "=")
	if !found || path == "" {
		return nil, fmt.Errorf("%q has no name and value: it is NAME=VALUE", assignment)
	}
	v, err := value(text, kind)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	doc, err = put(doc, names(path), v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return doc, nil
}

func value(text string, kind Kind) (any, error) {
	if kind == Text {
		return text, nil
	}
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	ok := d.Decode(&v) == nil && !d.More() && json.Valid([]byte(text))
	if kind == JSON {
		if !ok {
			return nil, errors.New("the value is not JSON")
		}
		return v, nil
	}
	if ok {
		switch v.(type) {
		case json.Number, bool, nil:
			return v, nil
		}
	}
	return text, nil
}

// names splits a path at the dots that no backslash stands before.
func names(path string) []string {
	var all []string
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '\\' && i+1 < len(path):
			i++
			b.WriteByte(path[i])
		case path[i] == '.':
			all = append(all, b.String())
			b.Reset()
		default:
			b.WriteByte(path[i])
		}
	}
	return append(all, b.String())
}

func put(doc any, path []string, v any) (any, error) {
	if len(path) == 0 {
		return v, nil
	}
	name := path[0]
	switch in := doc.(type) {
	case nil:
		inner, err := put(nil, path[1:], v)
		return map[string]any{name: inner}, err
	case map[string]any:
		inner, err := put(in[name], path[1:], v)
		if err != nil {
			return nil, err
		}
		in[name] = inner
		return in, nil
	case []any:
		n, err := strconv.Atoi(name)
		if err != nil || n < 0 || n > len(in) {
			return nil, fmt.Errorf("%q is no element of a list of %d: the first is 0", name, len(in))
		}
		if n == len(in) {
			in = append(in, nil)
		}
		in[n], err = put(in[n], path[1:], v)
		return in, err
	}
	return nil, fmt.Errorf("%q can not be put into what is neither an object nor a list", name)
}
