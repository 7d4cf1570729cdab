package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// The walk takes every route that names something, makes that thing for one
// tenant, and asks for it as another one, as somebody without a role, and as
// whoever it belongs to. A route that it knows no thing for fails it, so that
// none escapes.

// walkThing is what a route names.
type walkThing struct {
	// make makes it for acme and says what stands for the parameters.
	make func(w *world) map[string]string
	// shared things are there for everybody with the permission; only who
	// reaches every client changes them.
	shared bool
	// anchor things are there only for who reaches every client.
	anchor bool
}

func madeBy(path, body string) func(*world) map[string]string {
	return func(w *world) map[string]string {
		w.t.Helper()
		return map[string]string{"id": w.do("POST", path, w.admin(), body).is(201).id()}
	}
}

// walkThings are the things by the part of the path that is before their name.
var walkThings = map[string]walkThing{
	"/api/subscriptions":  {make: madeBy("/api/subscriptions", `{"code":"x","clientId":"acme","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"a:*:*:*"}]}`)},
	"/api/connections":    {make: madeBy("/api/connections", `{"code":"x","clientId":"acme","url":"https://hooks.example.com","signing":{"scheme":"standard-webhooks","secret":"whsec_Zm9yLXlvdXItb3duLW1hY2hpbmUtb25seQ=="}}`)},
	"/api/dispatch-pools": {make: madeBy("/api/dispatch-pools", `{"code":"x","clientId":"acme"}`)},
	"/monitoring/pools": {make: func(w *world) map[string]string {
		madeBy("/api/dispatch-pools", `{"code":"x","clientId":"acme"}`)(w)
		return map[string]string{"code": "x"}
	}},
	"/api/event-types":   {make: walkEventType},
	"/api/events":        {make: madeBy("/api/events", `{"type":"a:b:c:d","clientId":"acme"}`)},
	"/api/dispatch-jobs": {make: func(w *world) map[string]string { return walkBlocked(w) }},
	"/api/dead-letters":  {make: func(w *world) map[string]string { return walkBlocked(w) }},
	"/api/groups":        {make: func(w *world) map[string]string { return walkBlocked(w) }},
	"/api/replays": {make: func(w *world) map[string]string {
		w.ordered(1)
		return map[string]string{"id": w.do("POST", "/api/replays", w.of("acme"), `{"all":true}`).is(201).id()}
	}},
	"/api/dead-letter-tasks": {make: func(w *world) map[string]string {
		walkBlocked(w)
		return map[string]string{"id": w.do("POST", "/api/dead-letters/retry", w.of("acme"), `{"all":true}`).is(202).id()}
	}},
	"/api/expunges": {make: func(w *world) map[string]string {
		w.do("POST", "/api/events", w.of("acme"), `{"type":"a:b:c:d","subject":"s"}`).is(201)
		return map[string]string{"id": w.do("POST", "/api/events/expunge", w.of("acme"), `{"subject":"s","reason":"x"}`).is(202).id()}
	}},
	"/api/audit-logs": {make: walkAudit},
	"/api/clients": {make: func(w *world) map[string]string {
		w.shop()
		return map[string]string{"id": "acme", "identifier": "acme", "applicationId": "shop"}
	}, shared: false},
	"/api/principals":       {make: walkPerson},
	"/api/service-accounts": {make: walkAccount},
	"/api/applications": {make: func(w *world) map[string]string {
		w.shop()
		id := w.do("GET", "/api/applications/shop", w.admin(), "").is(200).id()
		return map[string]string{"id": id, "code": "shop", "appCode": "shop", "clientId": "acme"}
	}, shared: true},
	"/api/roles": {make: walkRole, shared: true},
	"/api/oauth-clients": {make: func(w *world) map[string]string {
		m := madeBy("/api/oauth-clients", `{"clientId":"web","clientName":"Web","clientType":"CONFIDENTIAL"}`)(w)
		m["clientId"] = "web"
		return m
	}, anchor: true},
	"/api/anchor-domains":      {make: madeBy("/api/anchor-domains", `{"domain":"anchor.example.com"}`), anchor: true},
	"/api/client-auth-configs": {make: madeBy("/api/client-auth-configs", `{"emailDomain":"partner.example.com","configType":"CLIENT","primaryClientId":"acme"}`), anchor: true},
	"/api/idp-role-mappings":   {make: madeBy("/api/idp-role-mappings", `{"idpRoleName":"admins","roleName":"platform:viewer"}`), anchor: true},
}

