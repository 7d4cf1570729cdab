package api

import (
	"strings"
	"testing"
)

func TestAClientIsCalledByItsIDOrItsIdentifier(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.admin()
	id := w.do("POST", "/api/clients", admin, `{"identifier":"initech","name":"Initech"}`).is(201).id()
	if a := w.do("POST", "/api/connections", admin, `{"code":"hooks","url":"https://hooks.example.com","clientId":"initech"}`).is(201); a.get("clientId") != id {
		t.Errorf("a resource is kept under the identifier: %s", a.body)
	}
	for _, name := range []string{"initech", id} {
		if a := w.do("POST", "/api/events", admin, `{"type":"a:b:c:d","clientId":"`+name+`"}`).is(201); a.get("clientId") != id {
			t.Errorf("an event of %s: %s", name, a.body)
		}
		if a := w.do("GET", "/api/connections?clientId="+name, admin, "").is(200); a.get("total") != 1.0 {
			t.Errorf("connections of %s: %s", name, a.body)
		}
		if a := w.do("GET", "/api/events?clientId="+name, admin, "").is(200); !strings.Contains(string(a.body), id) {
			t.Errorf("events of %s: %s", name, a.body)
		}
		w.do("GET", "/api/connections/hooks?clientId="+name, admin, "").is(200)
		w.do("POST", "/api/events", w.of(id), `{"type":"a:b:c:d","clientId":"`+name+`"}`).is(201)
	}
	w.do("POST", "/api/apply", admin, `{"manifest":"m","clientId":"initech","changes":[{"action":"create","kind":"dispatch_pool","code":"slow","resource":{}}]}`).is(200)
	if a := w.do("GET", "/api/dispatch-pools/slow?clientId=initech", admin, "").is(200); a.get("clientId") != id {
		t.Errorf("a manifest's resource: %s", a.body)
	}

	// What there is no client for is a mistake, and no secret to outsiders.
	w.do("POST", "/api/connections", admin, `{"code":"x","url":"https://hooks.example.com","clientId":"hooli"}`).problem(400, "INVALID", `"field":"clientId"`, "create the client first")
	w.do("POST", "/api/events", admin, `{"type":"a:b:c:d","clientId":"hooli"}`).problem(400, "INVALID", `"field":"clientId"`)
	w.do("POST", "/api/apply", admin, `{"manifest":"m","clientId":"hooli","changes":[]}`).problem(400, "INVALID", `"field":"clientId"`)
	there := w.do("POST", "/api/events", w.of("acme"), `{"type":"a:b:c:d","clientId":"initech"}`).problem(403, "FORBIDDEN")
	notThere := w.do("POST", "/api/events", w.of("acme"), `{"type":"a:b:c:d","clientId":"hooli"}`).problem(403, "FORBIDDEN")
	if there.Detail != notThere.Detail {
		t.Errorf("the answer tells which clients there are: %q, %q", there.Detail, notThere.Detail)
	}
	if a := w.do("GET", "/api/events?clientId=initech", w.of("acme"), "").is(200); strings.Contains(string(a.body), id) {
		t.Errorf("another client's events: %s", a.body)
	}
}
