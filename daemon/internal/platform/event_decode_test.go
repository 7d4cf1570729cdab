package platform

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/flowcatalyst/fc/client/resource"
)

func TestDepth(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]int{
		`1`: 0, `"[[["`: 0, `[]`: 1, `{"a":[{}]}`: 3, `[1,[2],[[3]]]`: 3, `{"\"[":"]{\\"}`: 1, `["\\\\",[]]`: 2,
	} {
		if got := depth([]byte(doc)); got != want {
			t.Errorf("%s nests %d deep, want %d", doc, got, want)
		}
	}
}

func TestTheLimitsAreWhereTheySayTheyAre(t *testing.T) {
	t.Parallel()
	with := func(member string) []byte { return []byte(`{"type":"a:b:c:d",` + member + `}`) }
	text := func(n int) string { return strings.Repeat("x", n) }
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	pairs := func(n int) string {
		return `"contextData":[` + strings.TrimSuffix(strings.Repeat(`{"key":"k","value":"v"},`, n), ",") + `]`
	}
	for name, c := range map[string]struct{ good, bad string }{
		"data":    {`"data":"` + text(MaxData-2) + `"`, `"data":"` + text(MaxData-1) + `"`},
		"depth":   {`"data":` + nest(maxDepth), `"data":` + nest(maxDepth+1)},
		"subject": {`"subject":"` + text(maxText) + `"`, `"subject":"` + text(maxText+1) + `"`},
		"pairs":   {pairs(maxContext), pairs(maxContext + 1)},
		"value":   {`"contextData":[{"key":"k","value":"` + text(maxPairValue) + `"}]`, `"contextData":[{"key":"k","value":"` + text(maxPairValue+1) + `"}]`},
		"client":  {`"clientId":"` + text(64) + `"`, `"clientId":"` + text(65) + `"`},
	} {
		if d := DecodeEvent(with(c.good), false); len(d.Problems) > 0 {
			t.Errorf("%s: at the limit: %v", name, d.Problems)
		}
		if d := DecodeEvent(with(c.bad), false); len(d.Problems) != 1 {
			t.Errorf("%s: beyond the limit: %v", name, d.Problems)
		}
	}
}

func TestTypesAreCheckedAsInResources(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		segments := rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z0-9_.:é-]{0,3}|[a-z][a-z_.-]{1,60}`), 3, 5).Draw(t, "segments")
		v := strings.Join(segments, ":")
		if got, want := checkType(v), resource.CheckEventType(v); got != want {
			t.Fatalf("%q %s, want %s", v, got, want)
		}
	})
}

// FuzzDecodeEvent: whatever comes, what is accepted can be stored and
// delivered, and what is not is refused with a sentence.
func FuzzDecodeEvent(f *testing.F) {
	for _, seed := range []string{
		`{"type":"a:b:c:d","data":{"x":1}}`, `{"event_type":"a:b:c:d","data":"{\"a\":[1]}"}`, `{"id":"r","payload":{"type":"a:b:c:d"}}`,
		`{"id":1,"payload":"{\"type\":\"a:b:c:d\"}"}`, `{"specversion":"1.0","id":"1","source":"/s","type":"a:b:c:d"}`, `{"type":"a:b:c:d","time":"2026-01-02T03:04:05+01:00"}`,
		`[]`, `null`, `{}`, `{"type":"a:b:c:d","contextData":[{"key":"","value":null}]}`, `{"type":"a:b:c:d","data":"\ud800"}`, "{\"type\":\"a:b:c:d\",\"data\":\"\xff\"}",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, cloudEvent bool) {
		d := DecodeEvent(body, cloudEvent)
		for _, p := range d.Problems {
			if p.Field == "" || p.Detail == "" {
				t.Errorf("a problem without a name or a sentence: %+v", p)
			}
		}
		if len(d.Problems) > 0 {
			return
		}
		e := d.Event
		if resource.CheckEventType(e.Type) != "" || !json.Valid(e.Data) || !utf8.Valid(e.Data) || len(e.Data) > MaxData || e.Source == "" || e.SpecVersion == "" {
			t.Errorf("accepted: %+v", e)
		}
		for _, v := range []string{e.Source, e.Subject, e.MessageGroup, e.CorrelationID, e.CausationID, e.DeduplicationID, e.Traceparent, e.CloudEventID} {
			if strings.ContainsAny(v, "\r\n\x00") || !utf8.ValidString(v) {
				t.Errorf("accepted a text that no header can carry: %q", v)
			}
		}
		if cloudEvent && (e.CloudEventID == "" || e.DeduplicationID == "") {
			t.Errorf("accepted a CloudEvent without an id: %+v", e)
		}
	})
}

func FuzzDecodeTask(f *testing.F) {
	for _, seed := range []string{
		`{"code":"a","targetUrl":"https://hooks.example.com","payload":"x"}`, `{"id":"r","payload":{"code":"a"}}`, `{"id":"r","payload":"{\"code\":7}"}`,
		`{"code":"a","scheduledFor":"x"}`, `{"retrySchedule":["1m",2]}`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := DecodeTask(body, "key")
		for _, p := range d.Problems {
			if p.Field == "" || p.Detail == "" {
				t.Errorf("a problem without a name or a sentence: %+v", p)
			}
		}
		if len(d.Problems) == 0 {
			d.wire.check()
			d.wire.policy()
		}
	})
}
