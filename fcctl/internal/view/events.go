package view

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
)

// Events is a table of events.
func Events(es []client.Event, ink Ink) string {
	t := table{head: []string{"ID", "TYPE", "SOURCE", "SUBJECT", "GROUP", "CLIENT", "TIME"}}
	for _, e := range es {
		t.row(plain(e.ID), plain(e.Type), plain(e.Source), plain(e.Subject), plain(e.MessageGroup), plain(e.ClientID), plain(clock(e.Time)))
	}
	return t.String(ink)
}

// EventLine is an event as it comes.
func EventLine(e client.Event, ink Ink) string {
	return strings.Join([]string{ink.Dim(clock(e.Time)), e.ID, e.Type, first(e.Subject, e.Source), e.MessageGroup}, "  ")
}

// Event is everything about one event.
func Event(e *client.Event, ink Ink) string {
	var f facts
	f.add("id", e.ID)
	f.add("type", e.Type)
	f.add("source", e.Source)
	f.add("subject", e.Subject)
	f.add("time", clock(e.Time))
	f.add("accepted", clock(e.CreatedAt))
	f.add("group", e.MessageGroup)
	f.add("client", e.ClientID)
	f.add("correlation", e.CorrelationID)
	f.add("causation", e.CausationID)
	f.add("deduplication", e.DeduplicationID)
	f.add("traceparent", e.Traceparent)
	for _, kv := range e.ContextData {
		f.add("context "+kv.Key, kv.Value)
	}
	f.add("data", Pretty(e.Data))
	return f.String(ink)
}

// Outcome is what became of one published event.
type Outcome struct {
	Number int    `json:"number"` // of the event in the input, from 1
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	client.BatchResult
}

// Where is the file and the line, for people.
func (o Outcome) Where() string {
	if o.File == "" {
		return ""
	}
	return o.File + ":" + strconv.Itoa(o.Line)
}

// Published is a table of what became of published events, in their order.
func Published(os []Outcome, ink Ink) string {
	t := table{head: []string{"#", "ID", "STATUS", "WHERE", "NOTE", "ERROR"}}
	for _, o := range os {
		note := strings.Join(o.Warnings, "; ")
		if o.Duplicate {
			note = "published before"
		}
		t.row(plain(strconv.Itoa(o.Number)), plain(o.ID), cell{o.Status, ink.status}, plain(o.Where()), plain(Short(note, 60)), plain(o.Error))
	}
	return t.String(ink)
}

// What would become of an event that is checked and not published.
const (
	Valid      = "valid"      // its data fits the schema in force
	Unchecked  = "unchecked"  // it would be accepted, and its data held against nothing
	Undeclared = "undeclared" // nobody declared its type
	Warned     = "warned"     // it would be accepted with a warning
	Refused    = "refused"
)

// Checked is what would become of one event.
type Checked struct {
	Number   int                `json:"number"` // of the event in the input, from 1
	File     string             `json:"file,omitempty"`
	Line     int                `json:"line,omitempty"`
	Type     string             `json:"type"`
	Verdict  string             `json:"verdict"`
	Of       string             `json:"eventTypeId,omitempty"` // whose schema it was held against
	Version  string             `json:"version,omitempty"`     // of that schema
	Problems []resource.Problem `json:"problems"`
}

// Worse are those of which a person should know.
func Worse(cs []Checked) []Checked {
	return slices.DeleteFunc(slices.Clone(cs), func(c Checked) bool { return c.Verdict == Valid || c.Verdict == Unchecked })
}

// CheckedEvents is a table of what would become of events, in their order.
func CheckedEvents(cs []Checked, ink Ink) string {
	t := table{head: []string{"#", "TYPE", "VERDICT", "WHERE", "WHY"}}
	colours := map[string]func(string) string{Valid: ink.Green, Warned: ink.Yellow, Undeclared: ink.Yellow, Refused: ink.Red}
	for _, c := range cs {
		why := ""
		switch c.Verdict {
		case Undeclared:
			why = "a server takes, warns of or refuses such types as it is configured"
		case Unchecked:
			why = "its type has no schema in force, or its validation is off"
		}
		for i, p := range c.Problems {
			if i > 0 {
				why += "; "
			}
			why += p.Field + " " + p.Detail
		}
		t.row(plain(strconv.Itoa(c.Number)), plain(c.Type), cell{c.Verdict, colours[c.Verdict]}, plain(Outcome{File: c.File, Line: c.Line}.Where()), plain(Short(why, 120)))
	}
	return t.String(ink)
}

// Explanation says which subscriptions an event went to and why not to the
// others.
func Explanation(x *client.Explanation, ink Ink) string {
	if len(x.Subscriptions) == 0 {
		return "No subscription could have matched this event.\n"
	}
	t := table{head: []string{"SUBSCRIPTION", "MATCHED", "CLAUSE", "WHY", "VALUE"}}
	for _, v := range x.Subscriptions {
		matched := cell{"yes", ink.Green}
		if !v.Matched {
			matched = cell{"no", ink.Yellow}
		}
		name := v.Code
		if name == "" {
			name = v.SubscriptionID
		}
		t.row(plain(name), matched, plain(v.Clause), plain(Short(v.Detail, 120)), plain(Short(v.Value, 40)))
	}
	return t.String(ink)
}

// Pretty indents JSON and leaves what is not JSON as it is.
func Pretty(b []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, b, "", "  ") != nil {
		return string(b)
	}
	return unescaped(out.String())
}

// unescaped takes back what package json does to text for the sake of HTML: a
// filter reads "data.total > 100.0".
func unescaped(s string) string {
	if !strings.Contains(s, `\u00`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+6 <= len(s) {
			if plain, is := map[string]byte{`\u003c`: '<', `\u003e`: '>', `\u0026`: '&'}[s[i:i+6]]; is {
				b.WriteByte(plain)
				i += 5
				continue
			}
		}
		b.WriteString(s[i : i+2]) // an escaped backslash is not one that escapes
		i++
	}
	return b.String()
}
