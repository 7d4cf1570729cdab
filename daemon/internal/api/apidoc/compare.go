package apidoc

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Change is one difference between two documents.
type Change struct {
	// Breaks is whom it breaks, or empty for what only adds or explains.
	Breaks string
	// Where is the operation, with the part of it.
	Where string
	// What was done.
	What string
}

// String says it in one line.
func (c Change) String() string {
	if c.Breaks == "" {
		return c.Where + ": " + c.What
	}
	return c.Where + ": " + c.What + " (breaks " + c.Breaks + ")"
}

// Who is broken by a change.
const (
	whoCalls = "everyone who calls it"
	whoSends = "clients that send the request as before"
	whoReads = "clients that read the answer"
	whoNames = "generated clients, which call it by this name"
	whoMay   = "callers that lack it"
)

// Compare lists what changed from one document to another: what breaks
// clients of the older one first. It follows operations, parameters and the
// schemas of bodies, in which requests and answers are opposites: a request
// may take more and need less, an answer may have more and leave out nothing.
// Words and examples are no changes to it.
func Compare(older, newer []byte) ([]Change, error) {
	c := comparer{seen: map[string]bool{}}
	if err := json.Unmarshal(older, &c.old); err != nil {
		return nil, fmt.Errorf("read the older document: %w", err)
	}
	if err := json.Unmarshal(newer, &c.new); err != nil {
		return nil, fmt.Errorf("read the newer document: %w", err)
	}
	c.paths()
	slices.SortStableFunc(c.changes, func(a, b Change) int {
		if (a.Breaks == "") != (b.Breaks == "") {
			return strings.Compare(b.Breaks, a.Breaks)
		}
		return strings.Compare(a.Where+a.What, b.Where+b.What)
	})
	return slices.Compact(c.changes), nil
}

type object = map[string]any

type comparer struct {
	old, new object
	changes  []Change
	seen     map[string]bool // pairs of references that are being, or were, followed
}

func (c *comparer) add(breaks, where, what string, args ...any) {
	c.changes = append(c.changes, Change{breaks, where, fmt.Sprintf(what, args...)})
}

// at follows members of objects.
func at(v any, names ...string) object {
	for _, name := range names {
		o, _ := v.(object)
		v = o[name]
	}
	o, _ := v.(object)
	return o
}

