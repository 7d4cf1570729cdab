package match

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

func event(mutate ...func(*Event)) *Event {
	e := &Event{
		ID: "7", Type: "orders:fulfillment:shipment:shipped", Source: "/shop/berlin", Subject: "order-17",
		Time: time.Date(2026, 1, 2, 15, 4, 5, 678e6, time.UTC), ClientID: "clt_A", MessageGroup: "order-17",
		Data:        json.RawMessage(`{"total": 120, "price": 99.5, "vip": true, "note": null, "customer": {"country": "DE", "first name": "Ada"}, "items": [{"sku": "a-1", "n": 2}, {"sku": "b-2", "n": 40}], "tags": ["new", "eu"]}`),
		ContextData: []resource.KeyValue{{Key: "region", Value: "eu"}},
	}
	for _, m := range mutate {
		m(e)
	}
	return e
}

func subscription(code, pattern string, filter resource.Filter) *resource.Subscription {
	return &resource.Subscription{Code: code, Status: resource.SubscriptionActive,
		EventTypes: []resource.Binding{{EventTypeCode: pattern, Filter: filter}}}
}

func codes(subs []*resource.Subscription) string {
	var cs []string
	for _, s := range subs {
		cs = append(cs, s.Code)
	}
	return strings.Join(cs, " ")
}

