package match

import (
	"encoding/json"
	"errors"
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
)

// MaxData is how many bytes of data a filter looks at: as many as one
// request may carry.
const MaxData = 32 << 20

var errLarge = errors.New("data is too large to be filtered")

// input is an event as filters see it. It belongs to one goroutine; what is
// costly is made when a filter first asks for it, and once.
type input struct {
	event   *Event
	decoded bool
	data    any
	err     error // why data can not be decoded
	context map[string]string
}

// body returns the decoded data.
func (in *input) body() (any, error) {
	if !in.decoded {
		in.decoded = true
		switch {
		case len(in.event.Data) == 0:
		case len(in.event.Data) > MaxData:
			in.err = errLarge
		default:
			if err := json.Unmarshal(in.event.Data, &in.data); err != nil {
				in.data, in.err = nil, fmt.Errorf("data is not JSON: %w", err)
			}
		}
	}
	return in.data, in.err
}

// pairs returns the context data as a map; of a repeated key the last wins.
func (in *input) pairs() map[string]string {
	if in.context == nil {
		in.context = make(map[string]string, len(in.event.ContextData))
		for _, kv := range in.event.ContextData {
			in.context[kv.Key] = kv.Value
		}
	}
	return in.context
}

// attribute returns one attribute of the event by its name in filters.
func (in *input) attribute(name string) (any, bool) {
	switch name {
	case "type":
		return in.event.Type, true
	case "source":
		return in.event.Source, true
	case "subject":
		return in.event.Subject, true
	case "clientId":
		return in.event.ClientID, true
	case "messageGroup":
		return in.event.MessageGroup, true
	case "time":
		return in.event.Time, true
	case "context":
		return in.pairs(), true
	}
	return nil, false
}

var _ interpreter.Activation = (*input)(nil)

// ResolveName implements cel.Activation.
func (in *input) ResolveName(name string) (any, bool) {
	if name != "data" {
		return in.attribute(name)
	}
	v, err := in.body()
	if err != nil {
		return types.WrapErr(err), true
	}
	return v, true
}

// Parent implements cel.Activation.
func (*input) Parent() interpreter.Activation { return nil }
