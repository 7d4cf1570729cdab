package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
)

// syncs sends the list of a kind and says what was done: created, updated and
// deleted.
func (w *world) syncs(kind, query, body string) string {
	w.t.Helper()
	var got syncedView
	w.do("POST", "/api/applications/shop/"+kind+"/sync"+query, w.admin(), body).is(200).into(&got)
	if got.ApplicationCode != "shop" {
		w.t.Errorf("application %q", got.ApplicationCode)
	}
	return fmt.Sprintf("%d/%d/%d", got.Created, got.Updated, got.Deleted)
}

func (w *world) wantSync(what, got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: %s created/updated/deleted, want %s", what, got, want)
	}
}

func (w *world) shop() {
	w.t.Helper()
	w.do("POST", "/api/applications", w.admin(), `{"code":"shop","name":"Shop"}`).is(201)
}

var syncLists = []struct{ kind, list, first, changed string }{
	{"roles", "roles", `{"name":"clerk","displayName":"Clerk","permissions":["shop:sales:order:view"]}`, `{"name":"shop:clerk","displayName":"Clerk","permissions":["shop:sales:order:view","shop:sales:order:edit"]}`},
	{"event-types", "eventTypes", `{"code":"shop:sales:order:placed","name":"Placed","description":null}`, `{"code":"shop:sales:order:placed","name":"Order placed"}`},
	{"subscriptions", "subscriptions", `{"code":"hooks","name":"Hooks","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"shop:sales:order:placed","filter":null}],"dispatchPoolCode":"fast"}`,
		`{"code":"hooks","name":"Hooks","target":"https://hooks.example.com/v2","eventTypes":[{"eventTypeCode":"shop:sales:order:placed"}],"dispatchPoolCode":"fast"}`},
	{"dispatch-pools", "pools", `{"code":"fast","name":"Fast","concurrency":7,"rateLimit":600}`, `{"code":"fast","name":"Fast","concurrency":8,"rateLimit":600}`},
	{"principals", "principals", `{"email":"Ada@partner.example.com","name":"Ada","roles":["clerk"],"active":true}`, `{"email":"ada@partner.example.com","name":"Ada L.","roles":["clerk"]}`},
}

func TestSyncMakesWhatIsListedAndASecondOneChangesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.shop()
	w.do("POST", "/api/client-auth-configs", w.admin(), `{"emailDomain":"partner.example.com","configType":"CLIENT","primaryClientId":"acme","authProvider":"INTERNAL"}`).is(201)
	body := func(l struct{ kind, list, first, changed string }, items string) string {
		return `{"` + l.list + `":[` + items + `]}`
	}
	for _, l := range syncLists {
		w.wantSync(l.kind+" first", w.syncs(l.kind, "", body(l, l.first)), "1/0/0")
		w.wantSync(l.kind+" again", w.syncs(l.kind, "?removeUnlisted=true", body(l, l.first)), "0/0/0")
	}
	// The pool came after the subscription that names it.
	if a := w.do("GET", "/api/subscriptions/hooks", w.admin(), "").is(200); a.get("dispatchPoolCode") != "fast" {
		t.Errorf("the subscription forgot its pool: %s", a.body)
	}
	for _, l := range syncLists {
		w.wantSync(l.kind+" once everything is there", w.syncs(l.kind, "", body(l, l.first)), "0/0/0")
	}
	for _, l := range syncLists {
		w.wantSync(l.kind+" changed", w.syncs(l.kind, "", body(l, l.changed)), "0/1/0")
		w.wantSync(l.kind+" changed again", w.syncs(l.kind, "", body(l, l.changed)), "0/0/0")
		w.wantSync(l.kind+" of which none is listed", w.syncs(l.kind, "", body(l, "")), "0/0/0")
	}
	if a := w.do("GET", "/api/principals?email=ada@partner.example.com", w.admin(), "").is(200); !strings.Contains(string(a.body), `"shop:clerk"`) || !strings.Contains(string(a.body), `"clientId":"acme"`) {
		t.Errorf("the person: %s", a.body)
	}
	for i := len(syncLists) - 1; i >= 0; i-- {
		l := syncLists[i]
		if l.kind == "dispatch-pools" {
			continue // the subscription still names it
		}
		w.wantSync(l.kind+" removed", w.syncs(l.kind, "?removeUnlisted=true", body(l, "")), "0/0/1")
	}
	w.wantSync("the pool removed", w.syncs("dispatch-pools", "?removeUnlisted=true", `{"pools":[]}`), "0/0/1")
}

func TestSyncTouchesOnlyWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.shop()
	admin := w.admin()
	pool := func(code string) string { return `{"code":"` + code + `","name":"Pool"}` }
	w.do("POST", "/api/dispatch-pools", admin, pool("by-hand")).is(201)
	w.do("POST", "/api/apply", admin, `{"manifest":"orders","changes":[{"action":"create","kind":"dispatch_pool","code":"declared","resource":{"name":"Pool"}}]}`).is(200)

	// What a manifest has is the manifest's, and nothing of the list happens.
	w.do("POST", "/api/applications/shop/dispatch-pools/sync", admin, `{"pools":[`+pool("new")+`,`+pool("declared")+`]}`).
		problem(409, "NOT_OWNED", "declared", "orders")
	w.do("GET", "/api/dispatch-pools/new", admin, "").is(404)

	// What nobody has becomes the application's, and is not deleted by it.
	w.wantSync("taken over", w.syncs("dispatch-pools", "", `{"pools":[`+pool("by-hand")+`]}`), "0/1/0")
	w.do("POST", "/api/apply", admin, `{"manifest":"orders","changes":[{"action":"update","kind":"dispatch_pool","code":"by-hand","revision":2,"resource":{"name":"Mine"}}]}`).
		problem(409, "NOT_OWNED", "sync:shop")
	w.wantSync("not listed", w.syncs("dispatch-pools", "?removeUnlisted=true", `{"pools":[]}`), "0/0/0")
	if a := w.do("GET", "/api/dispatch-pools/by-hand", admin, "").is(200); a.get("managedBy") != nil {
		t.Errorf("it was not given back: %s", a.body)
	}
	w.do("GET", "/api/dispatch-pools/declared", admin, "").is(200)

	w.do("POST", "/api/applications/shop/event-types/sync", admin, `{"eventTypes":[{"code":"other:a:b:c","name":"x"}]}`).problem(400, "INVALID", "eventTypes[0].code", "another application")
	w.do("POST", "/api/applications/shop/roles/sync", admin, `{"roles":[{"name":"platform:super-admin"}]}`).problem(400, "INVALID", "roles[0].name", "another application")
	w.do("POST", "/api/applications/shop/principals/sync", admin, `{"principals":[{"email":"a@b.example.com","name":"A","roles":["platform:super-admin"]}]}`).problem(400, "INVALID", "another application")
	w.do("POST", "/api/applications/shop/dispatch-pools/sync", admin, `{"pools":[`+pool("a")+`,`+pool("a")+`]}`).problem(400, "INVALID", "pools[1].code", "there twice")
	w.do("POST", "/api/applications/shop/dispatch-pools/sync", admin, `{"pools":[{"code":"a","name":"x","concurrency":"many"}]}`).problem(400, "INVALID", "pools[0].concurrency")
	w.do("POST", "/api/applications/none/dispatch-pools/sync", admin, `{"pools":[]}`).problem(404, "NOT_FOUND")
	w.do("POST", "/api/applications/shop/dispatch-pools/sync", admin, `{}`).problem(400, "INVALID", "pools")
}

func TestSyncLeavesPeopleTheRolesOfOthers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.shop()
	admin := w.admin()
	w.wantSync("roles", w.syncs("roles", "", `{"roles":[{"name":"clerk"},{"name":"boss"}]}`), "2/0/0")
	id := w.do("POST", "/api/principals/users", admin, `{"email":"ada@example.org","name":"Ada","clientId":"acme"}`).is(201).id()
	w.do("PUT", "/api/principals/"+id+"/roles", admin, `{"roles":["platform:viewer","shop:boss"]}`).is(200)
	w.wantSync("first", w.syncs("principals", "", `{"principals":[{"email":"ada@example.org","name":"Ada","roles":["clerk"]}]}`), "0/1/0")
	roles := func() string { return string(w.do("GET", "/api/principals/"+id+"/roles", admin, "").is(200).body) }
	for _, role := range []string{"platform:viewer", "shop:boss", "shop:clerk"} {
		if !strings.Contains(roles(), `"`+role+`"`) {
			t.Errorf("%s is not there: %s", role, roles())
		}
	}
	w.wantSync("without it", w.syncs("principals", "", `{"principals":[{"email":"ada@example.org","name":"Ada","roles":[]}]}`), "0/1/0")
	if got := roles(); strings.Contains(got, "shop:clerk") || !strings.Contains(got, "shop:boss") || !strings.Contains(got, "platform:viewer") {
		t.Errorf("sync took more than it gave: %s", got)
	}
	w.wantSync("not listed", w.syncs("principals", "?removeUnlisted=true", `{"principals":[]}`), "0/0/0")
	w.do("GET", "/api/principals/"+id, admin, "").is(200)
}

func TestSyncNeedsThePermissionsOfItsChanges(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.shop()
	with := func(role string) string {
		return w.token(&auth.Principal{Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{role}})
	}
	w.do("POST", "/api/applications/shop/roles/sync", with(auth.RoleIAMAdmin), `{"roles":[{"name":"god","permissions":["*:*:*:*"]}]}`).problem(403, "FORBIDDEN", "permissions that you do not have")
	w.wantSync("a pool", w.syncs("dispatch-pools", "", `{"pools":[{"code":"a","name":"A"}]}`), "1/0/0")
	w.do("POST", "/api/applications/shop/dispatch-pools/sync?removeUnlisted=true", with(auth.RoleDeveloper), `{"pools":[{"code":"b","name":"B"}]}`).problem(403, "FORBIDDEN", "platform:messaging:dispatch-pool:delete")
	w.do("GET", "/api/dispatch-pools/b", w.admin(), "").is(404)
	w.do("POST", "/api/applications/shop/event-types/sync", with(auth.RoleViewer), `{"eventTypes":[]}`).problem(403, "FORBIDDEN", "platform:messaging:event-type:update")
	// Of one client: its own event types, and no role.
	w.do("POST", "/api/applications/shop/event-types/sync", w.of("acme"), `{"eventTypes":[{"code":"shop:a:b:c","name":"x"}]}`).is(200)
	w.do("GET", "/api/event-types/shop:a:b:c?clientId=acme", w.admin(), "").is(200)
	w.do("POST", "/api/applications/shop/roles/sync", w.of("acme"), `{"roles":[]}`).problem(403, "FORBIDDEN")
}