func TestFilters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		filter resource.Filter
		want   bool
		seen   string // part of Explain's value
	}{
		{"", true, ""},
		{"  ", true, ""},
		{"data.total > 100", true, "data.total = 120"},
		{"data.total > 100.0", true, ""},
		{"data.price > 99", true, ""},
		{"data.total == 120", true, ""},
		{"data.total == 120.0", true, ""},
		{"data.total in [1, 120]", true, ""},
		{"data.total < 100", false, "data.total = 120"},
		{"data.total > 100.0 && source.startsWith('/shop')", true, `source = "/shop/berlin"`},
		{"data.total > 500.0 && source.startsWith('/shop')", false, "data.total = 120"},
		{"data.vip == true", true, ""},
		{"data.note == null", true, "data.note = null"},
		{"has(data.missing) && data.missing > 1", false, ""},
		{"data.items.exists(i, i.n > 30)", true, ""},
		{"data.items.all(i, i.n > 30)", false, "data.items = "},
		{"data.items[0].sku == 'a-1'", true, ""},
		{"size(data.tags) == 2 && 'eu' in data.tags", true, ""},
		{"type.endsWith(':shipped') && subject == messageGroup", true, ""},
		{"clientId == 'clt_A'", true, ""},
		{"context.region == 'eu'", true, `context.region = "eu"`},
		{"context['region'] == 'us'", false, ""},
		{"'nothing' in context", false, ""},
		{"time > timestamp('2026-01-01T00:00:00Z') && time.getHours() == 15", true, "time = 2026-01-02T15:04:05.678Z"},
		{"data.customer.country.matches('^D')", true, ""},
		{"[data.total] == [120]", true, ""},
		{"{'a': data.total}.exists(k, k == 'a')", true, ""},

		{`{"path":"$.total","operator":"EQUALS","value":120.0}`, true, "$.total = 120"},
		{`{"path":"$.total","operator":"NOT_EQUALS","value":120}`, false, "$.total = 120"},
		{`{"path":"$.total","operator":"GREATER_THAN","value":119.9}`, true, ""},
		{`{"path":"$.total","operator":"GREATER_THAN","value":120}`, false, ""},
		{`{"path":"$.total","operator":"GREATER_THAN_OR_EQUALS","value":120}`, true, ""},
		{`{"path":"$.total","operator":"greater_than_or_equal","value":121}`, false, ""},
		{`{"path":"$.total","operator":"LESS_THAN","value":120}`, false, ""},
		{`{"path":"$.total","operator":"LESS_THAN_OR_EQUALS","value":120}`, true, ""},
		{`{"path":"$.total","operator":"GREATER_THAN","value":"100"}`, false, ""},
		{`{"path":"$.customer.country","operator":"GREATER_THAN","value":"DA"}`, true, ""},
		{`{"path":"$.customer.country","operator":"IN","value":["AT","DE"]}`, true, ""},
		{`{"path":"$.customer.country","operator":"NOT_IN","value":["AT","DE"]}`, false, ""},
		{`{"path":"$.customer.country","operator":"STARTS_WITH","value":"D"}`, true, ""},
		{`{"path":"$.customer.country","operator":"ENDS_WITH","value":"D"}`, false, ""},
		{`{"path":"$.customer['first name']","operator":"REGEX","value":"^A.a$"}`, true, ""},
		{`{"path":"$.customer.country","operator":"MATCHES","value":"^E"}`, false, ""},
		{`{"path":"$.customer.country","operator":"CONTAINS","value":"E"}`, true, ""},
		{`{"path":"$.tags","operator":"CONTAINS","value":"eu"}`, true, ""},
		{`{"path":"$.tags","operator":"NOT_CONTAINS","value":"eu"}`, false, ""},
		{`{"path":"$.total","operator":"CONTAINS","value":"1"}`, false, ""},
		{`{"path":"$.tags[-1]","operator":"EQUALS","value":"eu"}`, true, ""},
		{`{"path":"$.tags[2]","operator":"EXISTS"}`, false, "$.tags[2] is not there"},
		{`{"path":"$.items[*].n","operator":"GREATER_THAN","value":30}`, true, ""},
		{`{"path":"$.items[*].n","operator":"NOT_EQUALS","value":40}`, false, ""},
		{`{"path":"$.customer.*","operator":"EQUALS","value":"Ada"}`, true, ""},
		{`{"path":"$.customer","operator":"EQUALS","value":{"first name":"Ada","country":"DE"}}`, true, ""},
		{`{"path":"$.note","operator":"EXISTS"}`, true, "$.note = null"},
		{`{"path":"$.note","operator":"EXISTS","value":false}`, false, ""},
		{`{"path":"$.missing","operator":"NOT_EXISTS"}`, true, ""},
		{`{"path":"$.missing","operator":"EQUALS","value":null}`, false, ""},
		{`{"path":"$.missing.deeper","operator":"NOT_EQUALS","value":1}`, true, ""},
		{`{"path":"total","operator":"EQUALS","value":120}`, true, ""},
		{`{"path":"$.data.total","operator":"EQUALS","value":120}`, true, "$.data.total = 120"},
		{`{"path":"$.source","operator":"STARTS_WITH","value":"/shop"}`, true, ""},
		{`{"path":"$.context.region","operator":"EQUALS","value":"eu"}`, true, ""},
		{`{"path":"$.time","operator":"LESS_THAN","value":"2026-01-03"}`, true, ""},
		{`[{"path":"$.total","operator":"EQUALS","value":120},{"path":"$.vip","operator":"EQUALS","value":true}]`, true, ""},
		{`[{"path":"$.total","operator":"EQUALS","value":120},{"path":"$.vip","operator":"EQUALS","value":false}]`, false, "$.vip = true"},
	} {
		if err := CheckFilter(c.filter); err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		sub := subscription("s", "orders:*:shipment:*", c.filter)
		set, problems := Compile([]*resource.Subscription{sub})
		if len(problems) > 0 {
			t.Errorf("%s: %v", c.filter, problems)
		}
		got := len(set.Match(event(), nil)) == 1
		v := set.Explain(event(), sub)
		if got != c.want || v.Matched != c.want || set.FilterErrors() != 0 {
			t.Errorf("%s: matched %v, explained as %+v, %d errors; want %v", c.filter, got, v, set.FilterErrors(), c.want)
		}
		if !strings.Contains(v.Value, c.seen) {
			t.Errorf("%s: the value seen is %q, want %q in it", c.filter, v.Value, c.seen)
		}
		if !c.want && v.Clause != ClauseFilter {
			t.Errorf("%s: the clause is %q", c.filter, v.Clause)
		}
	}
}

