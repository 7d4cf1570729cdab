package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const shipped = `{"type":"orders:fulfillment:shipment:shipped","source":"/shop","data":{"total":120}}`

func TestAPublishedEventComesBackAsItWasSent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := `{"type":"orders:fulfillment:shipment:shipped","source":"/shop","subject":"s-1","time":"2026-01-02T15:04:05.678Z",
		"data":{"total": 1e2, "naïve":"\u00e9 \"q\" <&>"},"messageGroup":"g1","correlationId":"c1","causationId":"c0","deduplicationId":"d1",
		"clientId":"acme","contextData":[{"key":"k","value":"v\n"}],"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","unknown":{"x":1}}`
	a := w.do("POST", "/api/events", w.admin(), body).is(http.StatusCreated)
	var p struct {
		ID                                        string
		Type, Subject, Time, CreatedAt            string
		Data                                      json.RawMessage
		MessageGroup, DeduplicationID, ClientID   string
		ContextData                               []flow.KeyValue
		Duplicate, IsDuplicate                    bool
		DispatchJobCount                          *int
		Event                                     struct{ ID, Type string }
		CorrelationID, CausationID, SpecVersion   string
		DataContentType, Traceparent, CloudEvent_ string
	}
	a.into(&p)
	if len(p.ID) != 13 || p.Event.ID != p.ID || p.Event.Type != p.Type || p.Duplicate || p.IsDuplicate || p.DispatchJobCount == nil {
		t.Errorf("answer: %s", a.body)
	}
	if string(p.Data) != `{"total": 1e2, "naïve":"\u00e9 \"q\" <&>"}` {
		t.Errorf("data is not as published: %s", p.Data)
	}
	if p.Time != "2026-01-02T15:04:05.678Z" || p.MessageGroup != "g1" || p.ClientID != "acme" || p.SpecVersion != "1.0" || p.DataContentType != "application/json" ||
		p.CausationID != "c0" || p.Traceparent == "" || len(p.ContextData) != 1 || p.ContextData[0].Value != "v\n" {
		t.Errorf("answer: %s", a.body)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", p.CreatedAt); err != nil {
		t.Error(err)
	}
	got := w.do("GET", "/api/events/"+p.ID, w.admin(), "").is(200)
	if got.get("application") != "orders" || got.get("eventName") != "shipped" || got.get("subject") != "s-1" {
		t.Errorf("read: %s", got.body)
	}

	again := w.do("POST", "/api/events", w.admin(), body).is(http.StatusOK)
	if again.id() != p.ID || again.get("duplicate") != true || again.get("isDuplicate") != true {
		t.Errorf("duplicate: %s", again.body)
	}
	// Another client's same id is another event.
	other := w.do("POST", "/api/events", w.admin(), strings.Replace(body, "acme", "globex", 1)).is(http.StatusCreated)
	if other.id() == p.ID {
		t.Error("deduplication crossed the clients' border")
	}
}

func TestEventsUnderTheirOtherNames(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, c := range map[string]struct{ body, member, want string }{
		"eventType":            {`{"eventType":"a:b:c:d"}`, "type", "a:b:c:d"},
		"snake case":           {`{"event_type":"a:b:c:d","message_group":"g"}`, "messageGroup", "g"},
		"snake ids":            {`{"type":"a:b:c:d","correlation_id":"x"}`, "correlationId", "x"},
		"no source":            {`{"type":"a:b:c:d"}`, "source", "/"},
		"CloudEvents spelling": {`{"type":"a:b:c:d","specversion":"1.0","datacontenttype":"application/json"}`, "specVersion", "1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := w.do("POST", "/api/events", w.admin(), c.body).is(201).get(c.member); got != c.want {
				t.Errorf("%s is %v, want %v", c.member, got, c.want)
			}
		})
	}
	for body, want := range map[string]string{
		`{"type":"a:b:c:d","data":"{\"a\": 1}"}`:                                        `{"a": 1}`,
		`{"type":"a:b:c:d","data":"[1]"}`:                                               `[1]`,
		`{"type":"a:b:c:d","data":"{not json"}`:                                         `"{not json"`,
		`{"type":"a:b:c:d","data":"7"}`:                                                 `"7"`,
		`{"type":"a:b:c:d","data":"{\"a\": 1}","dataContentType":"text/plain"}`:         `"{\"a\": 1}"`,
		`{"type":"a:b:c:d"}`:                                                            `null`,
		`{"type":"a:b:c:d","data":"{\"a\":1}","dataContentType":"application/ld+json"}`: `{"a":1}`,
	} {
		var p struct{ Data json.RawMessage }
		w.do("POST", "/api/events", w.admin(), body).is(201).into(&p)
		if string(p.Data) != want {
			t.Errorf("%s: data is %s, want %s", body, p.Data, want)
		}
	}
}

