package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The bounds of a schema.
const (
	MaxBytes = 256 << 10 // of a schema document
	maxDepth = 64        // of its objects and arrays within each other
	// maxVisits is how many subschemas with something beneath them one check
	// may look at.
	maxVisits = 100_000
)

// location is what a schema is called while it is compiled: a name that
// nothing has (RFC 6761, 6.4), to which its references are relative.
const location = "https://schema.invalid/schema"

// Schema is a compiled JSON Schema.
type Schema struct {
	doc any
	// Each check needs a copy of its own, which counts its visits. They are
	// made when they are needed and kept.
	idle chan *checker
}

// checker is a compiled schema that counts.
type checker struct {
	compiled *jsonschema.Schema
	left     int
}

// Fault is what is wrong with a schema document.
type Fault struct {
	Pointer string // RFC 6901, into the document; "" is the whole
	Reason  string
}

func (f *Fault) Error() string {
	if f.Pointer == "" {
		return f.Reason
	}
	return f.Reason + " at " + f.Pointer
}

// Compile reads a schema document. The error is a *Fault.
func Compile(doc []byte) (*Schema, error) {
	if len(doc) > MaxBytes {
		return nil, &Fault{"", fmt.Sprintf("is larger than %d bytes", MaxBytes)}
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return nil, &Fault{"", "is not valid JSON"}
	}
	if err := look(v, "", 0); err != nil {
		return nil, err
	}
	s := &Schema{doc: v, idle: make(chan *checker, runtime.GOMAXPROCS(0))}
	first, err := s.compile()
	if err != nil {
		return nil, err
	}
	s.idle <- first
	return s, nil
}

// look refuses what the compiler would accept and we do not.
func look(v any, at string, depth int) error {
	if depth > maxDepth {
		return &Fault{at, fmt.Sprintf("nests deeper than %d", maxDepth)}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, keyword := range []string{"$dynamicRef", "$recursiveRef"} {
			if _, is := v[keyword].(string); is {
				return &Fault{at, keyword + " is not supported; use $ref"}
			}
		}
		// The draft's own schemas are the library's, not ours to meter.
		for _, keyword := range []string{"$ref", "$id"} {
			if ref, _ := v[keyword].(string); strings.Contains(ref, "json-schema.org") {
				return &Fault{at, keyword + " must not name a schema of JSON Schema itself"}
			}
		}
		for name, member := range v {
			if err := look(member, at+"/"+escape(name), depth+1); err != nil {
				return err
			}
		}
	case []any:
		for i, member := range v {
			if err := look(member, fmt.Sprintf("%s/%d", at, i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// nowhere keeps schemas from the network and from files.
type nowhere struct{}

var errElsewhere = errors.New("refers to a document elsewhere")

// Load implements jsonschema.URLLoader.
func (nowhere) Load(string) (any, error) { return nil, errElsewhere }

func (s *Schema) compile() (c *checker, err error) {
	defer func() {
		if cause := recover(); cause != nil { // a library's mistake must not end a request's goroutine
			c, err = nil, &Fault{"", "can not be compiled"}
		}
	}()
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.UseLoader(nowhere{})
	if err := compiler.AddResource(location, s.doc); err != nil {
		return nil, fault(err)
	}
	compiled, err := compiler.Compile(location)
	if err != nil {
		return nil, fault(err)
	}
	c = &checker{compiled: compiled}
	c.meter(compiled, map[*jsonschema.Schema]bool{})
	return c, nil
}

// fault translates an error of the compiler.
func fault(err error) *Fault {
	var meta *jsonschema.SchemaValidationError
	var load *jsonschema.LoadURLError
	var regex *jsonschema.InvalidRegexError
	var anchor *jsonschema.AnchorNotFoundError
	var pointer *jsonschema.JSONPointerNotFoundError
	switch {
	case errors.As(err, &load):
		return &Fault{"", "refers to a document elsewhere, or to an unknown $schema; put what it needs under $defs"}
	case errors.As(err, &regex):
		return &Fault{fragment(regex.URL), "has a regular expression that is not one of RE2"}
	case errors.As(err, &anchor), errors.As(err, &pointer):
		return &Fault{"", "has a $ref to what is not in the document"}
	case errors.As(err, &meta):
		var ve *jsonschema.ValidationError
		if errors.As(meta.Err, &ve) {
			for _, f := range findings(ve, "", 1) {
				return &Fault{f.Pointer, f.Detail}
			}
		}
		return &Fault{"", "is not a JSON Schema"}
	}
	return &Fault{"", "is not a JSON Schema"}
}

// fragment is the pointer of a URL.
func fragment(url string) string {
	_, pointer, _ := strings.Cut(url, "#")
	return pointer
}

func (s *Schema) take() (*checker, error) {
	select {
	case c := <-s.idle:
		return c, nil
	default:
		return s.compile()
	}
}

func (s *Schema) give(c *checker) {
	select {
	case s.idle <- c:
	default:
	}
}

// MaxFindings bounds what is said of one document.
const MaxFindings = 20

// Check says what is wrong with data, or nothing. Pointers begin with prefix.
func (s *Schema) Check(data []byte, prefix string) (found []Finding) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if len(data) > 0 {
		if err := d.Decode(&v); err != nil {
			return []Finding{{prefix, "is not valid JSON"}}
		}
	}
	c, err := s.take()
	if err != nil {
		return []Finding{{prefix, "can not be checked against its schema"}}
	}
	defer func() {
		switch cause := recover(); cause {
		case nil:
			s.give(c)
		case errTooMuch:
			s.give(c)
			found = []Finding{{prefix, "takes too much work to check against its schema"}}
		default: // a library's mistake; the checker may be in any state
			found = []Finding{{prefix, "can not be checked against its schema"}}
		}
	}()
	c.left = maxVisits
	err = c.compiled.Validate(v)
	var ve *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ve):
		return findings(ve, prefix, MaxFindings)
	}
	return []Finding{{prefix, "can not be checked against its schema"}}
}
