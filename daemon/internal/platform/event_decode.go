package platform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// EventDraft is one event of a request as it was read: what it asks for, and what
// is wrong with it.
type EventDraft struct {
	Event    flow.Event
	ItemID   string // the id that a batch item gave itself
	Problems []resource.Problem
}

// wireEvent is an event with all names under which its fields come. Matching
// of names ignores case, so CloudEvents' own spelling ("specversion") and
// extension attributes ("messagegroup") need no names of their own.
type wireEvent struct {
	ID              json.RawMessage `json:"id"`
	Type            string          `json:"type"`
	Source          string          `json:"source"`
	Subject         string          `json:"subject"`
	Time            string          `json:"time"`
	Data            json.RawMessage `json:"data"`
	DataBase64      json.RawMessage `json:"data_base64"`
	DataContentType string          `json:"dataContentType"`
	SpecVersion     string          `json:"specVersion"`
	MessageGroup    string          `json:"messageGroup"`
	CorrelationID   string          `json:"correlationId"`
	CausationID     string          `json:"causationId"`
	DeduplicationID string          `json:"deduplicationId"`
	ClientID        string          `json:"clientId"`
	ContextData     []flow.KeyValue `json:"contextData"`
	Traceparent     string          `json:"traceparent"`
	Payload         json.RawMessage `json:"payload"`

	EventType         string          `json:"eventType"`
	SnakeEventType    string          `json:"event_type"`
	SnakeContentType  string          `json:"data_content_type"`
	SnakeSpecVersion  string          `json:"spec_version"`
	SnakeMessageGroup string          `json:"message_group"`
	SnakeCorrelation  string          `json:"correlation_id"`
	SnakeCausation    string          `json:"causation_id"`
	SnakeDedup        string          `json:"deduplication_id"`
	SnakeClient       string          `json:"client_id"`
	SnakeContext      []flow.KeyValue `json:"context_data"`

	shallow bool // the data is known to nest no deeper than maxDepth
}

// DecodeEvent reads one event. With cloudEvent it is a CloudEvent in
// structured mode: its id is its publisher's, and with its source the default
// for deduplication.
func DecodeEvent(body []byte, cloudEvent bool) EventDraft {
	if w, ok := scanEvent(body); ok {
		return w.decide(cloudEvent)
	}
	return decodeEvent(body, cloudEvent)
}

// decodeEvent reads what scanEvent does not.
func decodeEvent(body []byte, cloudEvent bool) EventDraft {
	w, err := unmarshalEvent(body)
	if err != nil {
		return EventDraft{Problems: Malformed(err).fields()}
	}
	return w.decide(cloudEvent)
}

func unmarshalEvent(body []byte) (w wireEvent, err error) {
	err = json.Unmarshal(body, &w)
	return w, err
}

// decide is where an event and a row around one part.
func (w *wireEvent) decide(cloudEvent bool) EventDraft {
	if !cloudEvent && w.Payload != nil && w.Type == "" && w.EventType == "" && w.SnakeEventType == "" {
		return decodeItem(w)
	}
	return w.draft(cloudEvent)
}

// decodeItem reads {id, messageGroup?, payload: event}, the form in which
// outbox processors wrap events. The row's id makes repeats harmless.
func decodeItem(item *wireEvent) EventDraft {
	payload, _ := unquoted(item.Payload)
	w, ok := scanEvent(payload)
	if !ok {
		var err error
		if w, err = unmarshalEvent(payload); err != nil {
			d := EventDraft{Problems: Malformed(err).fields()}
			for i := range d.Problems {
				d.Problems[i].Field = "payload." + strings.TrimPrefix(d.Problems[i].Field, "body")
				d.Problems[i].Field = strings.TrimSuffix(d.Problems[i].Field, ".")
			}
			return d
		}
	}
	if w.MessageGroup == "" {
		w.MessageGroup = first(item.MessageGroup, item.SnakeMessageGroup)
	}
	if w.ClientID == "" {
		w.ClientID = first(item.ClientID, item.SnakeClient)
	}
	d := w.draft(false)
	d.ItemID = plainText(item.ID)
	if d.Event.DeduplicationID == "" {
		d.Event.DeduplicationID = d.ItemID
	}
	return d
}

func (e *Error) fields() []resource.Problem {
	ps := make([]resource.Problem, len(e.Problems))
	for i, p := range e.Problems {
		ps[i] = p.Problem
		if p.Field == "body" {
			ps[i].Detail = strings.TrimPrefix(e.Detail, "the body ")
		}
	}
	return ps
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// plainText is the value of a JSON string, or the text of a number.
func plainText(raw json.RawMessage) string {
	if len(raw) > 0 && raw[0] == '"' {
		return string(unescaped(raw))
	}
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw)
	}
	return ""
}