// walkElsewhere are routes whose things a test of their own is about.
var walkElsewhere = []string{
	"DELETE /auth/sessions/{id}",                          // one's own: session_test.go
	"POST /monitoring/circuit-breakers/{name}/reset",      // of the router: monitoring_test.go
	"POST /monitoring/warnings/{id}/acknowledge",          // the same
	"GET /monitoring/queues/{name}/messages",              // of the router: queues_test.go
	"GET /monitoring/queues/{name}/dead-letters",          // the same
	"POST /monitoring/queues/{name}/purge",                // the same
	"POST /monitoring/queues/{name}/dead-letters/redrive", // the same
	"GET /api/roles/permissions/{permission}",             // of nobody
	"GET /api/roles/by-source/{source}",                   // a filter
	"POST /api/applications/{appCode}/event-types/sync",   // one's own: sync_test.go
	"POST /api/applications/{appCode}/subscriptions/sync", // the same
	"POST /api/applications/{appCode}/dispatch-pools/sync",
	"POST /api/applications/{appCode}/principals/sync",
}

// walkBodies are requests that need more than an empty object.
var walkBodies = map[string]string{
	"POST /api/dead-letters/{id}/discard":           `{"note":"no use"}`,
	"PUT /api/replays/{id}":                         `{"rate":"10/s"}`,
	"POST /api/event-types/{id}/versions":           `{"schema":{}}`,
	"POST /api/event-types/{id}/validate":           `{"data":{}}`,
	"PUT /api/clients/{id}/applications":            `{"enabledApplicationIds":[]}`,
	"POST /api/clients/{id}/suspend":                `{"reason":"x"}`,
	"POST /api/clients/{id}/deactivate":             `{"reason":"x"}`,
	"POST /api/clients/{id}/notes":                  `{"category":"a","text":"b"}`,
	"PUT /api/principals/{id}/application-access":   `{"applicationIds":[]}`,
	"POST /api/principals/{id}/client-access":       `{"clientId":"acme"}`,
	"POST /api/principals/{id}/reset-password":      `{"newPassword":"several unlikely words"}`,
	"PUT /api/principals/{id}/roles":                `{"roles":["platform:viewer"]}`,
	"POST /api/principals/{id}/roles":               `{"role":"platform:viewer"}`,
	"PUT /api/service-accounts/{id}/roles":          `{"roles":["platform:viewer"]}`,
	"POST /api/service-accounts/{id}/tokens":        `{"name":"x"}`,
	"POST /api/roles/{id}/permissions":              `{"permission":"shop:a:b:c"}`,
	"POST /api/applications/{appCode}/roles/sync":   `{"roles":[]}`,
	"PUT /monitoring/pools/{code}":                  `{"concurrency":3}`,
	"PUT /api/applications/{id}/clients/{clientId}": `{"enabled":true}`,
}

func walkEventType(w *world) map[string]string {
	w.t.Helper()
	m := madeBy("/api/event-types", `{"code":"a:b:c:d","clientId":"acme","specVersions":[{"version":"1","schema":{}}]}`)(w)
	m["code"], m["version"] = "a:b:c:d", "1"
	return m
}

func walkBlocked(w *world) map[string]string {
	w.t.Helper()
	ids := w.ordered(2)
	w.end(w.begin(ids[0]), flow.Reject)
	a := w.do("GET", "/api/dispatch-jobs/"+ids[0], w.admin(), "").is(200)
	return map[string]string{"id": ids[0], "orderKey": a.get("orderKey").(string), "eventId": a.get("eventId").(string)}
}

