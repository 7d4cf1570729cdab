package sample

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// tries is how many examples are made before giving up: of alternatives
// another one is chosen each time.
const tries = 40

// largeTries is how many of them may come to too much, which takes long.
const largeTries = 4

// location is what a schema is called while it is compiled: a name that
// nothing has.
const location = "https://schema.invalid/schema"

// Unmet is what an example does not satisfy.
type Unmet struct {
	Keyword string // of the schema, such as "pattern"
	At      string // where in the example, as a JSON pointer; "" is all of it
	Value   any    // the example, as far as it goes; nil if there is none
	Reason  string // if there is more to say
}

// Error implements error.
func (u *Unmet) Error() string {
	s := "it does not satisfy " + u.Keyword
	if u.At != "" {
		s += " at " + u.At
	}
	if u.Reason != "" {
		s += ": " + u.Reason
	}
	return s
}

// Schema is a schema of which examples can be made.
type Schema struct {
	doc      any
	compiled *jsonschema.Schema
}

type nowhere struct{}

// Load implements jsonschema.URLLoader: nothing is fetched.
func (nowhere) Load(string) (any, error) { return nil, errors.New("refers to a document elsewhere") }

// Read compiles a schema document.
func Read(doc []byte) (*Schema, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nowhere{})
	c.AssertFormat() // an example should look like what the schema says
	if err := c.AddResource(location, v); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	compiled, err := c.Compile(location)
	if err != nil {
		return nil, fmt.Errorf("compile the schema: %w", err)
	}
	return &Schema{v, compiled}, nil
}

// Make makes an example. The error is an *Unmet.
func (s *Schema) Make(seed uint64) (any, error) {
	var last error
	large := 0
	for n := range uint64(tries) {
		g := &maker{root: s.doc, rand: rand.New(rand.NewPCG(seed, n))}
		v, err := g.make(s.doc, 0)
		if err == nil {
			err = s.Check(v)
		}
		if err == nil {
			return v, nil
		}
		if errors.Is(err, errLarge) {
			if large++; large == largeTries {
				return nil, err
			}
		}
		var u *Unmet
		if !errors.As(err, &u) {
			err = &Unmet{Keyword: "the schema", Reason: err.Error()}
		}
		last = err
	}
	return nil, last
}

// Check holds a value against the schema. The error is an *Unmet.
func (s *Schema) Check(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the example: %w", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("read the example: %w", err)
	}
	var wrong *jsonschema.ValidationError
	switch err := s.compiled.Validate(doc); {
	case err == nil:
		return nil
	case !errors.As(err, &wrong):
		return &Unmet{Keyword: "the schema", Value: v, Reason: err.Error()}
	}
	for len(wrong.Causes) > 0 {
		wrong = wrong.Causes[0]
	}
	u := &Unmet{Keyword: strings.Join(wrong.ErrorKind.KeywordPath(), "/"), Value: v}
	switch wrong.ErrorKind.(type) {
	case *kind.Not:
		u.Keyword = "not"
	case *kind.FalseSchema:
		u.Keyword = "false"
	}
	if u.Keyword == "" {
		u.Keyword = "the schema"
	}
	for _, name := range wrong.InstanceLocation {
		u.At += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	return u
}
