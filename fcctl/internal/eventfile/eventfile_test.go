package eventfile

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// Every way to write events comes to the same, with the lines where they are.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"one event":        {"\n{\"type\": \"a:b:c:d\",\n\"data\": {\"n\": 1}}", `2:a:b:c:d {"n": 1}`},
		"a list":           {"[\n{\"type\":\"a:b:c:d\"},\n\n{\"type\":\"a:b:c:e\"}]", `2:a:b:c:d 4:a:b:c:e`},
		"lines":            {"{\"type\":\"a:b:c:d\"}\n\n{\"type\":\"a:b:c:e\"}\n", `1:a:b:c:d 3:a:b:c:e`},
		"lists and events": {"[{\"type\":\"a:b:c:d\"}]\n[{\"type\":\"a:b:c:e\"}]", `1:a:b:c:d 2:a:b:c:e`},
		"nothing":          {" \n", ``},
		"other names":      {`{"event_type":"a:b:c:d","message_group":"g","data":1}`, `1:a:b:c:d 1 group=g`},
		"a CloudEvent":     {`{"specversion":"1.0","id":"7","source":"/s","type":"a:b:c:d","messagegroup":"g"}`, `1:a:b:c:d group=g dedup=/s 7`},
		"out of a server":  {`{"specVersion":"1.0","id":"7","source":"/s","type":"a:b:c:d","createdAt":"2026-01-01T00:00:00Z"}`, `1:a:b:c:d`},
		"no type":          {"{\"type\":\"a:b:c:d\"}\n{\"data\":1}", `1:a:b:c:d line 2: the event has no type`},
		"a wrong field":    {"\n{\"type\":7}", `line 2: type must not be a number`},
		"a bad line":       {"{\"type\":\"a:b:c:d\"}\n{\"type\" \"x\"}", `1:a:b:c:d line 2: invalid character '"' after object key`},
		"cut off":          {"{\"type\":\"a:b:c:d\"}\n{\"type\":", `1:a:b:c:d line 2: ends in the middle of an event`},
		"a list cut off":   {"[{\"type\":\"a:b:c:d\"},\n", `1:a:b:c:d line 2: ends in the middle of an event`},
		"no object":        {"{\"type\":\"a:b:c:d\"}\n12", `1:a:b:c:d line 2: is no event: an event is an object such as {"type": …, "data": …}`},
		"a bracket":        {"{\"type\":\"a:b:c:d\"}\n]", `1:a:b:c:d line 2: invalid character ']' looking for beginning of value`},
		"a mark":           {"\xef\xbb\xbf{\"type\":\"a:b:c:d\"}", `1:a:b:c:d`},
		"a mark and list":  {"\xef\xbb\xbf\n[{\"type\":\"a:b:c:d\"}]", `2:a:b:c:d`},
		"a wrong member":   {"{\"type\":\"a:b:c:d\"}\n{\"type\":\"a:b:c:d\",\"dta\":1}", `1:a:b:c:d line 2: an event has no "dta"; is it "data"?`},
		"a strange member": {`{"type":"a:b:c:d","quantity":1}`, `line 1: an event has no "quantity"; what is yours goes into "data" or "contextData"`},
		"an extension":     {`{"specversion":"1.0","id":"7","source":"/s","type":"a:b:c:d","dta":1}`, `1:a:b:c:d dedup=/s 7`},
		"as it was shown":  {`{"id":"7","type":"a:b:c:d","eventType":"a:b:c:d","projectedAt":"x","event_name":"d","createdAt":"2026-01-01T00:00:00Z"}`, `1:a:b:c:d`},
		"erased":           {`{"type":"a:b:c:d","expunged":true}`, `line 1: the data of this event was erased, so that it can not be published again`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for it, err := range Read(strings.NewReader(c.text)) {
				if err != nil {
					got = append(got, err.Error())
					continue
				}
				s := fmt.Sprintf("%d:%s", it.Line, it.Event.Type)
				if raw, is := it.Event.Data.(json.RawMessage); is {
					s += " " + string(raw)
				}
				if it.Event.MessageGroup != "" {
					s += " group=" + it.Event.MessageGroup
				}
				if it.Event.DeduplicationID != "" {
					s += " dedup=" + it.Event.DeduplicationID
				}
				got = append(got, s)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("read %s\nwant %s", s, c.want)
			}
		})
	}
}
