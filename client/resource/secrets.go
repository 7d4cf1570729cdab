package resource

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// EachSecret visits every secret of a resource, those that are not set
// included, with its path in the JSON ("signing.previous[0].secret"). It finds
// them by their type, in structs, behind pointers and in slices: a new field
// of type Secret needs no word anywhere else to be sealed, opened, kept and
// shown as a fingerprint. The first error ends the visit and is returned.
func EachSecret(r Resource, visit func(path string, s *Secret) error) error {
	return eachSecret(reflect.ValueOf(r), "", visit)
}

// CopySecrets returns a copy of a resource whose secrets can be changed
// without changing the original's. Everything else may be shared. A resource
// whose kind has no secrets is returned as it is.
func CopySecrets(r Resource) Resource {
	v := reflect.ValueOf(r)
	if !holds(v.Type()) {
		return r
	}
	return copySecrets(v).Interface().(Resource)
}

// OpenSecrets returns a copy of a resource whose JSON carries the values of
// its secrets: for a request to the server, and for what is about to be
// sealed; for nothing else.
func OpenSecrets(r Resource) Resource {
	r = CopySecrets(r)
	_ = EachSecret(r, func(_ string, s *Secret) error { *s = s.Open(); return nil }) // the visit does not fail
	return r
}

var secretType = reflect.TypeFor[Secret]()

func eachSecret(v reflect.Value, path string, visit func(string, *Secret) error) error {
	if !holds(v.Type()) {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return eachSecret(v.Elem(), path, visit)
	case reflect.Slice:
		for i := range v.Len() {
			if err := eachSecret(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit); err != nil {
				return err
			}
		}
	case reflect.Struct:
		if v.Type() == secretType {
			return visit(path, v.Addr().Interface().(*Secret))
		}
		for i := range v.NumField() {
			if err := eachSecret(v.Field(i), fieldPath(path, v.Type().Field(i)), visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func fieldPath(path string, f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case name == "" && f.Anonymous:
		return path
	case path == "":
		return name
	}
	return path + "." + name
}

// copySecrets copies what leads to secrets.
func copySecrets(v reflect.Value) reflect.Value {
	if !holds(v.Type()) || v.Type() == secretType {
		return v
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(copySecrets(v.Elem()))
		return c
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			c.Index(i).Set(copySecrets(v.Index(i)))
		}
		return c
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	for i := range v.NumField() {
		if f := v.Field(i); holds(f.Type()) {
			c.Field(i).Set(copySecrets(f))
		}
	}
	return c
}

// holders remembers the answers of holds.
var holders sync.Map // reflect.Type to bool

// holds says that a type has secrets in a place that EachSecret visits.
func holds(t reflect.Type) bool {
	if t == secretType {
		return true
	}
	if known, ok := holders.Load(t); ok {
		return known.(bool)
	}
	found := false
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		found = holds(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && holds(f.Type) {
				found = true
				break
			}
		}
	}
	holders.Store(t, found)
	return found
}
