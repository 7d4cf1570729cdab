package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable is a declared input.
type variable struct {
	name string
	sec  *section
	want cty.Type // cty.DynamicPseudoType when anything goes
}

// readVariables gives every declared variable its value: command line, then
// files, then environment, then default.
func (mr *manifestReader) readVariables() {
	mr.vars = map[string]cty.Value{}
	declared := map[string]*variable{}
	order := []string{}
	defaults := map[string]cty.Value{}
	for _, b := range mr.top.children("variable", []string{"name"}, true) {
		name := b.Labels[0]
		if first, dup := declared[name]; dup {
			mr.top.duplicate(b, *first.sec.header, fmt.Sprintf("variable %q", name))
			continue
		}
		v := &variable{name: name, sec: mr.top.inside(b), want: cty.DynamicPseudoType}
		declared[name] = v
		order = append(order, name)
		v.readType()
		read(v.sec, "description", text, opts[string]{})
		if d, present, failed := v.sec.value("default"); failed {
			defaults[name] = cty.DynamicVal
		} else if present {
			if v.want == cty.DynamicPseudoType && d.Type().IsPrimitiveType() {
				// Without a type the default says what is meant, so that
				// -var retries=3 is a number where the default is one.
				v.want = d.Type()
			}
			defaults[name] = v.convert(d, v.sec.at("default"), "The default")
		}
		v.sec.close()
	}
	given := mr.readVarFiles(declared, order)
	for _, name := range slices.Sorted(maps.Keys(mr.opts.Vars)) {
		if _, ok := declared[name]; !ok {
			mr.undeclared(hcl.Range{}, "-var "+name, name, order)
		}
	}
	for _, name := range order {
		v := declared[name]
		if t, ok := mr.opts.Vars[name]; ok {
			mr.vars[name] = v.parse(t, "-var "+name)
		} else if val, ok := given[name]; ok {
			mr.vars[name] = val
		} else if t, ok := mr.opts.Env(EnvVariable + name); ok {
			mr.vars[name] = v.parse(t, EnvVariable+name)
		} else if val, ok := defaults[name]; ok {
			mr.vars[name] = val
		} else {
			v.sec.fail(v.sec.place(), fmt.Sprintf("Variable %q has no value", name),
				"It has no default and none was given.", fmt.Sprintf("-var %s=…, %s%s=… or a default", name, EnvVariable, name))
			mr.vars[name] = cty.DynamicVal
		}
	}
	mr.top.ctx.Variables["var"] = cty.ObjectVal(mr.vars)
}

func (mr *manifestReader) undeclared(rng hcl.Range, where, name string, declared []string) {
	mr.top.fail(rng, fmt.Sprintf("Variable %q is not declared", name),
		fmt.Sprintf("%s sets it, and the manifest has no such variable.", where), tryName(name, declared))
}

func (v *variable) readType() {
	a := v.sec.lookup("type")
	if a == nil {
		return
	}
	t, diags := typeexpr.TypeConstraint(a.Expr)
	v.sec.hcl(diags)
	if !diags.HasErrors() {
		v.want = t
	}
}

// convert makes a value the variable's type, or says that it is not.
func (v *variable) convert(val cty.Value, rng hcl.Range, what string) cty.Value {
	out, err := convert.Convert(val, v.want)
	if err != nil {
		v.sec.fail(rng, "Wrong type", fmt.Sprintf("%s of variable %q is %s; it should be %s.",
			what, v.name, typeName(val.Type()), typeName(v.want)), "")
		return cty.DynamicVal
	}
	return out
}

// parse reads text from outside: as it is for a string, as an expression for
// a list or an object.
func (v *variable) parse(t, where string) cty.Value {
	if v.want == cty.DynamicPseudoType {
		return textValue(t)
	}
	val := textValue(t)
	if !v.want.IsPrimitiveType() {
		e, diags := hclsyntax.ParseExpression([]byte(t), where, hcl.InitialPos)
		if !diags.HasErrors() {
			val, diags = e.Value(nil)
		}
		if diags.HasErrors() {
			v.sec.fail(hcl.Range{}, "Bad value of "+where, diags[0].Summary+": "+diags[0].Detail, "")
			return cty.DynamicVal
		}
	}
	return v.convert(val, hcl.Range{}, where+": the value")
}

// readVarFiles evaluates files of `name = value`.
func (mr *manifestReader) readVarFiles(declared map[string]*variable, order []string) map[string]cty.Value {
	given := map[string]cty.Value{}
	for _, path := range mr.opts.VarFiles {
		b, err := readBounded(path)
		if err != nil {
			mr.top.fail(hcl.Range{}, "Cannot read the variables", sentence(err), "")
			continue
		}
		mr.r.src[path] = b
		f, diags := hclsyntax.ParseConfig(b, path, hcl.InitialPos)
		if diags.HasErrors() {
			mr.top.hcl(diags[:1])
			continue
		}
		body, ok := f.Body.(*hclsyntax.Body)
		if !ok {
			continue
		}
		for _, blk := range body.Blocks {
			mr.top.fail(blk.TypeRange, fmt.Sprintf("Unexpected block %q", blk.Type),
				"A file of variables has attributes only.", blk.Type+" = …")
		}
		for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
			a := body.Attributes[name]
			v, ok := declared[name]
			if !ok {
				mr.undeclared(a.NameRange, "The file", name, order)
				continue
			}
			if val, ok := mr.top.eval(a.Expr); ok {
				given[name] = v.convert(val, a.Expr.Range(), "The value")
			}
		}
	}
	return given
}

// readLocals evaluates the locals in the order in which they need each other.
func (mr *manifestReader) readLocals() {
	mr.locals = map[string]cty.Value{}
	todo := map[string]*hclsyntax.Attribute{}
	var sections = map[string]*section{}
	for _, b := range mr.top.children("locals", nil, true) {
		s := mr.top.inside(b)
		for name, a := range b.Body.Attributes {
			if first, dup := todo[name]; dup {
				s.fail(a.NameRange, fmt.Sprintf("Duplicate local %q", name),
					fmt.Sprintf("The first one is at %s.", rangeOf(first.NameRange).line()), "another name")
				continue
			}
			todo[name], sections[name] = a, s
			s.lookup(name)
		}
		s.close()
	}
	// While reading, every name counts as known: what is missing is caught
	// below, as a name or as a circle.
	names := slices.Sorted(maps.Keys(todo))
	for _, n := range names {
		mr.locals[n] = cty.DynamicVal
	}
	done := map[string]bool{}
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		if done[name] || todo[name] == nil {
			return
		}
		a, s := todo[name], sections[name]
		if slices.Contains(path, name) {
			done[name] = true
			s.fail(a.NameRange, fmt.Sprintf("Local %q needs itself", name),
				"The circle is "+strings.Join(append(path, name), " -> ")+".", "")
			return
		}
		for _, t := range a.Expr.Variables() {
			if t.RootName() == "local" && len(t) > 1 {
				if step, ok := t[1].(hcl.TraverseAttr); ok {
					visit(step.Name, append(slices.Clone(path), name))
				}
			}
		}
		if done[name] {
			return
		}
		done[name] = true
		mr.top.ctx.Variables["local"] = cty.ObjectVal(mr.locals)
		if v, ok := s.eval(a.Expr); ok {
			mr.locals[name] = v
		}
	}
	for _, n := range names {
		visit(n, nil)
	}
	mr.top.ctx.Variables["local"] = cty.ObjectVal(mr.locals)
}
