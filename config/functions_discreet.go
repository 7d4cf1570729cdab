package config

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// discreet keeps what a function says when it fails from telling a secret:
// most repeat what they were given.
func discreet(name string, f function.Function) function.Function {
	// Everything is let through, so that f itself judges its arguments.
	open := func(p function.Parameter) function.Parameter {
		p.AllowMarked, p.AllowUnknown, p.AllowNull, p.AllowDynamicType = true, true, true, true
		return p
	}
	spec := &function.Spec{Description: f.Description()}
	for _, p := range f.Params() {
		spec.Params = append(spec.Params, open(p))
	}
	if p := f.VarParam(); p != nil {
		rest := open(*p)
		spec.VarParam = &rest
	}
	hush := func(err error, args []cty.Value) error {
		if err == nil || !anySecret(args) {
			return err
		}
		return &fault{
			summary: fmt.Sprintf("%s() cannot do this with a secret", name),
			detail:  "It was given what comes from secret(), and failed. What it says is not shown, since it may repeat the value.",
		}
	}
	spec.Type = func(args []cty.Value) (cty.Type, error) {
		t, err := f.ReturnTypeForValues(args)
		return t, hush(err, args)
	}
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v, err := f.Call(args)
		return v, hush(err, args)
	}
	return function.New(spec)
}

func anySecret(args []cty.Value) bool {
	for _, v := range args {
		if _, secrets := unseal(v); len(secrets) > 0 {
			return true
		}
	}
	return false
}