func walkAudit(w *world) map[string]string {
	w.t.Helper()
	pool := madeBy("/api/dispatch-pools", `{"code":"x","clientId":"acme"}`)(w)["id"]
	var page auditAnswer
	w.do("GET", "/api/audit-logs?entityId="+pool, w.admin(), "").is(200).into(&page)
	return map[string]string{"id": page.AuditLogs[0].ID, "entityType": "DispatchPool", "entityId": pool, "principalId": page.AuditLogs[0].PrincipalID}
}

func walkPerson(w *world) map[string]string {
	w.t.Helper()
	id := w.do("POST", "/api/principals/users", w.admin(), `{"email":"bo@acme.example.com","name":"Bo","clientId":"acme","password":"several unlikely words"}`).is(201).id()
	w.do("POST", "/api/principals/"+id+"/roles", w.admin(), `{"role":"platform:viewer"}`).is(200)
	return map[string]string{"id": id, "role": "platform:viewer", "clientId": "acme"}
}

func walkAccount(w *world) map[string]string {
	w.t.Helper()
	id := w.do("POST", "/api/service-accounts", w.admin(), `{"code":"robot","clientIds":["acme"]}`).is(201).id()
	a := w.do("POST", "/api/service-accounts/"+id+"/tokens", w.admin(), `{"name":"x"}`)
	token, _ := a.get("id").(string)
	return map[string]string{"id": id, "code": "robot", "tokenId": token}
}

func walkRole(w *world) map[string]string {
	w.t.Helper()
	w.shop()
	w.do("POST", "/api/roles", w.admin(), `{"applicationCode":"shop","roleName":"clerk","permissions":["shop:a:b:c"]}`).is(201)
	return map[string]string{"id": "shop%3Aclerk", "code": "shop%3Aclerk", "applicationId": "shop", "permission": "shop:a:b:c"}
}

func TestEveryRouteKeepsTenantsApart(t *testing.T) {
	t.Parallel()
	elsewhere := map[string]bool{}
	for _, name := range walkElsewhere {
		elsewhere[name] = true
	}
	reads, walked := map[string][]route{}, 0
	for _, rt := range setup(t).api.routes() {
		name := rt.method + " " + rt.path
		before, _, named := strings.Cut(rt.path, "/{")
		if !named || elsewhere[name] {
			continue
		}
		_, known := walkThings[before]
		for !known && strings.Count(before, "/") > 2 {
			before = before[:strings.LastIndex(before, "/")]
			_, known = walkThings[before]
		}
		if !known {
			t.Errorf("%s: nothing is known to ask for; give walkThings a row", name)
			continue
		}
		walked++
		if rt.method == http.MethodGet {
			reads[before] = append(reads[before], rt)
		} else {
			t.Run(walkName(name), func(t *testing.T) { t.Parallel(); walkAll(t, before, rt) })
		}
	}
	for before, rts := range reads { // what changes nothing can share a world
		t.Run(walkName("GET "+before), func(t *testing.T) { t.Parallel(); walkAll(t, before, rts...) })
	}
	if walked < 80 {
		t.Errorf("%d routes were walked: the check would be hollow", walked)
	}
}

func walkName(name string) string {
	return strings.NewReplacer("/", " ", "{", "", "}", "").Replace(name)
}

// walkAll makes a thing and asks for it by some routes.
func walkAll(t *testing.T, before string, rts ...route) {
	w := setup(t)
	thing := walkThings[before]
	params := thing.make(w)
	for _, rt := range rts {
		path := rt.path
		for param, v := range params {
			path = strings.ReplaceAll(path, "{"+param+"}", v)
		}
		if strings.Contains(path, "{") {
			t.Fatalf("a parameter of %s stands for nothing", path)
		}
		body := walkBodies[rt.method+" "+rt.path]
		if body == "" && rt.method != http.MethodGet {
			body = "{}"
		}
		w.walk(rt, thing, path, body)
	}
}

