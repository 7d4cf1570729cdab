package apidoc

import (
	"fmt"
	"slices"
	"strings"
)

// direction says who writes what a schema describes.
type direction bool

const (
	asked    direction = false // the client: it must be let write what it wrote
	answered direction = true  // the server: it must keep to what clients read
)

func (d direction) who() string {
	if d == answered {
		return whoReads
	}
	return whoSends
}

// schema compares what may stand somewhere.
func (c *comparer) schema(where string, was, is any, d direction) {
	refs := fmt.Sprint(ref(was), " ", ref(is), " ", d)
	if ref(was) != "" || ref(is) != "" {
		if c.seen[refs] {
			return // it is said where it was met first
		}
		c.seen[refs] = true
	}
	p, q := c.follow(c.old, was), c.follow(c.new, is)
	if name := ref(is); name != "" {
		where += " (" + name[strings.LastIndexByte(name, '/')+1:] + ")"
	}
	c.types(where, p, q, d)
	c.enum(where, p, q, d)
	c.limits(where, p, q, d)
	c.fields(where, p, q, d)
	if p["items"] != nil && q["items"] != nil {
		c.schema(where+"[]", p["items"], q["items"], d)
	}
	if more, less := p["additionalProperties"], q["additionalProperties"]; less == false && more != false && d == asked {
		c.add(d.who(), where, "takes no other fields any more")
	} else if at(more) != nil && at(less) != nil {
		c.schema(where+".*", more, less, d)
	}
	for _, form := range []string{"oneOf", "anyOf", "allOf", "not", "const", "pattern"} {
		if !same(p[form], q[form]) {
			c.add(d.who(), where, "%s is another one", form)
		}
	}
}

func ref(v any) string {
	o, _ := v.(object)
	name, _ := o["$ref"].(string)
	return name
}

// types compares types. To read less, or to write more, is harmless.
func (c *comparer) types(where string, p, q object, d direction) {
	before, after := typesOf(p), typesOf(q)
	if same(before, after) {
		if f, g := p["format"], q["format"]; !same(f, g) && f != "int64" && g != "int64" {
			c.add(d.who(), where, "format is %v, and was %v", text(g), text(f))
		}
		return
	}
	narrower, wider := within(after, before), within(before, after)
	switch {
	case d == asked && wider, d == answered && narrower:
		c.add("", where, "type is %s, and was %s", types(after), types(before))
	default:
		c.add(d.who(), where, "type is %s, and was %s", types(after), types(before))
	}
}

// typesOf lists types; none is any.
func typesOf(s object) []string {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var out []string
		for _, one := range t {
			out = append(out, fmt.Sprint(one))
		}
		slices.Sort(out)
		return out
	}
	return nil
}

func types(all []string) string {
	if len(all) == 0 {
		return "anything"
	}
	return strings.Join(all, " or ")
}

// within says whether whatever has one of some types has one of others.
func within(some, others []string) bool {
	if len(others) == 0 {
		return true
	}
	for _, t := range some {
		if !slices.Contains(others, t) && (t != "integer" || !slices.Contains(others, "number")) {
			return false
		}
	}
	return len(some) > 0
}

func (c *comparer) enum(where string, p, q object, d direction) {
	before, _ := p["enum"].([]any)
	after, _ := q["enum"].([]any)
	switch {
	case before == nil && after != nil && d == asked:
		c.add(d.who(), where, "must be one of %d values now", len(after))
		return
	case before != nil && after == nil && d == answered:
		c.add(d.who(), where, "may be anything now")
		return
	case before == nil || after == nil:
		if !same(before, after) && (before != nil || after != nil) {
			c.add("", where, "the list of its values is another one")
		}
		return
	}
	for _, v := range before {
		if !slices.Contains(after, v) {
			breaks := ""
			if d == asked {
				breaks = d.who()
			}
			c.add(breaks, where, "%s is gone", text(v))
		}
	}
	for _, v := range after {
		if !slices.Contains(before, v) {
			breaks := ""
			if d == answered {
				breaks = "clients that know all values"
			}
			c.add(breaks, where, "%s is new", text(v))
		}
	}
}

// limits compares bounds, of what clients send only.
func (c *comparer) limits(where string, p, q object, d direction) {
	for name, tighter := range map[string]func(was, is float64) bool{
		"maximum": less, "maxLength": less, "maxItems": less, "minimum": more, "minLength": more, "minItems": more,
	} {
		was, had := p[name].(float64)
		is, has := q[name].(float64)
		if had == has && was == is {
			continue
		}
		breaks := ""
		if d == asked && has && (!had || tighter(was, is)) {
			breaks = d.who()
		}
		c.add(breaks, where, "%s is %v, and was %v", name, q[name], p[name])
	}
}

func less(was, is float64) bool { return is < was }
func more(was, is float64) bool { return is > was }

func (c *comparer) fields(where string, p, q object, d direction) {
	before, after := at(p, "properties"), at(q, "properties")
	needed := func(s object, name string) bool {
		list, _ := s["required"].([]any)
		return slices.Contains(list, any(name))
	}
	for _, name := range keys(before, after) {
		was, is := needed(p, name), needed(q, name)
		switch {
		case after[name] == nil:
			c.add(d.who(), where, "field %s is gone", name)
			continue
		case before[name] == nil && d == asked && is:
			c.add(d.who(), where, "field %s is new and required", name)
			continue
		case before[name] == nil:
			c.add("", where, "field %s is new", name)
			continue
		case d == asked && is && !was:
			c.add(d.who(), where, "field %s is required now", name)
		case d == answered && was && !is:
			c.add(d.who(), where, "field %s may be absent now", name)
		case was != is:
			c.add("", where, "field %s is required: %t, and was: %t", name, is, was)
		}
		c.schema(where+"."+name, before[name], after[name], d)
	}
}
