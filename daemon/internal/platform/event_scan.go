package platform

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// Events are read in one pass that knows their fields, since this is what the
// platform does all day. It must read each event as encoding/json reads a
// wireEvent, or give up: then encoding/json has its turn, and its say about
// what is wrong.

// The texts of an event, under all their names.
const (
	textType = iota
	textSource
	textSubject
	textTime
	textDataContentType
	textSpecVersion
	textMessageGroup
	textCorrelationID
	textCausationID
	textDeduplicationID
	textClientID
	textTraceparent
	textEventType
	textSnakeEventType
	textSnakeContentType
	textSnakeSpecVersion
	textSnakeMessageGroup
	textSnakeCorrelation
	textSnakeCausation
	textSnakeDedup
	textSnakeClient
	texts
	// What follows is not a text.
	memberID
	memberData
	memberDataBase64
	memberPayload
	memberContext
	memberSnakeContext
	memberOther
)

// longestName is the length of data_content_type, the longest name.
const longestName = 17

// memberOf finds a member by its name in whatever case.
func memberOf(name []byte) int {
	if len(name) > longestName {
		return memberOther
	}
	var lower [longestName]byte
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(name)]) {
	case "id":
		return memberID
	case "type":
		return textType
	case "source":
		return textSource
	case "subject":
		return textSubject
	case "time":
		return textTime
	case "data":
		return memberData
	case "data_base64":
		return memberDataBase64
	case "payload":
		return memberPayload
	case "datacontenttype":
		return textDataContentType
	case "data_content_type":
		return textSnakeContentType
	case "specversion":
		return textSpecVersion
	case "spec_version":
		return textSnakeSpecVersion
	case "messagegroup":
		return textMessageGroup
	case "message_group":
		return textSnakeMessageGroup
	case "correlationid":
		return textCorrelationID
	case "correlation_id":
		return textSnakeCorrelation
	case "causationid":
		return textCausationID
	case "causation_id":
		return textSnakeCausation
	case "deduplicationid":
		return textDeduplicationID
	case "deduplication_id":
		return textSnakeDedup
	case "clientid":
		return textClientID
	case "client_id":
		return textSnakeClient
	case "contextdata":
		return memberContext
	case "context_data":
		return memberSnakeContext
	case "traceparent":
		return textTraceparent
	case "eventtype":
		return textEventType
	case "event_type":
		return textSnakeEventType
	}
	return memberOther
}

// ascii is false for names that only Unicode's rules could match: the long s
// is an s to encoding/json.
func ascii(name []byte) bool {
	for _, c := range name {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// scanned is an event as it was found: parts of the body, not yet copied.
type scanned struct {
	text                          [texts][]byte
	id, data, dataBase64, payload []byte
	context, snakeContext         []flow.KeyValue
}

// scanObject reads the object that begins at i and returns where it ends, or
// -1 if encoding/json must read it.
func (s *scanned) scanObject(b []byte, i int) int {
	if i = walkSpace(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		name, plain, at := walkName(b, i)
		if at < 0 || at >= len(b) || !plain || !ascii(name) {
			return -1
		}
		if i = s.scanMember(b, at, memberOf(name)); i < 0 {
			return -1
		}
		if i = walkSpace(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
			i = walkSpace(b, i+1)
		default:
			return -1
		}
	}
}

// scanMember reads the value at i. A name that comes again replaces what came
// before, except by a null text.
func (s *scanned) scanMember(b []byte, i, member int) int {
	if member < texts && b[i] == '"' {
		end, plain := walkText(b, i)
		switch {
		case end < 0:
			return -1
		case !plain:
			s.text[member] = unescaped(b[i:end])
		case !utf8.Valid(b[i+1 : end-1]):
			return -1 // encoding/json mends it
		default:
			s.text[member] = b[i+1 : end-1]
		}
		return end
	}
	end := walkValue(b, i)
	if end < 0 {
		return -1
	}
	raw := b[i:end:end]
	switch member {
	case memberID:
		s.id = raw
	case memberData:
		s.data = raw
	case memberDataBase64:
		s.dataBase64 = raw
	case memberPayload:
		s.payload = raw
	case memberContext:
		return scanContext(&s.context, raw, end)
	case memberSnakeContext:
		return scanContext(&s.snakeContext, raw, end)
	case memberOther:
	default:
		if b[i] != 'n' {
			return -1 // a text of the wrong type
		}
	}
	return end
}

// scanContext decodes pairs onto those of an earlier member of the same name,
// as encoding/json does.
func scanContext(onto *[]flow.KeyValue, raw []byte, end int) int {
	pairs := *onto
	if json.Unmarshal(raw, &pairs) != nil {
		return -1
	}
	*onto = pairs
	return end
}

// event copies the texts out of the body, all with one allocation: they live
// as long as the event does. What else it returns is still the body's.
func (s *scanned) event() wireEvent {
	size := 0
	for _, t := range s.text {
		size += len(t)
	}
	var own strings.Builder
	own.Grow(size)
	for _, t := range s.text {
		own.Write(t)
	}
	rest := own.String()
	var text [texts]string
	for i, t := range s.text {
		text[i], rest = rest[:len(t)], rest[len(t):]
	}
	return wireEvent{
		ID: s.id, Data: s.data, DataBase64: s.dataBase64, Payload: s.payload,
		ContextData: s.context, SnakeContext: s.snakeContext, shallow: true,

		Type: text[textType], EventType: text[textEventType], SnakeEventType: text[textSnakeEventType],
		Source: text[textSource], Subject: text[textSubject], Time: text[textTime], Traceparent: text[textTraceparent],
		DataContentType: text[textDataContentType], SnakeContentType: text[textSnakeContentType],
		SpecVersion: text[textSpecVersion], SnakeSpecVersion: text[textSnakeSpecVersion],
		MessageGroup: text[textMessageGroup], SnakeMessageGroup: text[textSnakeMessageGroup],
		CorrelationID: text[textCorrelationID], SnakeCorrelation: text[textSnakeCorrelation],
		CausationID: text[textCausationID], SnakeCausation: text[textSnakeCausation],
		DeduplicationID: text[textDeduplicationID], SnakeDedup: text[textSnakeDedup],
		ClientID: text[textClientID], SnakeClient: text[textSnakeClient],
	}
}

// scanEvent reads a body that is one event, or gives up.
func scanEvent(b []byte) (wireEvent, bool) {
	i := walkSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return wireEvent{}, false
	}
	var s scanned
	if end := s.scanObject(b, i); end < 0 || walkSpace(b, end) != len(b) {
		return wireEvent{}, false
	}
	return s.event(), true
}