// walk asks for one thing as several people.
func (w *world) walk(rt route, thing walkThing, path, body string) {
	w.t.Helper()
	w.do(rt.method, path, "", body).problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	stranger := w.do(rt.method, path, w.of("globex"), body)
	reads := rt.method == http.MethodGet || strings.HasSuffix(rt.path, "/validate")
	switch {
	case thing.shared && reads:
		if stranger.status != http.StatusOK && stranger.status != http.StatusNotFound {
			w.t.Errorf("what everybody shares: %d %s", stranger.status, stranger.body)
		}
	case thing.shared && !reads || thing.anchor:
		if stranger.status != http.StatusNotFound && stranger.status != http.StatusForbidden {
			w.t.Errorf("what is not a tenant's to touch: %d %s", stranger.status, stranger.body)
		}
	case strings.HasPrefix(rt.path, "/api/dispatch-jobs/by-event"), strings.HasPrefix(rt.path, "/api/audit-logs/entity"), strings.HasPrefix(rt.path, "/api/audit-logs/principal"):
		// Lists: they are empty.
		if stranger.status != http.StatusOK || strings.Contains(string(stranger.body), `"clientId":"acme"`) {
			w.t.Errorf("a list for another tenant: %d %s", stranger.status, stranger.body)
		}
	case strings.HasPrefix(rt.path, "/api/clients") && !reads:
		if stranger.status != http.StatusNotFound && stranger.status != http.StatusForbidden {
			w.t.Errorf("another tenant itself: %d %s", stranger.status, stranger.body)
		}
	case stranger.status != http.StatusNotFound:
		w.t.Errorf("another tenant's: %d %s", stranger.status, stranger.body)
	}
	if thing.shared || thing.anchor || strings.HasPrefix(rt.path, "/api/clients") && !reads {
		if a := w.do(rt.method, path, w.admin(), body); a.status >= 400 && a.status != http.StatusConflict && !(a.status == http.StatusNotFound && strings.HasSuffix(rt.path, "/service-account")) {
			w.t.Errorf("for who reaches every client: %d %s", a.status, a.body)
		}
		return
	}
	if strings.HasSuffix(rt.path, "/client-access/{clientId}") {
		return // there is no grant to take; TestNobodyGetsMoreThanTheyHave is about those
	}
	if a := w.do(rt.method, path, w.of("acme"), body); a.status >= 400 && a.status != http.StatusConflict {
		w.t.Errorf("for whoever it belongs to: %d %s", a.status, a.body)
	}
}

func TestNoListTellsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var things []string
	for _, make := range []func(*world) map[string]string{walkBlocked, walkPerson, walkAccount, walkAudit} {
		m := make(w)
		things = append(things, m["id"])
	}
	things = append(things, "hooks.acme.example.com")
	w.do("POST", "/api/connections", w.admin(), `{"code":"theirs","clientId":"acme","url":"https://hooks.acme.example.com"}`).is(201)
	globex, acme := w.of("globex"), w.of("acme")
	seen := 0
	for _, rt := range w.api.routes() {
		if rt.method != http.MethodGet || strings.Contains(rt.path, "{") || rt.needs == public || strings.HasSuffix(rt.path, "/stream") {
			continue
		}
		a := w.do("GET", rt.path, globex, "")
		for _, thing := range things {
			if strings.Contains(string(a.body), thing) {
				t.Errorf("GET %s tells another tenant of %s: %s", rt.path, thing, a.body)
			}
			if strings.Contains(string(w.do("GET", rt.path, acme, "").body), thing) {
				seen++
			}
		}
	}
	if seen < 5 {
		t.Errorf("the tenant itself saw its things %d times: the check would be hollow", seen)
	}
}