func TestFiltersThatDoNotCompile(t *testing.T) {
	t.Parallel()
	for filter, want := range map[resource.Filter]string{
		"data.total >":                                          "does not compile (line 1, column 13): the expression ends too early",
		"dta.total > 1":                                         "does not compile (line 1, column 1): undeclared reference to 'dta' (did you mean 'data'?)",
		"source > 1":                                            "does not compile (line 1, column 8)",
		"true &&\n  sorce == 'x'":                               "does not compile (line 2, column 3)",
		"data.total":                                            "must be a condition (line 1, column 1): compare the value with something",
		"1 + 1":                                                 "of type int",
		"source.matches('(')":                                   "does not compile (line 1, column 16): error parsing regexp",
		"source.nothing()":                                      "does not compile (line 1, column 15)",
		`{"path":"$.a","operator":"EQUALS"`:                     "is not JSON (byte ",
		`{"path":"$.a","operator":"EQUALS"}`:                    "value is missing",
		`{"operator":"EQUALS","value":1}`:                       "path is missing",
		`{"path":"$.a","operator":"LIKE","value":1}`:            "operator must be one of EQUALS, ",
		`{"path":"$.a","operator":"IN","value":1}`:              "value must be an array",
		`{"path":"$.a","operator":"REGEX","value":"("}`:         "value is not a regular expression",
		`{"path":"$.a","operator":"GREATER_THAN","value":true}`: "value must be a number or a string",
		`{"path":"$..a","operator":"EXISTS"}`:                   `path has ".." at character 2`,
		`{"path":"$.a[x]","operator":"EXISTS"}`:                 "at character 4",
		`{"path":"","operator":"EXISTS"}`:                       "path is empty",
		`{"path":"$.a","operator":"EXISTS","extra":1}`:          "path, operator and value only",
		`{"path":1,"operator":"EXISTS"}`:                        "path has the wrong type",
		`[]`:                                                    "has no condition",
		`[1]`:                                                   "condition 1: must be an object",
		`[{"path":"$.a","operator":"EXISTS"},{"path":"$.b["}]`:  "condition 2: path ",
		resource.Filter("data.a == '" + strings.Repeat("x", MaxFilter) + "'"):                   "is longer than",
		resource.Filter(strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500)):           "does not compile",
		resource.Filter("data.a in [" + strings.Repeat("1,", 3000) + "1]"):                      "does not compile",
		resource.Filter("[" + strings.Repeat(`{"path":"a","operator":"EXISTS"},`, 150) + "{}]"): "has more than 100 conditions",
	} {
		err := CheckFilter(filter)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", filter, err, want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\t") {
			t.Errorf("%.60s: the error is more than one line: %q", filter, err)
		}
	}
}

func TestASubscriptionThatDoesNotCompileStopsNoOther(t *testing.T) {
	t.Parallel()
	bad := subscription("bad", "*:*:*:*", "data.total >")
	bad.EventTypes = append(bad.EventTypes, resource.Binding{EventTypeCode: "*:*:*:*"})
	worse := subscription("worse", "orders:*", "")
	set, problems := Compile([]*resource.Subscription{bad, worse, subscription("good", "*:*:*:*", "")})
	if got := codes(set.Match(event(), nil)); got != "good" {
		t.Errorf("matched %q", got)
	}
	if len(problems) != 2 || problems[0].Sub != bad || problems[0].Field != "eventTypes[0].filter" ||
		problems[1].Sub != worse || problems[1].Field != "eventTypes[0].eventTypeCode" {
		t.Errorf("problems are %v", problems)
	}
	if v := set.Explain(event(), bad); v.Matched || v.Clause != ClauseFilter || !strings.Contains(v.Detail, "matches nothing") {
		t.Errorf("explained as %+v", v)
	}
	if v := set.Explain(event(), worse); v.Matched || v.Clause != ClausePattern {
		t.Errorf("explained as %+v", v)
	}
}

func TestAFilterThatFailsDoesNotMatchAndIsCounted(t *testing.T) {
	t.Parallel()
	missing := subscription("missing", "*:*:*:*", "data.nothing > 1")
	costly := subscription("costly", "*:*:*:*", "data.list.all(a, data.list.all(b, data.list.all(c, a + b + c >= 0.0)))")
	wide := subscription("wide", "*:*:*:*", `{"path":"$.list[*][*]","operator":"EQUALS","value":1}`)
	good := subscription("good", "*:*:*:*", "")
	set, problems := Compile([]*resource.Subscription{missing, costly, wide, good})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	told := map[string]string{}
	set.OnFilterError = func(sub *resource.Subscription, _ *Event, err error) { told[sub.Code] = err.Error() }
	list := "[" + strings.Repeat("1,", 20_000) + "1]"
	e := event(func(e *Event) { e.Data = json.RawMessage(`{"list":` + list + `}`) })
	if got := codes(set.Match(e, nil)); got != "good" {
		t.Errorf("matched %q", got)
	}
	if set.FilterErrors() != 3 || !strings.Contains(told["missing"], "no such key") ||
		!strings.Contains(told["costly"], "cost limit") || !strings.Contains(told["wide"], "more than 10000 values") {
		t.Errorf("%d errors, told %v", set.FilterErrors(), told)
	}
	v := set.Explain(e, missing)
	if v.Matched || v.Clause != ClauseFilter || !strings.Contains(v.Detail, "no such key") {
		t.Errorf("explained as %+v", v)
	}
	if set.FilterErrors() != 3 {
		t.Error("explaining was counted as an error of matching")
	}
	if v := set.Explain(e, costly); v.Matched || !strings.Contains(v.Detail, "cost limit") || len(v.Value) > 1000 {
		t.Errorf("explained as %.300v", v)
	}
}