func TestCloudEventsKeepTheirIdAndDeduplicateByIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ce := `{"specversion":"1.0","id":"ev-1","source":"/shop","type":"a:b:c:d","messagegroup":"g","data":{}}`
	const one, many = "application/cloudevents+json", "application/cloudevents-batch+json; charset=utf-8"
	a := w.do("POST", "/api/events", w.admin(), ce, "Content-Type", one).is(201)
	if a.get("cloudEventId") != "ev-1" || a.get("deduplicationId") != "/shop ev-1" || a.get("messageGroup") != "g" || a.id() == "ev-1" {
		t.Errorf("answer: %s", a.body)
	}
	w.do("POST", "/api/events", w.admin(), ce, "Content-Type", one).is(200)
	b := w.do("POST", "/api/events/batch", w.admin(), "["+ce+","+strings.Replace(ce, "ev-1", "ev-2", 1)+"]", "Content-Type", many).is(200)
	var batch batchAnswer
	b.into(&batch)
	if len(batch.Results) != 2 || !batch.Results[0].Duplicate || batch.Results[0].ID != a.id() || batch.Results[1].Duplicate {
		t.Errorf("batch: %s", b.body)
	}
	w.do("POST", "/api/events", w.admin(), `{"specversion":"1.0","source":"/x","type":"a:b:c:d"}`, "Content-Type", one).problem(400, "INVALID", `"field":"id"`)
	w.do("POST", "/api/events", w.admin(), `{"specversion":"0.3","id":"1","source":"/x","type":"a:b:c:d"}`, "Content-Type", one).problem(400, "INVALID", `"field":"specversion"`)
}

func TestBadEventsAreRefusedByName(t *testing.T) {
	t.Parallel()
	w := setup(t)
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
		says   string
	}{
		"malformed JSON":        {`{"type":"a:b:c:d",`, 400, "INVALID", "not valid JSON"},
		"not an object":         {`[1]`, 400, "INVALID", "must be a"},
		"a number":              {`7`, 400, "INVALID", "must be a"},
		"empty":                 {` `, 400, "INVALID", "empty"},
		"three segments":        {`{"type":"orders:shipment:shipped"}`, 400, "INVALID", `"field":"type"`},
		"five segments":         {`{"type":"a:b:c:d:e"}`, 400, "INVALID", `"field":"type"`},
		"no type":               {`{"data":{}}`, 400, "INVALID", `"field":"type"`},
		"a type of wrong type":  {`{"type":7}`, 400, "INVALID", `"field":"type"`},
		"a bad time":            {`{"type":"a:b:c:d","time":"yesterday"}`, 400, "INVALID", `"field":"time"`},
		"a header in an id":     {`{"type":"a:b:c:d","correlationId":"x\r\nEvil: 1"}`, 400, "INVALID", `"field":"correlationId"`},
		"a long group":          {`{"type":"a:b:c:d","messageGroup":"` + strings.Repeat("g", 2000) + `"}`, 400, "INVALID", `"field":"messageGroup"`},
		"deep data":             {`{"type":"a:b:c:d","data":` + deep + `}`, 400, "INVALID", `"field":"data"`},
		"large data":            {`{"type":"a:b:c:d","data":"` + strings.Repeat("x", 1<<20) + `"}`, 400, "INVALID", `"field":"data"`},
		"a large body":          {`{"type":"a:b:c:d","data":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "TOO_LARGE", "2097152 bytes"},
		"a bad client":          {`{"type":"a:b:c:d","clientId":"a/b"}`, 400, "INVALID", `"field":"clientId"`},
		"bad context":           {`{"type":"a:b:c:d","contextData":[{"value":"x"}]}`, 400, "INVALID", `contextData[0]`},
		"base64 data":           {`{"type":"a:b:c:d","data_base64":"AAAA"}`, 400, "INVALID", `"field":"data_base64"`},
		"two documents":         {shipped + shipped, 400, "INVALID", "not valid JSON"},
		"a time before time is": {`{"type":"a:b:c:d","time":"0001-01-01T00:00:00Z"}`, 400, "INVALID", `"field":"time"`},
	} {
		t.Run(name, func(t *testing.T) {
			w.do("POST", "/api/events", w.admin(), c.body).problem(c.status, c.code, c.says)
		})
	}
	w.do("POST", "/api/events", w.admin(), shipped, "Content-Type", "text/plain").problem(415, "UNSUPPORTED_MEDIA_TYPE")
	w.do("POST", "/api/events", w.admin(), shipped, "Content-Type", "application/x-www-form-urlencoded").problem(415, "UNSUPPORTED_MEDIA_TYPE")
	if body := w.do("POST", "/api/events", w.admin(), `{"type":"hunter2:x"}`).problem(400, "INVALID"); strings.Contains(body.Detail, "hunter2") {
		t.Errorf("the problem repeats the value: %s", body.Detail)
	}
	var list eventsAnswer
	w.do("GET", "/api/events?limit=50", w.admin(), "").is(200).into(&list)
	if len(list.Events) != 0 {
		t.Errorf("%d events were stored", len(list.Events))
	}
}

func TestOneBadItemOfABatchHurtsNoOther(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, list := range []string{`{"items":%s}`, `{"events":%s}`, `%s`} {
		items := `[` + shipped + `,{"type":"three:segments:only"},7,null,` + shipped + `]`
		a := w.do("POST", "/api/events/batch", w.admin(), fmt.Sprintf(list, items)).is(200)
		var b batchAnswer
		a.into(&b)
		var got []string
		for _, r := range b.Results {
			got = append(got, r.Status)
			if (r.Status == "SUCCESS") != (r.Error == "" && len(r.ID) == 13) {
				t.Errorf("item: %+v", r)
			}
		}
		if strings.Join(got, " ") != "SUCCESS BAD_REQUEST BAD_REQUEST BAD_REQUEST SUCCESS" {
			t.Errorf("%s: %s", list, a.body)
		}
		if !strings.Contains(b.Results[1].Error, "type: must have four segments") {
			t.Errorf("error: %q", b.Results[1].Error)
		}
	}
}

func TestWrappedItemsAreKnownByTheirOwnId(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := `{"items":[{"id":"row-1","messageGroup":"g","payload":` + shipped + `},{"id":"row-2","payload":"{\"type\":\"a:b:c:d\"}"},{"id":"row-3","payload":{"type":7}}]}`
	var b batchAnswer
	w.do("POST", "/api/events/batch", w.admin(), body).is(200).into(&b)
	if len(b.Results) != 3 || b.Results[0].ID != "row-1" || len(b.Results[0].EventID) != 13 || b.Results[1].Status != "SUCCESS" ||
		b.Results[2].Status != "BAD_REQUEST" || !strings.HasPrefix(b.Results[2].Error, "payload.type") {
		t.Fatalf("results: %+v", b.Results)
	}
	if g := w.do("GET", "/api/events/"+b.Results[0].EventID, w.admin(), "").is(200).get("messageGroup"); g != "g" {
		t.Errorf("group: %v", g)
	}
	first := b.Results[0].EventID
	w.do("POST", "/api/events/batch", w.admin(), body).is(200).into(&b)
	if !b.Results[0].Duplicate || b.Results[0].EventID != first {
		t.Errorf("a repeated row: %+v", b.Results[0])
	}
}

func TestABatchThatIsTooLongIsRefusedWhole(t *testing.T) {
	t.Parallel()
	w := setup(t)
	batch := func(n int) string {
		return `{"items":[` + strings.TrimSuffix(strings.Repeat(shipped+",", n), ",") + `]}`
	}
	w.do("POST", "/api/events/batch", w.admin(), batch(1001)).problem(400, "INVALID", "1001 items", "1000")
	var list eventsAnswer
	w.do("GET", "/api/events?limit=50", w.admin(), "").is(200).into(&list)
	if len(list.Events) != 0 {
		t.Errorf("%d events were stored", len(list.Events))
	}
	var b batchAnswer
	w.do("POST", "/api/events/batch", w.admin(), batch(1000)).is(200).into(&b)
	if len(b.Results) != 1000 || b.Results[999].Status != "SUCCESS" {
		t.Errorf("%d results", len(b.Results))
	}
	w.do("POST", "/api/events/batch", w.admin(), `{"items":[]}`).is(200)
	w.do("POST", "/api/events/batch", w.admin(), `{"things":[]}`).problem(400, "INVALID", `"field":"items"`)
	w.do("POST", "/api/events/batch", w.admin(), `{"items":7}`).problem(400, "INVALID")
	w.do("POST", "/api/events/batch", w.admin(), `{"items":["`+strings.Repeat("x", DefaultMaxBatch)+`"]}`).problem(413, "TOO_LARGE", "33554432")
}

func TestEventsOfOneClientAreNotSeenByAnother(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme, globex, both := w.of("acme"), w.of("globex"), w.of("acme", "globex")
	a := w.do("POST", "/api/events", acme, shipped).is(201)
	if a.get("clientId") != "acme" {
		t.Errorf("the only client is not the default: %s", a.body)
	}
	w.do("POST", "/api/events", both, shipped).problem(400, "INVALID", `"field":"clientId"`)
	w.do("POST", "/api/events", acme, `{"type":"a:b:c:d","clientId":"globex"}`).problem(403, "FORBIDDEN", "clientId")
	var b batchAnswer
	w.do("POST", "/api/events/batch", acme, `{"items":[`+shipped+`,{"type":"a:b:c:d","clientId":"globex"}]}`).is(200).into(&b)
	if b.Results[0].Status != "SUCCESS" || b.Results[1].Status != "FORBIDDEN" {
		t.Errorf("results: %+v", b.Results)
	}
	w.do("GET", "/api/events/"+a.id(), globex, "").problem(404, "NOT_FOUND")
	w.do("GET", "/api/events/"+a.id()+"/explain", globex, "").problem(404, "NOT_FOUND")
	w.do("GET", "/api/events/"+a.id(), both, "").is(200)
	for token, want := range map[string]int{acme: 2, globex: 0, both: 2, w.admin(): 2, w.of(): 0} {
		var list eventsAnswer
		w.do("GET", "/api/events?limit=50&clientId=acme", token, "").is(200).into(&list)
		if len(list.Events) != want {
			t.Errorf("%d events, want %d", len(list.Events), want)
		}
	}
	w.do("POST", "/api/events", w.of(), shipped).problem(403, "FORBIDDEN")
}

func TestEventsPageByCursorAndFilter(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for i := range 7 {
		w.do("POST", "/api/events", w.admin(), fmt.Sprintf(`{"type":"a:b:c:d","subject":"s%d","correlationId":"c%d"}`, i, i%2)).is(201)
	}
	var seen []string
	cursor := ""
	for range 5 {
		var page struct {
			Events     []struct{ Subject string }
			NextCursor string
			HasMore    bool
		}
		w.do("GET", "/api/events?limit=3&cursor="+cursor, w.admin(), "").is(200).into(&page)
		for _, e := range page.Events {
			seen = append(seen, e.Subject)
		}
		if page.HasMore != (page.NextCursor != "") {
			t.Errorf("hasMore and cursor disagree: %+v", page)
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if got := strings.Join(seen, " "); got != "s6 s5 s4 s3 s2 s1 s0" {
		t.Errorf("pages: %s", got)
	}
	var list eventsAnswer
	w.do("GET", "/api/events?limit=50&correlationId=c1", w.admin(), "").is(200).into(&list)
	if len(list.Events) != 3 {
		t.Errorf("%d events", len(list.Events))
	}
	w.do("POST", "/api/events", w.admin(), `{"type":"billing:x:y:z","source":"/till"}`).is(201)
	for query, n := range map[string]int{
		"type=billing:*:*:*,none:*:*:*&types=none:x:y:z": 1, "types=*:*:*:d&types=billing:x:y:z": 8, "applications=billing,a": 8,
		"applications=a&subdomains=x": 0, "subdomains=x&aggregates=y&source=/till": 1, "clientIds=nobody,noone": 0,
	} {
		w.do("GET", "/api/events?limit=50&"+query, w.admin(), "").is(200).into(&list)
		if len(list.Events) != n {
			t.Errorf("%s: %d events, want %d", query, len(list.Events), n)
		}
	}
	for _, query := range []string{"cursor=x", "cursor=MQBqb2JzADc", "limit=-1", "limit=1001", "limit=many", "since=yesterday", "type=a:b"} {
		name, _, _ := strings.Cut(query, "=")
		w.do("GET", "/api/events?"+query, w.admin(), "").problem(400, "INVALID", `"field":"`+name+`"`)
	}
}

func TestExplainSaysWhichClauseSaidNo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/subscriptions", w.admin(), `{"code":"big","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"orders:*:*:*","filter":"data.total > 500.0"}]}`).is(201)
	w.do("POST", "/api/subscriptions", w.admin(), `{"code":"all","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"orders:fulfillment:shipment:*"}]}`).is(201)
	id := w.do("POST", "/api/events", w.admin(), shipped).is(201).id()
	var x explainAnswer
	w.do("GET", "/api/events/"+id+"/explain", w.admin(), "").is(200).into(&x)
	if len(x.Subscriptions) != 2 || !x.Subscriptions[0].Matched || x.Subscriptions[1].Matched || x.Subscriptions[1].Clause != "filter" || !strings.Contains(x.Subscriptions[1].Value, "120") {
		t.Errorf("explain: %+v", x)
	}
	w.do("GET", "/api/events/"+id+"/explain?subscriptionId=big", w.admin(), "").is(200).into(&x)
	if len(x.Subscriptions) != 1 || x.Subscriptions[0].Code != "big" {
		t.Errorf("explain: %+v", x)
	}
	w.do("GET", "/api/events/"+id+"/explain?subscriptionId=none", w.admin(), "").problem(404, "NOT_FOUND", "subscription")
	// What changed since is seen: the filters of the new version.
	w.do("PUT", "/api/subscriptions/big", w.admin(), `{"eventTypes":[{"eventTypeCode":"orders:*:*:*","filter":"data.total > 100"}]}`).is(204)
	w.do("GET", "/api/events/"+id+"/explain?subscriptionId=big", w.admin(), "").is(200).into(&x)
	if !x.Subscriptions[0].Matched {
		t.Errorf("explain: %+v", x)
	}
}

// full is a store whose disk is full.
type full struct{ store.Store }

func (full) Append(context.Context, []flow.Event, time.Time) ([]store.Appended, error) {
	return nil, fmt.Errorf("append: %w", store.ErrUnavailable)
}

func (full) InsertTasks(context.Context, []flow.Job, time.Time) ([]store.Inserted, error) {
	return nil, fmt.Errorf("insert: %w", store.ErrUnavailable)
}

func TestAFullDiskIs503AndSaysThatNothingWasAccepted(t *testing.T) {
	t.Parallel()
	w := setupWith(t, func(st store.Store) store.Store { return full{st} })
	for path, body := range map[string]string{
		"/api/events": shipped, "/api/events/batch": `{"items":[` + shipped + `]}`,
		"/api/dispatch-jobs": `{"code":"a","targetUrl":"https://hooks.example.com","payload":"x"}`,
	} {
		a := w.do("POST", path, w.admin(), body)
		p := a.problem(503, "UNAVAILABLE", "nothing was accepted")
		if a.header.Get("Retry-After") != "5" || p.RetryAfter != 5 {
			t.Errorf("%s: Retry-After %q", path, a.header.Get("Retry-After"))
		}
	}
}

// faulty is a store that panics or fails without a known error.
type faulty struct {
	store.Store
	panics bool
}

func (f faulty) Append(context.Context, []flow.Event, time.Time) ([]store.Appended, error) {
	if f.panics {
		panic("a bug: secret-of-the-bug")
	}
	return nil, fmt.Errorf("disk I/O: secret-of-the-bug")
}

func TestPanicsAndUnknownErrorsAreContained(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{true, false} {
		w := setupWith(t, func(st store.Store) store.Store { return faulty{st, panics} })
		p := w.do("POST", "/api/events", w.admin(), shipped, "X-Request-Id", "req-7").problem(500, "INTERNAL_ERROR", "req-7")
		if strings.Contains(p.Detail, "secret-of-the-bug") {
			t.Errorf("the cause left: %s", p.Detail)
		}
		log := w.log.String()
		if !strings.Contains(log, "secret-of-the-bug") || !strings.Contains(log, "req-7") || panics && !strings.Contains(log, "stack=") {
			t.Errorf("log: %s", log)
		}
		w.do("GET", "/health", "", "").is(200)
	}
}

func TestTooMuchAtOnceIsRefusedUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	w := setup(t)
	room := w.api.bodies.limit
	if !w.api.bodies.take(room) {
		t.Fatal("no room at the start")
	}
	a := w.do("POST", "/api/events", w.admin(), shipped)
	a.problem(429, "TOO_MANY_REQUESTS", "nothing of this was accepted")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	w.api.bodies.give(room)
	w.do("POST", "/api/events", w.admin(), shipped).is(201)
	w.do("POST", "/api/events", w.admin(), "{").is(400)
	if n := w.api.bodies.taken.Load(); n != 0 {
		t.Errorf("%d bytes are still taken", n)
	}
}

func TestALongPageIsGatheredAndALargeOneEndsEarly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	batch := func(n int, data string) {
		item := `{"type":"a:b:c:d","data":"` + data + `"},`
		w.do("POST", "/api/events/batch", w.admin(), `{"items":[`+strings.TrimSuffix(strings.Repeat(item, n), ",")+`]}`).is(200)
	}
	read := func(query string) (n, pages int) {
		seen := map[string]bool{}
		cursor := ""
		for {
			var page struct {
				Events     []struct{ ID string }
				NextCursor string
			}
			w.do("GET", "/api/events?"+query+"&cursor="+cursor, w.admin(), "").is(200).into(&page)
			pages++
			for _, e := range page.Events {
				seen[e.ID] = true
				n++
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		if len(seen) != n {
			t.Errorf("%s: %d events, %d of them different", query, n, len(seen))
		}
		return n, pages
	}
	batch(150, "x")
	for query, want := range map[string][2]int{"limit=1000": {150, 1}, "limit=100": {150, 2}, "limit=75": {150, 3}, "limit=20": {150, 8}} {
		// A page that ends exactly at the end may point to an empty one.
		n, pages := read(query)
		if n != want[0] || pages > want[1] {
			t.Errorf("%s: %d events in %d pages", query, n, pages)
		}
	}
	w.api.pageBytes = 8 << 10
	batch(10, strings.Repeat("y", 1<<10-2))
	if n, pages := read("limit=1000"); n != 160 || pages != 2 {
		t.Errorf("%d events in %d pages", n, pages)
	}
}
