package api

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// appendEvent writes an event as the wire has it, without the closing brace.
// It is written by hand because each publish answers with one.
func appendEvent(b []byte, e *flow.Event) []byte {
	b = appendName(b, e)
	b = appendText(b, "eventType", e.Type)
	if e.Expunged {
		b = append(b, `,"expunged":true`...)
	}
	b = append(b, `,"data":`...)
	if len(e.Data) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, e.Data...)
	}
	b = appendText(b, "dataContentType", e.DataContentType)
	b = appendText(b, "specVersion", e.SpecVersion)
	b = appendOptional(b, "messageGroup", e.MessageGroup)
	b = appendOptional(b, "correlationId", e.CorrelationID)
	b = appendOptional(b, "causationId", e.CausationID)
	b = appendOptional(b, "deduplicationId", e.DeduplicationID)
	b = appendOptional(b, "clientId", e.ClientID)
	b = appendOptional(b, "traceparent", e.Traceparent)
	b = appendOptional(b, "cloudEventId", e.CloudEventID)
	if len(e.ContextData) > 0 {
		b = append(b, `,"contextData":[`...)
		for i, kv := range e.ContextData {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"key":`...)
			b = appendString(b, kv.Key)
			b = append(b, `,"value":`...)
			b = appendString(b, kv.Value)
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	return appendTime(b, "createdAt", e.CreatedAt)
}

// appendName begins an event.
func appendName(b []byte, e *flow.Event) []byte {
	b = append(b, `{"id":"`...)
	b = append(b, e.ID.String()...)
	b = append(b, '"')
	b = appendText(b, "type", e.Type)
	b = appendText(b, "source", e.Source)
	b = appendOptional(b, "subject", e.Subject)
	return appendTime(b, "time", e.Time)
}

// headOf is what names an event, and no more.
func headOf(e *flow.Event) json.RawMessage {
	b := appendName(make([]byte, 0, 384), e)
	b = appendOptional(b, "messageGroup", e.MessageGroup)
	b = appendOptional(b, "correlationId", e.CorrelationID)
	b = appendOptional(b, "clientId", e.ClientID)
	b = appendTime(b, "createdAt", e.CreatedAt)
	return append(b, '}')
}

// readEvent is an event as lists and single reads show it.
func readEvent(e *flow.Event) json.RawMessage {
	b := appendEvent(make([]byte, 0, len(e.Data)+768), e)
	b = appendTime(b, "projectedAt", e.CreatedAt)
	segments := strings.SplitN(e.Type, ":", 4)
	for i, name := range []string{"application", "subdomain", "aggregate", "eventName"} {
		if i < len(segments) {
			b = appendText(b, name, segments[i])
		}
	}
	return append(b, '}')
}

// appendPublished writes the answer to a publish: the event's fields, and
// what existing clients read besides.
func appendPublished(b []byte, e *flow.Event, duplicate bool, warnings []string) []byte {
	begin := len(b)
	b = appendEvent(b, e)
	end := len(b)
	b = append(b, `,"event":`...)
	b = append(b, b[begin:end]...)
	b = append(b, '}')
	b = appendTexts(b, "warnings", warnings)
	if duplicate {
		b = append(b, `,"isDuplicate":true,"duplicate":true,"dispatchJobCount":0}`...)
	} else {
		b = append(b, `,"isDuplicate":false,"duplicate":false,"dispatchJobCount":0}`...)
	}
	return append(b, '\n')
}

func appendText(b []byte, name, v string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return appendString(b, v)
}

func appendOptional(b []byte, name, v string) []byte {
	if v == "" {
		return b
	}
	return appendText(b, name, v)
}

// appendTexts writes a list that is not empty.
func appendTexts(b []byte, name string, vs []string) []byte {
	if len(vs) == 0 {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":[`...)
	for i, v := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, v)
	}
	return append(b, ']')
}

func appendTime(b []byte, name string, t time.Time) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":"`...)
	b = appendStamp(b, t.UTC())
	return append(b, '"')
}

// appendStamp writes a time in UTC as stampLayout has it.
func appendStamp(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(b, stampLayout)
	}
	hour, minute, second := t.Clock()
	b = appendTwo(b, year/100)
	b = appendTwo(b, year%100)
	b = appendTwo(append(b, '-'), int(month))
	b = appendTwo(append(b, '-'), day)
	b = appendTwo(append(b, 'T'), hour)
	b = appendTwo(append(b, ':'), minute)
	b = appendTwo(append(b, ':'), second)
	ms := t.Nanosecond() / 1e6
	b = appendTwo(append(b, '.', byte('0'+ms/100)), ms%100)
	return append(b, 'Z')
}

// appendTwo writes a number below 100 as two digits.
func appendTwo(b []byte, n int) []byte {
	return append(b, byte('0'+n/10), byte('0'+n%10))
}

// appendString writes a JSON string; most need no escape.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			q, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...) // a string always encodes
			}
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