// unquoted is the document within a JSON string that holds an object or an
// array, and then true, and else what it was given. SDKs send data so.
func unquoted(raw json.RawMessage) (json.RawMessage, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return raw, false
	}
	inner := bytes.TrimSpace(unescaped(raw))
	if len(inner) == 0 || inner[0] != '{' && inner[0] != '[' {
		return raw, false
	}
	if walkValue(inner, 0) != len(inner) && !json.Valid(inner) {
		return raw, false
	}
	return inner, true
}

// draft turns what came into an event and checks it.
func (w *wireEvent) draft(cloudEvent bool) EventDraft {
	var d EventDraft
	e := &d.Event
	e.Type = first(w.Type, first(w.EventType, w.SnakeEventType))
	e.Source = w.Source
	e.Subject = w.Subject
	e.DataContentType = first(w.DataContentType, w.SnakeContentType)
	e.SpecVersion = first(w.SpecVersion, w.SnakeSpecVersion)
	e.MessageGroup = first(w.MessageGroup, w.SnakeMessageGroup)
	e.CorrelationID = first(w.CorrelationID, w.SnakeCorrelation)
	e.CausationID = first(w.CausationID, w.SnakeCausation)
	e.DeduplicationID = first(w.DeduplicationID, w.SnakeDedup)
	e.ClientID = first(w.ClientID, w.SnakeClient)
	e.Traceparent = w.Traceparent
	e.ContextData = w.ContextData
	if e.ContextData == nil {
		e.ContextData = w.SnakeContext
	}

	if e.Source == "" {
		e.Source = "/"
	}
	if e.SpecVersion == "" {
		e.SpecVersion = "1.0"
	}
	if e.DataContentType == "" {
		e.DataContentType = "application/json"
	}
	inner := false
	if isJSON(e.DataContentType) {
		e.Data, inner = unquoted(w.Data)
	}
	switch {
	case inner:
	case len(w.Data) == 0:
		e.Data = json.RawMessage("null")
	default:
		// The body may be much larger than the event, and may be gone
		// before it.
		e.Data = bytes.Clone(w.Data)
	}
	if cloudEvent {
		e.CloudEventID = plainText(w.ID)
		switch {
		case e.CloudEventID == "":
			d.bad("id", "is required of a CloudEvent", "")
		case w.Source == "":
			d.bad("source", "is required of a CloudEvent", "/orders")
		case w.SpecVersion != "1.0":
			d.bad("specversion", "must be 1.0", "1.0")
		case e.DeduplicationID == "":
			e.DeduplicationID = e.Source + " " + e.CloudEventID
		}
	}
	if w.DataBase64 != nil {
		d.bad("data_base64", "is not accepted: data must be JSON", "data")
	}
	if w.Time != "" {
		t, err := time.Parse(time.RFC3339Nano, w.Time)
		if err != nil || t.Year() < 1970 || t.Year() > 9999 {
			d.bad("time", "must be an RFC 3339 time", "2026-01-02T15:04:05Z")
		}
		e.Time = t.UTC()
	}
	d.check(w.shallow && !inner)
	return d
}

func isJSON(contentType string) bool {
	ct, _, _ := strings.Cut(contentType, ";")
	ct = strings.TrimSpace(ct)
	return ct == "application/json" || strings.HasSuffix(ct, "+json") || strings.EqualFold(ct, "application/json")
}

// MaxItems is how many events or tasks one batch may have.
const MaxItems = 1000

// DecodeEvents reads a batch of events, of the forms that DecodeBatch reads.
func DecodeEvents(body []byte, cloudEvents bool) ([]EventDraft, error) {
	if drafts, ok := scanBatch(body, cloudEvents); ok {
		return drafts, nil
	}
	items, err := DecodeBatch(body)
	if err != nil {
		return nil, err
	}
	drafts := make([]EventDraft, len(items))
	for i, item := range items {
		drafts[i] = DecodeEvent(item, cloudEvents)
	}
	return drafts, nil
}

// DecodeBatch reads {"items": […]}, {"events": […]}, {"jobs": […]} or a bare
// array into its items, without reading these.
func DecodeBatch(body []byte) ([]json.RawMessage, error) {
	var items []json.RawMessage
	if b := bytes.TrimSpace(body); len(b) > 0 && b[0] == '[' {
		if err := json.Unmarshal(body, &items); err != nil {
			return nil, Malformed(err)
		}
	} else {
		var w struct{ Items, Events, Jobs []json.RawMessage }
		if err := json.Unmarshal(body, &w); err != nil {
			return nil, Malformed(err)
		}
		switch {
		case w.Items != nil:
			items = w.Items
		case w.Events != nil:
			items = w.Events
		case w.Jobs != nil:
			items = w.Jobs
		default:
			return nil, invalidField("items", "is required: the array of the batch", `{"items": […]}`)
		}
	}
	if len(items) > MaxItems {
		return nil, invalidField("items", fmt.Sprintf("has %d items; a batch has at most %d, and nothing of this one was accepted", len(items), MaxItems), "several batches")
	}
	return items, nil
}
