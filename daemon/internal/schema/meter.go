package schema

import (
	"errors"
	"reflect"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// errTooMuch ends a check that has spent its visits.
var errTooMuch = errors.New("too many visits")

// meter makes every subschema count its visits. The validator asks for the
// format of a value before it goes on to what is beneath, so a format is
// where a schema can be stopped; without one it has no way to end a check.
func (c *checker) meter(s *jsonschema.Schema, seen map[*jsonschema.Schema]bool) {
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	own := s.Format
	metered := &jsonschema.Format{Validate: func(v any) error {
		if c.left--; c.left < 0 {
			panic(errTooMuch)
		}
		if own != nil {
			return own.Validate(v)
		}
		return nil
	}}
	if own != nil {
		metered.Name = own.Name
	}
	s.Format = metered
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			c.beneath(v.Field(i), seen)
		}
	}
}

// beneath meters the schemas that a field of a schema holds.
func (c *checker) beneath(v reflect.Value, seen map[*jsonschema.Schema]bool) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			c.beneath(v.Elem(), seen)
		}
	case reflect.Pointer:
		if s, is := v.Interface().(*jsonschema.Schema); is {
			c.meter(s, seen)
		}
	case reflect.Slice:
		for i := range v.Len() {
			c.beneath(v.Index(i), seen)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			c.beneath(it.Value(), seen)
		}
	}
}