func TestDataThatIsNotJSON(t *testing.T) {
	t.Parallel()
	e := event(func(e *Event) { e.Data = json.RawMessage(`{"total": `) })
	for filter, want := range map[resource.Filter]bool{
		"data.total > 1":                             false,
		"source == '/shop/berlin'":                   true,
		"data.total > 1 || true":                     true,
		"!(data.total > 1)":                          false,
		"data.total > 1 && has(data)":                false,
		`{"path":"$.total","operator":"NOT_EXISTS"}`: false,
		`{"path":"$.source","operator":"EQUALS","value":"/shop/berlin"}`:         true,
		`{"path":"$.data.total","operator":"NOT_EQUALS","value":"/shop/berlin"}`: false,
	} {
		if strings.Contains(string(filter), "has(data)") {
			if CheckFilter(filter) == nil {
				t.Error("has(data) compiles")
			}
			continue
		}
		sub := subscription("s", "*:*:*:*", filter)
		set, _ := Compile([]*resource.Subscription{sub})
		got := len(set.Match(e, nil)) == 1
		v := Explain(e, sub)
		if got != want || v.Matched != want {
			t.Errorf("%s: matched %v, explained as %+v", filter, got, v)
		}
		if !want && (set.FilterErrors() != 1 || !strings.Contains(v.Detail, "data is not JSON")) {
			t.Errorf("%s: %d errors, explained as %+v", filter, set.FilterErrors(), v)
		}
	}
	empty := event(func(e *Event) { e.Data = nil })
	if v := Explain(empty, subscription("s", "*:*:*:*", "data == null")); !v.Matched {
		t.Errorf("an event without data is explained as %+v", v)
	}
}

func TestClausesAreAskedInOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                    string
		client, status, pattern string
		filter                  resource.Filter
		eventClient, eventType  string
		clause, value, part     string // an empty clause is a match
	}{
		{"anchor sees every client", "", "ACTIVE", "orders:*:*:shipped", "", "clt_A", "", "", "", "covers"},
		{"its own client", "clt_A", "ACTIVE", "orders:*:*:shipped", "", "clt_A", "", "", "", "covers"},
		{"another client", "clt_B", "ARCHIVED", "nothing:*:*:*", "false", "clt_A", "", "client", "clt_A", "belongs to client clt_A"},
		{"an event without client", "clt_B", "ACTIVE", "*:*:*:*", "", "", "", "client", "", "belongs to no client"},
		{"anchor sees anchor", "", "ACTIVE", "*:*:*:*", "", "", "", "", "", "covers"},
		{"archived", "", "ARCHIVED", "nothing:*:*:*", "false", "clt_A", "", "status", "ARCHIVED", "archived"},
		{"paused", "", "PAUSED", "*:*:*:*", "", "clt_A", "", "", "", "waits"},
		{"another type", "", "ACTIVE", "orders:*:*:created", "false", "clt_A", "", "pattern", "orders:fulfillment:shipment:shipped", "no pattern"},
		{"a prefix is no match", "", "ACTIVE", "orders:ful:*:*", "", "clt_A", "", "pattern", "", "no pattern"},
		{"three segments", "", "ACTIVE", "*:*:*:*", "", "clt_A", "orders:a:b", "pattern", "orders:a:b", "four segments"},
		{"five segments", "", "ACTIVE", "*:*:*:*", "", "clt_A", "orders:a:b:c:d", "pattern", "orders:a:b:c:d", "four segments"},
		{"an empty segment", "", "ACTIVE", "*:*:*:*", "", "clt_A", "orders:a::c", "pattern", "orders:a::c", "four segments"},
		{"the filter", "", "ACTIVE", "*:*:*:*", "data.total == 1", "clt_A", "", "filter", "data.total = 120", "is false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := event(func(e *Event) {
				e.ClientID = c.eventClient
				if c.eventType != "" {
					e.Type = c.eventType
				}
			})
			sub := subscription("s", c.pattern, c.filter)
			sub.ClientID, sub.Status = c.client, c.status
			set, _ := Compile([]*resource.Subscription{sub})
			v := set.Explain(e, sub)
			if v.Matched != (c.clause == "") || v.Clause != c.clause || !strings.Contains(v.Value, c.value) || !strings.Contains(v.Detail, c.part) {
				t.Errorf("explained as %+v", v)
			}
			if v != Explain(e, sub) {
				t.Errorf("without the set it is explained as %+v", Explain(e, sub))
			}
			if got := len(set.Match(e, nil)) == 1; got != v.Matched {
				t.Errorf("Match says %v", got)
			}
		})
	}
}

