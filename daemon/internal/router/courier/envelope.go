package courier

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

const isoMillis = "2006-01-02T15:04:05.000Z"

const jsonType = "application/json"

// content is the body of a delivery and its content type. The data of an
// event passes as the bytes that were published; nothing is decoded. What has
// to be put together is appended to b.
func content(b []byte, j *flow.Job, ev *flow.Event, id string, dataOnly bool) (body []byte, contentType string) {
	switch {
	case ev != nil && dataOnly:
		return ev.Data, orJSON(ev.DataContentType)
	case ev != nil:
		return eventEnvelope(b, j, ev, id), jsonType
	case j.Task == nil:
		return append(b, "null"...), jsonType
	case j.Task.DataOnly:
		return append(b, j.Task.Payload...), orJSON(j.Task.PayloadContentType)
	}
	return taskEnvelope(b, j, id), jsonType
}

func orJSON(t string) string {
	if t == "" {
		return jsonType
	}
	return t
}

func eventEnvelope(b []byte, j *flow.Job, ev *flow.Event, id string) []byte {
	b = slices.Grow(b, len(ev.Data)+448+len(ev.Type)+len(ev.Source)+len(ev.Subject)+len(ev.MessageGroup)+len(ev.CorrelationID)+len(ev.CausationID))
	b = append(b, `{"id":"`...)
	b = append(b, ev.ID.String()...)
	b = append(b, `","type":`...)
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
func taskEnvelope(b []byte, j *flow.Job, id string) []byte {
	t := j.Task
	b = slices.Grow(b, len(t.Payload)+448)
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
func appendString[T string | []byte](b []byte, s T) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			quoted, err := json.Marshal(string(s))
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
