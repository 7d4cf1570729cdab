package platform

import (
	"fmt"
	"unicode/utf8"

	"github.com/flowcatalyst/fc/client/resource"
)

// The limits of one event.
const (
	MaxData      = 1 << 20 // bytes of data
	maxDepth     = 64      // objects and arrays within each other
	maxContext   = 100     // pairs of context data
	maxText      = 1024    // bytes of a text field
	maxDedupID   = 2100    // two texts and a space: what a CloudEvent is deduplicated by
	maxPairValue = 4096
)

func (d *EventDraft) bad(field, detail, try string) {
	d.Problems = append(d.Problems, resource.Problem{Field: field, Detail: detail, Try: try})
}

// check bounds every field, so that what is stored can be delivered: ids and
// groups travel in headers. Data that is known to be shallow is not measured
// again.
func (d *EventDraft) check(shallow bool) {
	e := &d.Event
	if e.Type == "" {
		d.bad("type", "is required", "orders:fulfillment:shipment:shipped")
	} else if p := checkType(e.Type); p != "" {
		d.bad("type", p, "orders:fulfillment:shipment:shipped")
	}
	d.text("source", e.Source, maxText)
	d.text("subject", e.Subject, maxText)
	d.text("dataContentType", e.DataContentType, 100)
	d.text("specVersion", e.SpecVersion, 20)
	d.text("messageGroup", e.MessageGroup, maxText)
	d.text("correlationId", e.CorrelationID, maxText)
	d.text("causationId", e.CausationID, maxText)
	d.text("deduplicationId", e.DeduplicationID, maxDedupID)
	d.text("traceparent", e.Traceparent, 100)
	d.text("id", e.CloudEventID, maxText)
	if p := checkClient(e.ClientID); p != "" {
		d.bad("clientId", p, "")
	}
	if len(e.ContextData) > maxContext {
		d.bad("contextData", fmt.Sprintf("has more than %d pairs", maxContext), "")
	}
	for i, kv := range e.ContextData {
		if kv.Key == "" || len(kv.Key) > maxText || len(kv.Value) > maxPairValue {
			d.bad(fmt.Sprintf("contextData[%d]", i), fmt.Sprintf("needs a key of at most %d bytes and a value of at most %d", maxText, maxPairValue), "")
			break
		}
	}
	switch {
	case len(e.Data) > MaxData:
		d.bad("data", fmt.Sprintf("is larger than %d bytes", MaxData), "a reference to where the rest is")
	case !utf8.Valid(e.Data):
		d.bad("data", "is not UTF-8", "")
	case !shallow && depth(e.Data) > maxDepth:
		d.bad("data", fmt.Sprintf("nests deeper than %d", maxDepth), "")
	}
}

// checkType is resource.CheckEventType, for the most part without a regular
// expression.
func checkType(v string) string {
	segments, begins := 1, true
	for i := range len(v) {
		c := v[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			begins = false
		case !begins && c == ':':
			segments++
			begins = true
		case !begins && (c == '_' || c == '-' || c == '.'):
		default:
			return resource.CheckEventType(v)
		}
	}
	if segments == 4 && !begins && len(v) <= 200 {
		return ""
	}
	return resource.CheckEventType(v)
}

func (d *EventDraft) text(field, v string, most int) {
	if p := checkText(v, most); p != "" {
		d.bad(field, p, "")
	}
}

// checkText says what is wrong with a text of one line, or "".
func checkText(v string, most int) string {
	if len(v) > most {
		return fmt.Sprintf("is longer than %d bytes", most)
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			return "has a control character"
		}
	}
	return ""
}

// depth is how deep valid JSON nests.
func depth(b []byte) int {
	most, now := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			now++
			most = max(most, now)
		case '}', ']':
			now--
		}
	}
	return most
}
