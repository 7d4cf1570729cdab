package match

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/flowcatalyst/fc/client/resource"
)

var words = []string{"orders", "billing", "a", "b", "shipped"}

func drawType(t *rapid.T, label string, wild bool) string {
	choice := words
	if wild {
		choice = append([]string{"*", "*", "*"}, words...)
	}
	parts := make([]string, 4)
	for i := range parts {
		parts[i] = rapid.SampledFrom(choice).Draw(t, fmt.Sprintf("%s %d", label, i))
	}
	return strings.Join(parts, ":")
}

// TestTheIndexAgreesWithAScan compares Match with asking every subscription,
// and with Explain.
func TestTheIndexAgreesWithAScan(t *testing.T) {
	t.Parallel()
	clients := []string{"", "", "clt_A", "clt_B"}
	rapid.Check(t, func(t *rapid.T) {
		var subs []*resource.Subscription
		for i := range rapid.IntRange(0, 30).Draw(t, "subscriptions") {
			sub := &resource.Subscription{Code: fmt.Sprintf("s%d", i)}
			sub.ClientID = rapid.SampledFrom(clients).Draw(t, "client")
			sub.Status = rapid.SampledFrom([]string{"ACTIVE", "ACTIVE", "PAUSED", "ARCHIVED"}).Draw(t, "status")
			for range rapid.IntRange(1, 3).Draw(t, "bindings") {
				sub.EventTypes = append(sub.EventTypes, resource.Binding{
					EventTypeCode: drawType(t, "pattern", true),
					Filter: resource.Filter(rapid.SampledFrom([]string{"", "", "", "data.n > 5", "data.n <= 5",
						`{"path":"n","operator":"LESS_THAN","value":3}`, "data.missing == 1", "not a filter"}).Draw(t, "filter")),
				})
			}
			subs = append(subs, sub)
		}
		set, _ := Compile(subs)
		for range 5 {
			n := rapid.IntRange(0, 9).Draw(t, "n")
			e := &Event{Type: drawType(t, "type", false), ClientID: rapid.SampledFrom(clients).Draw(t, "event client"),
				Data: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))}
			var want []*resource.Subscription
			for _, sub := range subs {
				if scan(e, n, sub) {
					want = append(want, sub)
				}
				if v := set.Explain(e, sub); v.Matched != scan(e, n, sub) || v.Matched != (v.Clause == "") || v.Detail == "" {
					t.Fatalf("%s %s %+v is explained as %+v", e.Type, e.ClientID, sub, v)
				}
			}
			if got := set.Match(e, nil); codes(got) != codes(want) {
				t.Fatalf("%s of %q: matched %q, a scan finds %q", e.Type, e.ClientID, codes(got), codes(want))
			}
		}
	})
}

// scan is the rule in its plainest words, written without the package.
func scan(e *Event, n int, sub *resource.Subscription) bool {
	if sub.ClientID != "" && sub.ClientID != e.ClientID || sub.Status == "ARCHIVED" {
		return false
	}
	yes := false
	for _, b := range sub.EventTypes {
		if b.Filter == "not a filter" {
			return false
		}
		covered := true
		types := strings.Split(e.Type, ":")
		for i, p := range strings.Split(b.EventTypeCode, ":") {
			covered = covered && (p == "*" || p == types[i])
		}
		filtered := true
		switch b.Filter {
		case "data.n > 5":
			filtered = n > 5
		case "data.n <= 5":
			filtered = n <= 5
		case "data.missing == 1":
			filtered = false
		case `{"path":"n","operator":"LESS_THAN","value":3}`:
			filtered = n < 3
		}
		yes = yes || covered && filtered
	}
	return yes
}

