package view

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client"
)

// hostile is a name that would write into the title, clear the screen, say so
// in C1, and turn the rest round.
const hostile = "a\x1b]0;t\ab\x1b[2Jc\u009b2Jd\u202ee\u2066f\x1b[32mg\rh\u061c"

// What comes from elsewhere can colour nothing, and tells a terminal nothing.
func TestWhatATerminalWouldObeyIsNotShown(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		ink := NewInk(on)
		e := &client.Event{ID: hostile, Type: hostile, Source: hostile, Data: []byte(`"\u202e` + "\u009b" + `"`), ContextData: []client.KeyValue{{Key: hostile, Value: hostile}}}
		j := client.Job{ID: hostile, Status: hostile, Code: hostile, LastError: hostile, Reason: hostile, Payload: hostile, TargetURL: hostile, MessageGroup: hostile}
		trace := Trace{Event: *e, Subscriptions: []client.Verdict{{Code: hostile, Detail: hostile, Value: hostile}},
			Jobs: []TracedJob{{Job: j, Why: hostile, Attempts: []client.Attempt{{ErrorMessage: hostile, Verdict: hostile}}}}, Unseen: []string{hostile}}
		for name, text := range map[string]string{
			"event": Event(e, ink), "events": Events([]client.Event{*e}, ink), "line": EventLine(*e, ink), "job": Job(&j, ink), "jobs": Jobs([]client.Job{j}, ink),
			"job line": JobLine(j, ink), "trace": trace.Text(ink), "handed": Handed{Event: e, Answer: hostile}.Text(ink), "body": Body([]byte(`"` + "\u009b" + `"`)),
			"delivery": Delivery{EventType: hostile, Group: hostile, Signature: hostile, Body: json.RawMessage(`"` + "\u009b\u202e" + `"`)}.Text("raw", ink),
		} {
			for _, bad := range []string{"\x1b]", "\x1b[2J", "\u009b", "\u202e", "\u2066", "\u061c", "\a", "\r"} {
				if shown := ink.Shown(text); strings.Contains(shown, bad) {
					t.Errorf("%s, ink %v: %q in %q", name, on, bad, shown)
				}
			}
		}
	}
	if s := NewInk(true).Shown(NewInk(true).Red("x") + hostile); !strings.HasPrefix(s, "\x1b[31mx\x1b[0ma·]0;t·b·[2Jc") {
		t.Errorf("shown %q", s)
	}
	if s := NewInk(false).Shown("a\tb\nc"); s != "a\tb\nc" {
		t.Errorf("shown %q", s)
	}
	if s := string(EscapeJSON([]byte("\"\u009b2J\u202e é\""))); s != `"\u009b2J\u202e é"` {
		t.Errorf("escaped %s", s)
	}
}