func keys(all ...object) []string {
	names := map[string]bool{}
	for _, o := range all {
		for name := range o {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (c *comparer) paths() {
	before, after := at(c.old, "paths"), at(c.new, "paths")
	for _, path := range keys(before, after) {
		switch {
		case after[path] == nil:
			c.add(whoCalls, path, "the path is gone")
			continue
		case before[path] == nil:
			c.add("", path, "is new")
			continue
		}
		for _, verb := range keys(at(before, path), at(after, path)) {
			was, is := at(before, path, verb), at(after, path, verb)
			where := strings.ToUpper(verb) + " " + path
			switch {
			case is == nil:
				c.add(whoCalls, where, "the operation is gone")
			case was == nil:
				c.add("", where, "is new")
			default:
				c.operation(where, was, is)
			}
		}
	}
}

func (c *comparer) operation(where string, was, is object) {
	if was["operationId"] != is["operationId"] {
		c.add(whoNames, where, "operation %v is called %v now", was["operationId"], is["operationId"])
	}
	if was["x-permission"] != is["x-permission"] {
		c.add(whoMay, where, "needs the permission %v, and before %v", is["x-permission"], was["x-permission"])
	}
	c.security(where, was["security"], is["security"])
	c.parameters(where, was["parameters"], is["parameters"])
	c.body(where, at(was, "requestBody"), at(is, "requestBody"))
	before, after := at(was, "responses"), at(is, "responses")
	for _, status := range keys(before, after) {
		c.response(where+": "+status, status, c.follow(c.old, before[status]), c.follow(c.new, after[status]))
	}
}

// security compares the ways to prove who asks: each that was there should do.
func (c *comparer) security(where string, was, is any) {
	names := func(v any) []string {
		ways, _ := v.([]any)
		var out []string
		for _, way := range ways {
			o, _ := way.(object)
			out = append(out, strings.Join(keys(o), "+"))
		}
		return out
	}
	before, after := names(was), names(is)
	if len(before) == 0 && len(after) > 0 {
		c.add(whoCalls, where, "needs a token now: %s", strings.Join(after, ", "))
		return
	}
	for _, way := range before {
		if !slices.Contains(after, way) && len(after) > 0 {
			c.add("clients that use it", where, "security scheme %s does not do any more", way)
		}
	}
	for _, way := range after {
		if !slices.Contains(before, way) {
			c.add("", where, "security scheme %s does as well", way)
		}
	}
	if len(before) > 0 && len(after) == 0 {
		c.add("", where, "needs no token any more")
	}
}

func (c *comparer) parameters(where string, was, is any) {
	byName := func(v any) object {
		out := object{}
		list, _ := v.([]any)
		for _, p := range list {
			o, _ := p.(object)
			out[fmt.Sprint(o["in"], " parameter ", o["name"])] = o
		}
		return out
	}
	before, after := byName(was), byName(is)
	for _, name := range keys(before, after) {
		p, q := at(before, name), at(after, name)
		switch {
		case q == nil:
			c.add(whoSends, where, "%s is gone", name)
		case p == nil && q["required"] == true:
			c.add(whoSends, where, "%s is new and required", name)
		case p == nil:
			c.add("", where, "%s is new", name)
		default:
			if p["required"] != true && q["required"] == true {
				c.add(whoSends, where, "%s is required now", name)
			} else if p["required"] == true && q["required"] != true {
				c.add("", where, "%s is not required any more", name)
			}
			c.schema(where+": "+name, p["schema"], q["schema"], asked)
		}
	}
}

func (c *comparer) body(where string, was, is object) {
	where += ": the request"
	switch {
	case was == nil && is == nil:
		return
	case was == nil && is["required"] == true:
		c.add(whoSends, where, "needs a body now")
	case was == nil:
		c.add("", where, "may have a body now")
	case is == nil:
		c.add(whoSends, where, "has no body any more")
	case was["required"] != true && is["required"] == true:
		c.add(whoSends, where, "is required now")
	}
	c.media(where, whoSends, at(was, "content"), at(is, "content"), asked)
}

func (c *comparer) response(where, status string, was, is object) {
	success := strings.HasPrefix(status, "2")
	switch {
	case is == nil && success:
		c.add(whoReads, where, "is not answered any more")
	case is == nil:
		c.add("", where, "is not documented any more")
	case was == nil:
		c.add("", where, "is new")
	default:
		before, after := at(was, "headers"), at(is, "headers")
		for _, name := range keys(before, after) {
			if after[name] == nil {
				c.add(whoReads, where, "header %s is gone", name)
			} else if before[name] == nil {
				c.add("", where, "header %s is new", name)
			}
		}
		c.media(where, whoReads, at(was, "content"), at(is, "content"), answered)
	}
}

func (c *comparer) media(where, who string, before, after object, d direction) {
	for _, media := range keys(before, after) {
		switch {
		case after[media] == nil:
			if len(before) > 0 && (len(after) > 0 || d == answered) {
				c.add(who, where, "%s is gone", media)
			}
		case before[media] == nil:
			if len(before) > 0 || d == answered {
				c.add("", where, "%s is new", media)
			}
		default:
			c.schema(where, at(before, media)["schema"], at(after, media)["schema"], d)
		}
	}
}

// follow is what a reference stands for.
func (c *comparer) follow(doc object, v any) object {
	o, _ := v.(object)
	ref, is := o["$ref"].(string)
	if !is {
		return o
	}
	return at(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

func text(v any) string {
	if s, is := v.(string); is {
		return strconv.Quote(s)
	}
	return fmt.Sprint(v)
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }
