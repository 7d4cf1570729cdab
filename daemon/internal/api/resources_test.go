package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
)

var samples = map[resource.Kind]string{
	resource.KindEventType:    `{"code":"orders:fulfillment:shipment:shipped"}`,
	resource.KindDispatchPool: `{"code":"priority","concurrency":20,"rateLimit":"500/s"}`,
	resource.KindConnection:   `{"code":"warehouse","url":"https://hooks.example.com/shipments"}`,
	resource.KindSubscription: `{"code":"ship","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"orders:*:*:*"}]}`,
}

// routing are the kinds that belong to a client or to anchor level. Those that
// belong to the platform have tests of their own.
func routing() []resource.KindInfo {
	return slices.DeleteFunc(resource.Declared(), func(i resource.KindInfo) bool { return i.Kind.Everywhere() })
}

func TestEveryKindLivesItsLife(t *testing.T) {
	t.Parallel()
	for _, info := range routing() {
		t.Run(string(info.Kind), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			acme, globex := w.of("acme"), w.of("globex")
			all := "/api/" + info.Collection
			a := w.do("POST", all, acme, samples[info.Kind]).is(201)
			id := a.id()
			if !strings.HasPrefix(id, info.Prefix+"_") || a.get("clientId") != "acme" || a.get("revision") != 1.0 || a.header.Get("ETag") != `"1"` ||
				a.get("createdBy") != "prn_acme" || a.get("createdAt") == nil || a.get("$schema") != nil {
				t.Errorf("created: %s", a.body)
			}
			w.do("POST", all, acme, samples[info.Kind]).problem(409, "ALREADY_EXISTS")
			w.do("POST", all, globex, samples[info.Kind]).is(201) // a code is unique per client

			code := a.get("code").(string)
			for _, name := range []string{id, code, strings.ReplaceAll(code, ":", "%3A")} {
				if got := w.do("GET", all+"/"+name, acme, "").is(200); got.id() != id {
					t.Errorf("by %s: %s", name, got.body)
				}
			}
			// To an anchor user the code is ambiguous until a client is named.
			w.do("GET", all+"/"+code, w.admin(), "").problem(400, "INVALID", "clientId")
			if got := w.do("GET", all+"/"+code+"?clientId=acme", w.admin(), "").is(200); got.id() != id {
				t.Errorf("by code and client: %s", got.body)
			}

			for _, call := range []string{"GET ", "PUT ", "DELETE "} {
				method := strings.TrimSpace(call)
				w.do(method, all+"/"+id, globex, `{}`).problem(404, "NOT_FOUND")
			}
			if n := len(w.do("GET", all, acme, "").is(200).get(info.ListName).([]any)); n != 1 {
				t.Errorf("%d in the list of one client", n)
			}

			up := w.do("PUT", all+"/"+id, acme, `{"name":"New name"}`).is(204)
			if up.header.Get("ETag") != `"2"` || len(up.body) != 0 || up.header.Get("Content-Type") != "" {
				t.Errorf("updated: %v %s", up.header, up.body)
			}
			w.do("PUT", all+"/"+id, acme, `{"name":"New name"}`, "If-Match", `"2"`).is(204)
			got := w.do("GET", all+"/"+id, acme, "").is(200)
			if got.get("name") != "New name" || got.get("revision") != 2.0 {
				t.Errorf("no change counted as one, or the change is lost: %s", got.body)
			}
			w.do("PUT", all+"/"+id, acme, `{"name":"Other"}`, "If-Match", `"1"`).problem(412, "PRECONDITION_FAILED")
			w.do("DELETE", all+"/"+id, acme, "", "If-Match", `"1"`).problem(412, "PRECONDITION_FAILED")
			w.do("PUT", all+"/"+id, acme, `{"name":"Other"}`, "If-Match", `"x"`).problem(412, "PRECONDITION_FAILED")
			w.do("PUT", all+"/"+id, acme, `{"code":"another:a:b:c"}`).problem(400, "INVALID", `"field":"code"`)
			w.do("PUT", all+"/"+id, acme, `{"clientId":"globex"}`).problem(400, "INVALID", `"field":"clientId"`)
			w.do("PUT", all+"/"+id, acme, `{"status":"WHATEVER"}`).problem(400, "INVALID", `"field":"status"`)
			w.do("PUT", all+"/"+id, acme, `{"name":7}`).problem(400, "INVALID", `"field":"name"`)
			w.do("PUT", all+"/"+id, acme, `[]`).problem(400, "INVALID", "object")
			w.do("PUT", all+"/"+id, acme, `null`).problem(400, "INVALID", "object")
			// What the server wrote may come back and changes nothing.
			w.do("PUT", all+"/"+id, acme, string(got.body)).is(204)

			w.do("PUT", all+"/"+id, acme, `{"protected":true}`).is(204)
			w.do("DELETE", all+"/"+id, acme, "").problem(409, "PROTECTED")
			w.do("PUT", all+"/"+id, acme, `{"protected":false}`).is(204)
			w.do("DELETE", all+"/"+id, acme, "").is(204)
			w.do("DELETE", all+"/"+id, acme, "").problem(404, "NOT_FOUND")
			w.do("GET", all+"/"+id, acme, "").problem(404, "NOT_FOUND")

			var audit auditAnswer
			w.do("GET", "/api/audit-logs", acme, "").is(200).into(&audit)
			var ops []string
			for _, e := range audit.AuditLogs {
				if e.EntityID == id {
					ops = append(ops, e.Operation)
				}
				if e.PrincipalID != "prn_acme" || e.ClientID != "acme" || e.RequestID == "" || e.EntityType != entityName(info.Kind) {
					t.Errorf("entry: %+v", e)
				}
			}
			if got := strings.Join(ops, " "); got != "DELETE UPDATE UPDATE UPDATE CREATE" {
				t.Errorf("audit: %s", got)
			}
		})
	}
}

func entityName(k resource.Kind) string { return kindInfo(k).Noun() }

func TestResourcesAreRefusedByField(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, c := range map[string]struct{ path, body, field string }{
		"three segments":       {"event-types", `{"code":"a:b:c"}`, "code"},
		"no URL":               {"connections", `{"code":"a"}`, "url"},
		"a URL with a user":    {"connections", `{"code":"a","url":"https://me:hunter2@hooks.example.com"}`, "url"},
		"no secret":            {"connections", `{"code":"a","url":"https://hooks.example.com","signing":{"scheme":"flowcatalyst"}}`, "signing.secret"},
		"a stranger's secret":  {"connections", `{"code":"a","url":"https://hooks.example.com","signing":{"scheme":"flowcatalyst","secret":{"fingerprint":"sha256:000000000000"}}}`, "signing.secret"},
		"a reserved header":    {"connections", `{"code":"a","url":"https://hooks.example.com","headers":{"Host":"x"}}`, "headers"},
		"a bad rate":           {"dispatch-pools", `{"code":"a","rateLimit":"5/fortnight"}`, "rateLimit"},
		"a text for a number":  {"dispatch-pools", `{"code":"a","concurrency":"hunter2"}`, "concurrency"},
		"too much concurrency": {"dispatch-pools", `{"code":"a","maxConcurrency":100000}`, "concurrency"},
		"no patterns":          {"subscriptions", `{"code":"a","target":"https://hooks.example.com"}`, "eventTypes"},
		"a short pattern":      {"subscriptions", `{"code":"a","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"a:*"}]}`, "eventTypes[0].eventTypeCode"},
		"a filter that does not compile": {"subscriptions",
			`{"code":"a","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"a:b:c:d"},{"eventTypeCode":"a:b:c:d","filter":"data.total >"}]}`, "eventTypes[1].filter"},
		"a filter that is no bool": {"subscriptions",
			`{"code":"a","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"a:b:c:d","filter":"1 + 1"}]}`, "eventTypes[0].filter"},
		"an unknown connection":    {"subscriptions", `{"code":"a","connectionCode":"none","eventTypes":[{"eventTypeCode":"a:b:c:d"}]}`, "connectionCode"},
		"an unknown connection id": {"subscriptions", `{"code":"a","connectionId":"con_none","eventTypes":[{"eventTypeCode":"a:b:c:d"}]}`, "connectionId"},
		"a bad duration":           {"subscriptions", `{"code":"a","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"a:b:c:d"}],"retrySchedule":["hunter2"]}`, "retrySchedule"},
		"a bad mode":               {"subscriptions", `{"code":"a","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"a:b:c:d"}],"mode":"FIFO"}`, "mode"},
		"malformed":                {"subscriptions", `{"code":`, "body"},
		"a bad client":             {"dispatch-pools", `{"code":"a","clientId":"x y"}`, "clientId"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do("POST", "/api/"+c.path, w.admin(), c.body)
			a.problem(400, "INVALID", `"field":"`+c.field+`"`)
			if strings.Contains(string(a.body), "hunter2") {
				t.Errorf("the value left: %s", a.body)
			}
		})
	}
	w.do("POST", "/api/connections", w.admin(), samples[resource.KindConnection], "Content-Type", "text/plain").problem(415, "UNSUPPORTED_MEDIA_TYPE")
	w.do("POST", "/api/connections", w.admin(), "").problem(400, "INVALID", "body")
	w.do("POST", "/api/connections", w.admin(), `{"code":"`+strings.Repeat("x", 1<<20)+`"}`).problem(413, "TOO_LARGE", "1048576 bytes")
}

func TestReferencesAreKeptByIdAndCode(t *testing.T) {
	t.Parallel()
	w := setup(t)
	con := w.do("POST", "/api/connections", w.admin(), `{"code":"wh","url":"https://hooks.example.com"}`).is(201).id()
	pool := w.do("POST", "/api/dispatch-pools", w.admin(), `{"code":"fast","clientId":"acme"}`).is(201).id()
	body := `{"code":"s","clientId":"acme","connectionCode":"wh","dispatchPoolCode":"fast","eventTypes":[{"eventTypeCode":"a:b:c:d"}]}`
	a := w.do("POST", "/api/subscriptions", w.admin(), body).is(201)
	if a.get("connectionId") != con || a.get("dispatchPoolId") != pool || a.get("connectionCode") != "wh" {
		t.Errorf("created: %s", a.body)
	}
	// Another client's pool is unknown, and unknown pools fall back.
	b := w.do("POST", "/api/subscriptions", w.of("globex"), strings.ReplaceAll(body, `"clientId":"acme",`, "")).is(201)
	if b.get("dispatchPoolCode") != "DEFAULT-POOL" || b.get("warnings") == nil || b.header.Get("X-FlowCatalyst-Warning") == "" {
		t.Errorf("fallback: %s %v", b.body, b.header)
	}

	w.do("DELETE", "/api/connections/wh", w.admin(), "").problem(409, "IN_USE", "subscription s")
	w.do("DELETE", "/api/dispatch-pools/"+pool, w.admin(), "").problem(409, "IN_USE", "subscription s")
	// Naming another by code only moves both names.
	other := w.do("POST", "/api/connections", w.admin(), `{"code":"wh2","url":"https://hooks.example.com/2"}`).is(201).id()
	for _, id := range []string{a.id(), b.id()} {
		w.do("PUT", "/api/subscriptions/"+id, w.admin(), `{"connectionCode":"wh2","dispatchPoolCode":null}`).is(204)
		got := w.do("GET", "/api/subscriptions/"+id, w.admin(), "").is(200)
		if got.get("connectionId") != other || got.get("dispatchPoolId") != nil || got.get("dispatchPoolCode") != nil {
			t.Errorf("moved: %s", got.body)
		}
	}
	w.do("DELETE", "/api/connections/wh", w.admin(), "").is(204)
	w.do("DELETE", "/api/dispatch-pools/"+pool, w.admin(), "").is(204)
}

func TestTheDefaultPoolAlwaysExists(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a := w.do("GET", "/api/dispatch-pools/DEFAULT-POOL", w.admin(), "").is(200)
	if a.get("concurrency") != 20.0 || a.get("maxConcurrency") != 20.0 {
		t.Errorf("pool: %s", a.body)
	}
	w.do("DELETE", "/api/dispatch-pools/DEFAULT-POOL", w.admin(), "").problem(409, "PROTECTED")
	w.do("PUT", "/api/dispatch-pools/DEFAULT-POOL", w.admin(), `{"status":"ARCHIVED"}`).problem(400, "INVALID", "status")
	w.do("PUT", "/api/dispatch-pools/DEFAULT-POOL", w.admin(), `{"concurrency":30}`).is(204)
}

func TestResourcesMoveBetweenTheirStates(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, info := range routing() {
		w.do("POST", "/api/"+info.Collection, w.admin(), samples[info.Kind]).is(201)
	}
	for path, status := range map[string]string{
		"subscriptions/ship/pause": "PAUSED", "connections/warehouse/pause": "PAUSED", "dispatch-pools/priority/suspend": "SUSPENDED",
		"event-types/orders%3Afulfillment%3Ashipment%3Ashipped/archive": "ARCHIVED",
	} {
		for range 2 { // being there already is no error
			if a := w.do("POST", "/api/"+path, w.admin(), "").is(200); a.get("status") != status || a.get("revision") != 2.0 {
				t.Errorf("%s: %s", path, a.body)
			}
		}
	}
	w.do("POST", "/api/subscriptions/ship/resume", w.admin(), "").is(200)
	w.do("POST", "/api/connections/warehouse/resume", w.admin(), "").is(200)
	w.do("POST", "/api/dispatch-pools/priority/activate", w.admin(), "").is(200)
	if n := len(w.do("GET", "/api/subscriptions?status=ACTIVE", w.admin(), "").is(200).get("subscriptions").([]any)); n != 1 {
		t.Errorf("%d active", n)
	}

	// What is archived does not come back by being paused.
	w.do("PUT", "/api/subscriptions/ship", w.admin(), `{"status":"ARCHIVED"}`).is(204)
	w.do("POST", "/api/subscriptions/ship/pause", w.admin(), "").problem(409, "CONFLICT", "archived")
	w.do("POST", "/api/subscriptions/ship/resume", w.admin(), "").is(200)

	et := "/api/event-types/orders:fulfillment:shipment:shipped"
	w.do("POST", et+"/versions", w.admin(), `{"schema":{"type":"object"}}`).is(200)
	a := w.do("POST", et+"/versions", w.admin(), `{"schema":"{\"type\":\"object\"}"}`).is(200)
	versions := a.get("specVersions").([]any)
	if len(versions) != 2 || versions[1].(map[string]any)["version"] != "2" || a.get("application") != "orders" || a.get("event") != "shipped" {
		t.Errorf("versions: %s", a.body)
	}
	w.do("POST", et+"/versions", w.admin(), `{"schema":7}`).problem(400, "INVALID", `"field":"schema"`)
	w.do("POST", et+"/versions", w.admin(), `{"version":"2","schema":{}}`).problem(400, "INVALID", "version")
}

func TestSecretsNeverLeave(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const secret, second = "whsec_dGhlIHNlY3JldCB0aGF0IG5ldmVyIGxlYXZlcw", "whsec_YW5vdGhlciBvbmUgdGhhdCBzdGF5cyB3aXRoaW4"
	var said strings.Builder
	do := func(method, path, body string) *answer {
		t.Helper()
		a := w.do(method, path, w.admin(), body)
		said.Write(a.body)
		fmt.Fprint(&said, a.header)
		return a
	}
	create := `{"code":"c","url":"https://hooks.example.com","signing":{"scheme":"standard-webhooks","secret":"` + secret + `"}}`
	a := do("POST", "/api/connections", create).is(201)
	print := a.get("signing").(map[string]any)["secret"].(map[string]any)["fingerprint"]
	if print != resource.NewSecret(secret).Fingerprint() {
		t.Errorf("fingerprint: %v", print)
	}
	do("POST", "/api/connections", create).problem(409, "ALREADY_EXISTS")
	do("POST", "/api/connections", strings.NewReplacer("https://", "", `"c"`, `"e"`).Replace(create)).problem(400, "INVALID")
	do("POST", "/api/connections", `{"code":"d","signing":{"scheme":7,"secret":"`+secret+`"}}`).problem(400, "INVALID")
	// Named by its fingerprint, left out within signing, or untouched: it stays.
	for _, patch := range []string{string(a.body), `{"signing":{"scheme":"standard-webhooks"}}`, `{"signing":{"scheme":"flowcatalyst"}}`, `{"name":"x"}`} {
		do("PUT", "/api/connections/c", patch).is(204)
		got := do("GET", "/api/connections/c", "")
		if p := got.get("signing").(map[string]any)["secret"]; p.(map[string]any)["fingerprint"] != print {
			t.Errorf("after %s: %v", patch, p)
		}
		cat, err := w.api.p.Routes(t.Context())
		if err != nil || cat.Connections[a.id()].Signing.Secret.Reveal() != secret {
			t.Fatalf("after %s the secret is lost (%v)", patch, err)
		}
	}
	do("PUT", "/api/connections/c", `{"signing":{"scheme":"flowcatalyst","secret":"`+second+`","previous":[{"secret":{"fingerprint":"`+print.(string)+`"},"until":"2030-01-01T00:00:00Z"}]}}`).is(204)
	cat, err := w.api.p.Routes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s := cat.Connections[a.id()].Signing; s.Secret.Reveal() != second || len(s.Previous) != 1 || s.Previous[0].Secret.Reveal() != secret {
		t.Error("the rotation is not kept")
	}
	do("GET", "/api/connections", "")
	do("GET", "/api/audit-logs", "")
	do("POST", "/api/apply", `{"manifest":"m","dryRun":true,"changes":[{"action":"update","kind":"connection","code":"c","revision":99,"resource":`+create+`}]}`).problem(409, "STALE_PLAN")
	docs, _, err := w.st.Documents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		said.Write(d.Body)
	}
	said.WriteString(w.log.String())
	for _, s := range []string{secret, second, "dGhlIHNlY3JldCB0aGF0", "YW5vdGhlciBvbmUg"} {
		if strings.Contains(said.String(), s) {
			t.Errorf("%s left or lies open", s)
		}
	}
}

func TestConcurrentWritersConverge(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/connections", w.admin(), samples[resource.KindConnection]).is(201)
	admin := w.admin()
	const writers, rounds = 8, 5
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			for i := range rounds {
				a := w.do("PUT", "/api/connections/warehouse", admin, fmt.Sprintf(`{"description":"writer %d round %d"}`, n, i))
				if a.status != 204 {
					t.Errorf("update: %d %s", a.status, a.body)
				}
				if a := w.do("POST", "/api/dispatch-pools", admin, fmt.Sprintf(`{"code":"p-%d-%d"}`, n, i)); a.status != 201 {
					t.Errorf("create: %d %s", a.status, a.body)
				}
			}
			// One of all creates of the same code wins.
			if a := w.do("POST", "/api/dispatch-pools", admin, `{"code":"same"}`); a.status != http.StatusCreated && a.status != http.StatusConflict {
				t.Errorf("create: %d %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	if a := w.do("GET", "/api/connections/warehouse", admin, ""); a.get("revision") != float64(1+writers*rounds) {
		t.Errorf("an update was lost: %s", a.body)
	}
	if n := w.do("GET", "/api/dispatch-pools", admin, "").is(200).get("total"); n != float64(writers*rounds+2) {
		t.Errorf("%v pools", n)
	}
}

func TestResourceListsPageEitherWay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for i := range 5 {
		w.do("POST", "/api/connections", w.admin(), fmt.Sprintf(`{"code":"c%d","url":"https://hooks.example.com"}`, i)).is(201)
	}
	codes := func(query string) string {
		var page struct{ Connections []struct{ Code string } }
		w.do("GET", "/api/connections?"+query, w.admin(), "").is(200).into(&page)
		var out []string
		for _, c := range page.Connections {
			out = append(out, c.Code)
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"": "c0 c1 c2 c3 c4", "limit=2": "c0 c1", "size=2&page=1": "c2 c3", "page=2&size=2": "c4", "page=9&size=2": "",
		"pagination[page]=1&pagination[size]=3": "c3 c4", "pagination%5Bpage%5D=1&pagination%5Bsize%5D=4": "c4", "code=c3": "c3", "managedBy=m": "",
	} {
		if got := codes(query); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
	next := w.do("GET", "/api/connections?limit=2", w.admin(), "").get("nextCursor").(string)
	// What is created before the cursor does not move what comes after.
	w.do("POST", "/api/connections", w.admin(), `{"code":"a","url":"https://hooks.example.com"}`).is(201)
	if got := codes("limit=2&cursor=" + next); got != "c2 c3" {
		t.Errorf("second page: %s", got)
	}
	w.do("GET", "/api/subscriptions?cursor="+next, w.admin(), "").problem(400, "INVALID", "cursor")
}
