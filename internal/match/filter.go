package match

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
)

// MaxFilter is how many bytes a filter may have.
const MaxFilter = 8 << 10

// filter is a compiled filter. Implementations may be used by any number of
// goroutines.
type filter interface {
	// holds says whether the filter is true for an event.
	holds(in *input) (bool, error)
	// seen names the values of the event that the filter looked at.
	seen(in *input) string
}

// CheckFilter compiles and type-checks a filter. The error is a sentence
// that says where. An empty filter is true for every event.
func CheckFilter(f resource.Filter) error {
	_, err := parse(f)
	return err
}

// parse compiles a filter; an empty one is nil.
func parse(f resource.Filter) (filter, error) {
	text := strings.TrimSpace(string(f))
	switch {
	case text == "":
		return nil, nil
	case len(f) > MaxFilter:
		return nil, fmt.Errorf("is longer than %d bytes", MaxFilter)
	case resource.Filter(text).Structured() && json.Valid([]byte(text)):
		return parseConditions(text)
	}
	// A CEL expression may begin with a list or a map too.
	p, err := compileCEL(string(f))
	if err == nil {
		return p, nil
	}
	if text[0] == '{' {
		return parseConditions(text)
	}
	return nil, err
}