func TestASubscriptionIsMatchedOnceAndInOrder(t *testing.T) {
	t.Parallel()
	many := subscription("many", "orders:*:*:*", "data.total > 1000")
	for _, p := range []string{"*:*:*:shipped", "*:*:*:*", "orders:fulfillment:shipment:shipped"} {
		many.EventTypes = append(many.EventTypes, resource.Binding{EventTypeCode: p})
	}
	subs := []*resource.Subscription{
		subscription("z", "*:*:*:shipped", ""), many, subscription("no", "*:*:*:*", "false"),
		subscription("a", "orders:fulfillment:shipment:shipped", ""), subscription("m", "*:*:*:*", ""),
	}
	subs[4].ClientID = "clt_A"
	set, _ := Compile(subs)
	first := subscription("before", "*:*:*:*", "")
	if got := codes(set.Match(event(), []*resource.Subscription{first})); got != "before z many a m" {
		t.Errorf("matched %q", got)
	}
}

func TestRecompileReusesFilters(t *testing.T) {
	t.Parallel()
	sub := subscription("s", "*:*:*:*", "data.total > 100")
	first, _ := Compile([]*resource.Subscription{sub, subscription("bad", "*:*:*:*", "data.")})
	second, problems := first.Recompile([]*resource.Subscription{sub, subscription("t", "*:*:*:*", "data.total > 100"), subscription("bad", "*:*:*:*", "data.")})
	if len(problems) != 1 {
		t.Errorf("problems are %v", problems)
	}
	if first.filters[0][0] != second.filters[0][0] || second.filters[0][0] != second.filters[1][0] {
		t.Error("the filter was compiled again")
	}
	if second.Len() != 3 || len(second.cache) != 1 {
		t.Errorf("%d subscriptions and %d filters are kept", second.Len(), len(second.cache))
	}
	third, _ := second.Recompile(nil)
	if len(third.cache) != 0 || len(third.Match(event(), nil)) != 0 {
		t.Error("an empty set keeps filters or matches")
	}
}

func TestASetServesManyReaders(t *testing.T) {
	t.Parallel()
	set, _ := Compile([]*resource.Subscription{
		subscription("a", "*:*:*:*", "data.items.exists(i, i.n > 30) && context.region == 'eu'"),
		subscription("b", "*:*:*:*", `{"path":"$.items[*].n","operator":"GREATER_THAN","value":30}`),
		subscription("c", "*:*:*:*", "data.nothing == 1"),
	})
	e := event()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got := codes(set.Match(e, nil)); got != "a b" {
					t.Errorf("matched %q", got)
				}
				set.Explain(e, set.subs[2])
			}
		})
	}
	wg.Wait()
	if set.FilterErrors() != 400 {
		t.Errorf("%d errors counted", set.FilterErrors())
	}
}

func TestOperatorsAreAllKnown(t *testing.T) {
	t.Parallel()
	for _, op := range Operators {
		value := `"x"`
		if strings.HasSuffix(op, "IN") {
			value = `["x"]`
		}
		if err := CheckFilter(resource.Filter(`{"path":"$.a","operator":"` + op + `","value":` + value + `}`)); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	if !slices.Contains(Operators, "REGEX") {
		t.Error("REGEX is gone")
	}
}