func FuzzCheckFilter(f *testing.F) {
	for _, s := range []string{"", "data.total > 100", "data.items.exists(i, i.n == 1)", "source.matches('a+')",
		`{"path":"$.a[0]['b'].*","operator":"IN","value":[1]}`, `[{"path":"a","operator":"EXISTS"}]`, "{", "[", "[1].all(x, x", "\"", "\x00", "data.a[b", "((((", "1e999"} {
		f.Add(s)
	}
	e := event()
	f.Fuzz(func(t *testing.T, s string) {
		err := CheckFilter(resource.Filter(s))
		sub := subscription("s", "*:*:*:*", resource.Filter(s))
		set, problems := Compile([]*resource.Subscription{sub})
		if (err == nil) != (len(problems) == 0) {
			t.Fatalf("CheckFilter says %v, Compile %v", err, problems)
		}
		got := len(set.Match(e, nil)) == 1
		if err != nil && (got || err.Error() == "") {
			t.Fatalf("matched with a filter that does not compile: %v", err)
		}
		if v := set.Explain(e, sub); v.Matched != got {
			t.Fatalf("matched %v and explained as %+v", got, v)
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("orders:*:shipment:*", "orders:a:shipment:b")
	f.Add("*:*:*:*", "a:b:c:d:e")
	f.Add(":::", "a:b:c")
	f.Fuzz(func(t *testing.T, pattern, eventType string) {
		sub := subscription("s", pattern, "")
		set, problems := Compile([]*resource.Subscription{sub})
		if valid := resource.CheckPattern(pattern) == ""; valid != (len(problems) == 0) {
			t.Fatalf("CheckPattern says %v, Compile %v", valid, problems)
		}
		e := &Event{Type: eventType}
		got := len(set.Match(e, nil)) == 1
		if got != set.Explain(e, sub).Matched {
			t.Fatalf("matched %v and explained as %+v", got, set.Explain(e, sub))
		}
		if got && strings.Count(eventType, ":") != 3 {
			t.Fatal("matched an event type without four segments")
		}
		if pattern == eventType && resource.CheckEventType(eventType) == "" && !got {
			t.Fatal("an event type does not match itself")
		}
	})
}

// thousands is a realistic house: most subscriptions name one aggregate of
// one client, some see everything of an application.
func thousands(n int, filter resource.Filter) []*resource.Subscription {
	r := rand.New(rand.NewPCG(1, 2))
	subs := make([]*resource.Subscription, n)
	for i := range subs {
		pattern := fmt.Sprintf("app%d:sub%d:agg%d:*", r.IntN(50), r.IntN(10), r.IntN(10))
		if i%1000 == 0 {
			pattern = fmt.Sprintf("app%d:*:*:*", r.IntN(50))
		}
		subs[i] = subscription(fmt.Sprint(i), pattern, filter)
		if i%2 == 0 {
			subs[i].ClientID = fmt.Sprintf("clt_%d", i%100)
		}
	}
	return subs
}

func benchmarkMatch(b *testing.B, subs []*resource.Subscription) {
	set, problems := Compile(subs)
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	events := make([]*Event, 256)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range events {
		events[i] = &Event{Type: fmt.Sprintf("app%d:sub%d:agg%d:done", r.IntN(50), r.IntN(10), r.IntN(10)),
			ClientID: fmt.Sprintf("clt_%d", r.IntN(100)), Data: json.RawMessage(`{"total": 120, "note": "` + strings.Repeat("x", 900) + `"}`)}
	}
	var dst []*resource.Subscription
	matched := 0
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		dst = set.Match(events[i%len(events)], dst[:0])
		matched += len(dst)
		i++
	}
	b.ReportMetric(float64(matched)/float64(b.N), "matches/op")
}

func BenchmarkMatch10000(b *testing.B) { benchmarkMatch(b, thousands(10_000, "")) }
func BenchmarkMatch10000WithFilter(b *testing.B) {
	benchmarkMatch(b, thousands(10_000, "data.total > 100.0"))
}
func BenchmarkMatch10000Structured(b *testing.B) {
	benchmarkMatch(b, thousands(10_000, `{"path":"$.total","operator":"GREATER_THAN","value":100}`))
}

func BenchmarkCompile10000(b *testing.B) {
	subs := thousands(10_000, "")
	for i := range subs {
		subs[i].EventTypes[0].Filter = resource.Filter(fmt.Sprintf("data.total > %d", i))
	}
	set, _ := Compile(subs)
	b.ReportAllocs()
	for b.Loop() {
		set, _ = set.Recompile(subs)
	}
}
