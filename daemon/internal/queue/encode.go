package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the message's body to b. It writes what json.Marshal
// would, without reflection: every message of the hot path passes here once.
func (m *Message) AppendJSON(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, m.ID)
	b = appendOptional(b, `,"jobId":`, m.JobID)
	if m.Ticket != 0 {
		b = append(b, `,"ticket":`...)
		b = strconv.AppendInt(b, m.Ticket, 10)
	}
	b = append(b, `,"poolCode":`...)
	b = appendString(b, m.PoolCode)
	b = append(b, `,"mediationType":`...)
	b = appendString(b, m.MediationType)
	b = append(b, `,"mediationTarget":`...)
	b = appendString(b, m.MediationTarget)
	b = appendOptional(b, `,"messageGroupId":`, m.MessageGroupID)
	b = append(b, `,"highPriority":`...)
	b = strconv.AppendBool(b, m.HighPriority)
	b = appendOptional(b, `,"dispatchMode":`, m.DispatchMode)
	if len(m.Payload) > 0 {
		b = append(b, `,"payload":`...)
		b = appendString(b, m.Payload)
	}
	if len(m.Headers) > 0 {
		b = append(b, `,"headers":`...)
		b = appendMap(b, m.Headers)
	}
	b = appendOptional(b, `,"clientId":`, m.ClientID)
	b = appendOptional(b, `,"connectionId":`, m.ConnectionID)
	b = appendOptional(b, `,"subscriptionId":`, m.SubscriptionID)
	b = appendOptional(b, `,"replayId":`, m.ReplayID)
	b = appendOptional(b, `,"authToken":`, string(m.AuthToken))
	b = appendOptional(b, `,"signingSecret":`, string(m.SigningSecret))
	return append(b, '}')
}

// Decode reads a message body. The error says why no receiver could use it; a
// backend then hands the message out with Received.Err and Raw.
func Decode(body []byte) (Message, error) {
	var m Message
	if err := json.Unmarshal(body, &m); err != nil {
		var field *json.UnmarshalTypeError
		if errors.As(err, &field) {
			// The standard text names Go types; the sender knows only JSON.
			return Message{ID: m.ID}, fmt.Errorf("decode message: %q cannot be a %s", field.Field, field.Value)
		}
		return Message{}, fmt.Errorf("decode message: %w", err)
	}
	if err := m.Validate(); err != nil {
		return Message{ID: m.ID}, fmt.Errorf("decode message: %w", err)
	}
	return m, nil
}

func appendOptional(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, name...)
	return appendString(b, value)
}

func appendMap(b []byte, m map[string]string) []byte {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
		b = append(b, ':')
		b = appendString(b, m[name])
	}
	return append(b, '}')
}

const hex = "0123456789abcdef"

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

func appendString[T string | []byte | Payload](b []byte, s T) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r == utf8.RuneError && n == 1 {
				b = append(b, s[start:i]...)
				b = append(b, `\ufffd`...)
				i++
				start = i
				continue
			}
			i += n
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
