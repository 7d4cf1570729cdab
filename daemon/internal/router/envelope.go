package router

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

const isoMillis = "2006-01-02T15:04:05.000Z"

const jsonType = "application/json"

// content is the body of a delivery and its content type. The data of an
// event passes as the bytes that were published; nothing is decoded.
func content(j *flow.Job, ev *flow.Event, id string, dataOnly bool) (body []byte, contentType string) {
	switch {
	case ev != nil && dataOnly:
		return ev.Data, orJSON(ev.DataContentType)
	case ev != nil:
		return eventEnvelope(j, ev, id), jsonType
	case j.Task == nil:
		return []byte("null"), jsonType
	case j.Task.DataOnly:
		return []byte(j.Task.Payload), orJSON(j.Task.PayloadContentType)
	}
	return taskEnvelope(j, id), jsonType
}

func orJSON(t string) string {
	if t == "" {
		return jsonType
	}
	return t
}

func eventEnvelope(j *flow.Job, ev *flow.Event, id string) []byte {
	b := make([]byte, 0, len(ev.Data)+448+len(ev.Type)+len(ev.Source)+len(ev.Subject)+len(ev.MessageGroup)+len(ev.CorrelationID)+len(ev.CausationID))
	b = append(b, `{"id":`...)
	b = appendString(b, ev.ID.String())
	b = append(b, `,"type":`...)
	b = appendString(b, ev.Type)
	b = append(b, `,"source":`...)
	b = appendString(b, ev.Source)
	b = append(b, `,"subject":`...)
	b = appendNullable(b, ev.Subject)
	b = append(b, `,"time":"`...)
	b = ev.Time.UTC().AppendFormat(b, isoMillis)
	b = append(b, `","data":`...)
	if len(ev.Data) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, ev.Data...)
	}
	b = append(b, `,"correlationId":`...)
	b = appendNullable(b, ev.CorrelationID)
	b = append(b, `,"causationId":`...)
	b = appendNullable(b, ev.CausationID)
	b = append(b, `,"messageGroup":`...)
	b = appendNullable(b, ev.MessageGroup)
	b = append(b, `,"clientId":`...)
	b = appendNullable(b, ev.ClientID)
	b = append(b, `,"specVersion":`...)
	if ev.SpecVersion == "" {
		b = append(b, `"1.0"`...)
	} else {
		b = appendString(b, ev.SpecVersion)
	}
	return finishEnvelope(b, j, id)
}

func finishEnvelope(b []byte, j *flow.Job, id string) []byte {
	b = append(b, `,"dispatchJobId":`...)
	b = appendString(b, id)
	b = append(b, `,"attemptNumber":`...)
	b = strconv.AppendInt(b, int64(j.Attempts), 10)
	return append(b, '}')
}

// taskEnvelope wraps a task as if it were an event, since that is what the
// receivers of envelopes read.
func taskEnvelope(j *flow.Job, id string) []byte {
	t := j.Task
	b := make([]byte, 0, len(t.Payload)+448)
	b = append(b, `{"id":`...)
	b = appendString(b, cmp.Or(t.EventID, id))
	b = append(b, `,"type":`...)
	b = appendString(b, t.Code)
	b = append(b, `,"source":`...)
	b = appendString(b, t.Source)
	b = append(b, `,"subject":`...)
	b = appendNullable(b, t.Subject)
	b = append(b, `,"time":"`...)
	b = j.CreatedAt.UTC().AppendFormat(b, isoMillis)
	b = append(b, `","data":`...)
	switch {
	case t.Payload == "":
		b = append(b, "null"...)
	case strings.Contains(orJSON(t.PayloadContentType), "json") && json.Valid([]byte(t.Payload)):
		b = append(b, t.Payload...)
	default:
		b = appendString(b, t.Payload)
	}
	b = append(b, `,"correlationId":`...)
	b = appendNullable(b, t.CorrelationID)
	b = append(b, `,"causationId":null,"messageGroup":`...)
	b = appendNullable(b, j.MessageGroup)
	b = append(b, `,"clientId":`...)
	b = appendNullable(b, j.ClientID)
	b = append(b, `,"specVersion":"1.0"`...)
	return finishEnvelope(b, j, id)
}

func appendNullable(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return appendString(b, s)
}

// appendString writes a JSON string. Nearly all are plain ASCII.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil { // a string always marshals
				quoted = []byte(`""`)
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// headers makes the header of a delivery. The values stand in one array.
type headers struct {
	h      http.Header
	values [20]string
	n      int
}

func (w *headers) set(name, value string) {
	if value == "" {
		return
	}
	if !plainValue(value) {
		// An event with a line break in its correlation id is delivered
		// all the same; the envelope has the true value.
		value = strings.Map(func(r rune) rune {
			if r < 0x20 && r != '\t' || r == 0x7f {
				return ' '
			}
			return r
		}, value)
	}
	if w.n == len(w.values) {
		w.h[name] = []string{value}
		return
	}
	w.values[w.n] = value
	w.h[name] = w.values[w.n : w.n+1 : w.n+1]
	w.n++
}

// deliveryHeader builds all headers but the signature's. The error is the
// name of a task's header that HTTP does not allow.
func deliveryHeader(j *flow.Job, ev *flow.Event, p *prepared, id, contentType, userAgent string, at time.Time) (h http.Header, bad string) {
	w := &headers{h: make(http.Header, 16+len(p.headers))}
	for _, kv := range p.headers {
		if !reserved(kv.name) {
			w.set(kv.name, kv.value)
		}
	}
	var correlation, eventID, eventType string
	if t := j.Task; t != nil {
		correlation, eventType, eventID = t.CorrelationID, t.Code, t.EventID
		for name, value := range t.Headers {
			if !validHeader(name, value) {
				return nil, name
			}
			if name = http.CanonicalHeaderKey(name); !reserved(name) || name == "Traceparent" {
				w.set(name, value)
			}
		}
	}
	if ev != nil {
		correlation, eventType, eventID = ev.CorrelationID, ev.Type, ev.ID.String()
		w.set("Traceparent", ev.Traceparent)
	}
	w.set("Content-Type", contentType)
	w.set("User-Agent", userAgent)
	w.set("X-Flowcatalyst-Event-Id", eventID)
	w.set("X-Flowcatalyst-Event-Type", eventType)
	w.set("X-Flowcatalyst-Dispatch-Job-Id", id)
	w.set("X-Flowcatalyst-Subscription-Id", j.SubscriptionID)
	w.set("X-Flowcatalyst-Client-Id", j.ClientID)
	w.set("X-Flowcatalyst-Correlation-Id", correlation)
	w.set("X-Flowcatalyst-Attempt", strconv.Itoa(j.Attempts))
	if p.signer == nil || p.signer.Scheme() != "flowcatalyst" {
		// That scheme signs a timestamp under the very same name.
		w.set("X-Flowcatalyst-Timestamp", at.UTC().Format(isoMillis))
	}
	w.set("X-Flowcatalyst-Replay", j.ReplayID.String())
	return w.h, ""
}
