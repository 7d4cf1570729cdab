package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// stage is how far a manifest has been read, and so what names mean
// something: variables, then locals that use them, then the number and codes
// of blocks, then the values in them.
type stage int

const (
	stageVariables stage = iota
	stageLocals
	stageShape
	stageValues
)

// reference says what is wrong with a name in an expression.
func (mr *manifestReader) reference(s *section, t hcl.Traversal) *fault {
	root := t.RootName()
	info, isKind := resource.InfoOf(resource.Kind(root))
	isKind = isKind && info.Manifest
	switch {
	case root == "var" && mr.stage >= stageLocals:
		return missing("variable", root, t, slices.Collect(maps.Keys(mr.vars)))
	case root == "local" && mr.stage >= stageLocals:
		return missing("local", root, t, slices.Collect(maps.Keys(mr.locals)))
	case root == "each":
		if s.ctx == nil || s.ctx.Variables["each"] == cty.NilVal {
			return &fault{
				summary: "each has no meaning here",
				detail:  "each.key and each.value stand for the element of for_each, in a block that has one.",
				try:     `for_each = ["eu", "us"]`,
			}
		}
		return missing("name", root, t, []string{"key", "value"})
	case isKind && mr.stage == stageValues:
		if f := missing(strings.ReplaceAll(root, "_", " "), root, t, mr.labels[resource.Kind(root)]); f != nil {
			return f
		}
		return mr.missingKey(root, t)
	case isKind || root == "var" || root == "local":
		return &fault{
			summary: fmt.Sprintf("%s is not known here", root),
			detail:  "Variables are evaluated first, then locals, then for_each and code, and then the other attributes of resources, which alone can refer to resources.",
		}
	}
	roots := []string{"var", "local", "each"}
	for _, k := range resource.Declared() {
		roots = append(roots, string(k.Kind))
	}
	return &fault{
		summary: fmt.Sprintf("Unknown name %q", root),
		detail:  fmt.Sprintf("An expression may name %s; text stands in quotes.", or(roots)),
		try:     tryNear(root, roots),
	}
}

// missing says that the step after the root names nothing.
func missing(what, root string, t hcl.Traversal, names []string) *fault {
	if len(t) < 2 {
		return nil // the whole object, as in keys(var)
	}
	name, ok := stepName(t[1])
	if !ok || slices.Contains(names, name) {
		return nil
	}
	f := &fault{
		summary: fmt.Sprintf("Unknown %s %q", what, name),
		detail:  fmt.Sprintf("%s.%s refers to a %s that this manifest does not declare.", root, name, what),
		try:     tryName(name, names),
	}
	if len(names) == 0 {
		f.detail += fmt.Sprintf(" It declares no %s at all.", what)
	}
	return f
}

// missingKey says that a reference to a block with for_each has a key that is
// not one of its elements.
func (mr *manifestReader) missingKey(root string, t hcl.Traversal) *fault {
	if len(t) < 3 {
		return nil
	}
	label, _ := stepName(t[1])
	key, ok := stepName(t[2])
	keys := mr.keys[root+" "+label]
	if !ok || len(keys) == 0 || slices.Contains(keys, key) {
		return nil
	}
	return &fault{
		summary: fmt.Sprintf("Unknown key %q", key),
		detail:  fmt.Sprintf("for_each of %s.%s has no such element.", root, label),
		try:     tryName(key, keys),
	}
}

// stepName is the name in .name or ["name"].
func stepName(step hcl.Traverser) (string, bool) {
	switch step := step.(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String && !step.Key.IsNull() {
			return step.Key.AsString(), true
		}
	}
	return "", false
}
