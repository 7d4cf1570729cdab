package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

func manifest(name string, changes ...string) string {
	return fmt.Sprintf(`{"manifest":%q,"changes":[%s]}`, name, strings.Join(changes, ","))
}

const (
	addPool = `{"action":"create","kind":"dispatch_pool","code":"priority","resource":{"concurrency":20}}`
	addCon  = `{"action":"create","kind":"connection","code":"wh","resource":{"code":"wh","url":"https://hooks.example.com","signing":{"scheme":"flowcatalyst","secret":"s3cret-of-wh"}}}`
	// It comes first in the plan, and what it names comes later.
	addSub = `{"action":"create","kind":"subscription","code":"ship","resource":{"code":"ship","connectionCode":"wh","dispatchPoolCode":"priority","eventTypes":[{"eventTypeCode":"orders:*:*:*"}]}}`
)

func (w *world) count(path, list string) int {
	w.t.Helper()
	return len(w.do("GET", path, w.admin(), "").is(200).get(list).([]any))
}

func TestApplyIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	bad := strings.Replace(addSub, `"orders:*:*:*"`, `"orders:*"`, 1)
	p := w.do("POST", "/api/apply", w.admin(), manifest("orders", addCon, addPool, bad)).problem(400, "INVALID")
	if len(p.Problems) != 1 || p.Problems[0].Kind != "subscription" || p.Problems[0].Code != "ship" || p.Problems[0].Field != "eventTypes[0].eventTypeCode" {
		t.Errorf("problems: %+v", p.Problems)
	}
	if n := w.count("/api/connections", "connections"); n != 0 {
		t.Errorf("%d connections of a refused plan", n)
	}
	for name, c := range map[string]struct{ change, field string }{
		"an unknown pool":      {strings.Replace(addSub, "priority", "nowhere", 1), "dispatchPoolCode"},
		"an unknown conn":      {strings.Replace(addSub, `"wh"`, `"nowhere"`, 1), "connectionCode"},
		"an unknown kind":      {`{"action":"create","kind":"queue","code":"q","resource":{}}`, "changes[2].kind"},
		"an unknown action":    {`{"action":"upsert","kind":"connection","code":"q","resource":{}}`, "changes[2].action"},
		"no resource":          {`{"action":"create","kind":"connection","code":"q"}`, "changes[2].resource"},
		"two names":            {`{"action":"create","kind":"connection","code":"q","resource":{"code":"r"}}`, "code"},
		"the same thing again": {addCon, "changes[2].code"},
	} {
		a := w.do("POST", "/api/apply", w.admin(), manifest("orders", addCon, addPool, c.change))
		if p := a.problem(400, "INVALID"); len(p.Problems) != 1 || p.Problems[0].Field != c.field {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	w.do("POST", "/api/apply", w.admin(), manifest("", addCon)).problem(400, "INVALID", `"field":"manifest"`)
	if n := w.count("/api/connections", "connections"); n != 0 {
		t.Errorf("%d connections of refused plans", n)
	}
}

func TestApplyCreatesInWhateverOrder(t *testing.T) {
	t.Parallel()
	w := setup(t)
	dry := strings.Replace(manifest("orders", addSub, addPool, addCon), `"changes"`, `"dryRun":true,"changes"`, 1)
	var got platform.ApplyAnswer
	w.do("POST", "/api/apply", w.admin(), dry).is(200).into(&got)
	if !got.DryRun || len(got.Results) != 3 || got.Results[0].ID != "" {
		t.Errorf("dry run: %+v", got)
	}
	if n := w.count("/api/connections", "connections"); n != 0 {
		t.Fatalf("a dry run made %d connections", n)
	}
	a := w.do("POST", "/api/apply", w.admin(), manifest("orders", addSub, addPool, addCon)).is(200)
	a.into(&got)
	if strings.Contains(string(a.body), "s3cret") || got.DryRun || got.Version == 0 || got.Results[0].Kind != "subscription" || got.Results[0].Revision != 1 || got.Results[0].ID == "" {
		t.Errorf("apply: %s", a.body)
	}
	sub := w.do("GET", "/api/subscriptions/ship", w.admin(), "").is(200)
	if sub.get("managedBy") != "orders" || sub.get("connectionId") != got.Results[2].ID || sub.get("dispatchPoolId") != got.Results[1].ID || sub.get("source") != "CODE" || sub.get("appliedRevision") != 1.0 {
		t.Errorf("subscription: %s", sub.body)
	}

	// Nothing to do writes nothing.
	version := got.Version
	w.do("POST", "/api/apply", w.admin(), manifest("orders")).is(200).into(&got)
	if got.Version != version {
		t.Errorf("an empty plan moved the version from %d to %d", version, got.Version)
	}
	// An update that leaves the secret out keeps it, and a pause that an
	// operator asked for stays where the plan does not speak of it.
	w.do("POST", "/api/subscriptions/ship/pause", w.admin(), "").is(200)
	w.do("POST", "/api/apply", w.admin(), manifest("orders",
		`{"action":"update","kind":"connection","code":"wh","revision":1,"resource":{"url":"https://hooks.example.com/2","signing":{"scheme":"flowcatalyst"}}}`,
		`{"action":"update","kind":"subscription","code":"ship","revision":2,"resource":{"connectionCode":"wh","mode":"BLOCK_ON_ERROR","eventTypes":[{"eventTypeCode":"orders:*:*:*"}]}}`)).is(200)
	cat, err := w.api.p.Routes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cat.Connections {
		if c.Signing.Secret.Reveal() != "s3cret-of-wh" || c.URL != "https://hooks.example.com/2" {
			t.Error("the connection is not as planned")
		}
	}
	sub = w.do("GET", "/api/subscriptions/ship", w.admin(), "").is(200)
	if sub.get("revision") != 3.0 || sub.get("appliedRevision") != 3.0 {
		t.Errorf("what the manifest wrote looks like drift: %s", sub.body)
	}
	w.do("PUT", "/api/subscriptions/ship", w.admin(), `{"name":"By hand","appliedRevision":4}`).is(204)
	if got := w.do("GET", "/api/subscriptions/ship", w.admin(), ""); got.get("revision") != 4.0 || got.get("appliedRevision") != 3.0 {
		t.Errorf("drift can not be told: %s", got.body)
	}
	if sub.get("status") != "PAUSED" || sub.get("mode") != "BLOCK_ON_ERROR" || sub.get("dispatchPoolCode") != nil {
		t.Errorf("subscription: %s", sub.body)
	}
}

func TestAStalePlanIsRefusedWhole(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/apply", w.admin(), manifest("orders", addPool, addCon, addSub)).is(200)
	w.do("PUT", "/api/connections/wh", w.admin(), `{"name":"Changed by hand"}`).is(204)
	newPool := `{"action":"create","kind":"dispatch_pool","code":"new","resource":{}}`
	for name, change := range map[string]string{
		"an older revision": `{"action":"update","kind":"connection","code":"wh","revision":1,"resource":{"url":"https://hooks.example.com"}}`,
		"no revision":       `{"action":"update","kind":"connection","code":"wh","resource":{"url":"https://hooks.example.com"}}`,
		"exists already":    strings.Replace(addCon, `"action"`, `"adopt":true,"action"`, 1),
		"gone for delete":   `{"action":"delete","kind":"connection","code":"gone","revision":1}`,
		"gone for update":   `{"action":"update","kind":"connection","code":"gone","revision":1,"resource":{"url":"https://hooks.example.com"}}`,
		"another of a name": `{"action":"delete","kind":"subscription","code":"ship","id":"sub_other","revision":1}`,
	} {
		a := w.do("POST", "/api/apply", w.admin(), manifest("orders", newPool, change))
		if p := a.problem(409, "STALE_PLAN"); len(p.Conflicts) != 1 || p.Conflicts[0].Detail == "" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	w.do("GET", "/api/dispatch-pools/new", w.admin(), "").problem(404, "NOT_FOUND")
}

func TestAManifestTouchesOnlyItsOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/apply", w.admin(), manifest("orders", addCon)).is(200)
	w.do("POST", "/api/dispatch-pools", w.admin(), `{"code":"byhand"}`).is(201)
	change := `{"action":"update","kind":"connection","code":"wh","revision":1,"resource":{"url":"https://hooks.example.com/x"}}`
	a := w.do("POST", "/api/apply", w.admin(), manifest("billing", change))
	a.problem(409, "NOT_OWNED", "manifest orders")
	w.do("POST", "/api/apply", w.admin(), manifest("billing", `{"action":"delete","kind":"connection","code":"wh","revision":1}`)).problem(409, "NOT_OWNED")
	w.do("POST", "/api/apply", w.admin(), manifest("billing", `{"action":"delete","kind":"dispatch_pool","code":"byhand","revision":1}`)).problem(409, "NOT_OWNED", "no manifest")
	w.do("POST", "/api/apply", w.admin(), manifest("billing", strings.Replace(change, `"revision"`, `"adopt":true,"revision"`, 1))).is(200)
	if got := w.do("GET", "/api/connections/wh", w.admin(), ""); got.get("managedBy") != "billing" || got.get("revision") != 2.0 {
		t.Errorf("adopted: %s", got.body)
	}
	// The manifest of another client is another one's resources.
	w.do("POST", "/api/apply", w.of("acme"), manifest("billing", `{"action":"delete","kind":"connection","code":"wh","revision":2}`)).problem(409, "STALE_PLAN", "gone")
	w.do("POST", "/api/apply", w.of("acme"), `{"manifest":"m","clientId":"globex","changes":[]}`).problem(403, "FORBIDDEN", "clientId")
}

func TestApplyDeletes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/apply", w.admin(), manifest("orders", addPool, addCon, addSub)).is(200)
	delCon := `{"action":"delete","kind":"connection","code":"wh","revision":1}`
	delSub := `{"action":"delete","kind":"subscription","code":"ship","revision":1}`
	w.do("POST", "/api/apply", w.admin(), manifest("orders", delCon)).problem(409, "IN_USE", "subscription ship")
	// Replacing it lets the subscription name the successor.
	var got platform.ApplyAnswer
	w.do("POST", "/api/apply", w.admin(), manifest("orders", `{"action":"replace","kind":"connection","code":"wh","revision":1,"resource":{"url":"https://hooks.example.com/new"}}`)).is(200).into(&got)
	sub := w.do("GET", "/api/subscriptions/ship", w.admin(), "").is(200)
	if sub.get("connectionId") != got.Results[0].ID || sub.get("revision") != 2.0 || sub.get("appliedRevision") != 2.0 {
		t.Errorf("subscription: %s", sub.body)
	}
	delSub = strings.Replace(delSub, `"revision":1`, `"revision":2`, 1)
	// In whatever order: what names it goes as well.
	w.do("POST", "/api/apply", w.admin(), manifest("orders", delCon, delSub)).is(200)
	if w.count("/api/connections", "connections")+w.count("/api/subscriptions", "subscriptions") != 0 {
		t.Error("something is left")
	}
	w.do("POST", "/api/apply", w.admin(), manifest("orders", `{"action":"update","kind":"dispatch_pool","code":"priority","revision":1,"resource":{"protected":true}}`)).is(200)
	w.do("POST", "/api/apply", w.admin(), manifest("orders", `{"action":"delete","kind":"dispatch_pool","code":"priority","revision":2}`)).problem(409, "PROTECTED")
}

func TestApplyNeedsThePermissionOfEachChange(t *testing.T) {
	t.Parallel()
	w := setup(t)
	anchor := func(role string) string {
		return w.token(&auth.Principal{Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{role}})
	}
	w.do("POST", "/api/apply", anchor(auth.RoleViewer), manifest("m", addPool)).problem(403, "FORBIDDEN", "platform:messaging:dispatch-pool:create")
	developer := anchor(auth.RoleDeveloper)
	w.do("POST", "/api/apply", developer, manifest("m", addPool)).is(200)
	w.do("POST", "/api/apply", developer, manifest("m", `{"action":"delete","kind":"dispatch_pool","code":"priority","revision":1}`)).problem(403, "FORBIDDEN", "dispatch-pool:delete")
}

// What belongs to the platform is declared only by who may change it otherwise.
func TestApplyOfThePlatformsOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	role := func(name, permission string) string {
		return fmt.Sprintf(`{"action":"create","kind":"role","code":%q,"resource":{"permissions":[%q]}}`, name, permission)
	}
	shop := `{"action":"create","kind":"application","code":"shop","resource":{}}`
	account := `{"action":"create","kind":"service_account","code":"bot","resource":{"clientIds":["*"],"roles":["platform:super-admin"]}}`
	some := w.token(&auth.Principal{Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleIAMAdmin}})
	for name, c := range map[string]struct{ token, changes, code string }{
		"of a client":                {w.of("acme"), account, "FORBIDDEN"},
		"more than the caller has":   {some, account, "FORBIDDEN"},
		"a role with more":           {some, role("shop:boss", "platform:messaging:subscription:delete"), "FORBIDDEN"},
		"a new role of the platform": {w.admin(), role("platform:mine", "shop:a:b:c"), "PROTECTED"},
		"a built-in role":            {w.admin(), `{"action":"delete","kind":"role","code":"platform:viewer","revision":1,"adopt":true}`, "PROTECTED"},
	} {
		a := w.do("POST", "/api/apply", c.token, manifest("m", c.changes))
		if a.get("code") != c.code {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	w.do("POST", "/api/apply", w.admin(), manifest("m", shop, role("shop:clerk", "shop:a:b:c"))).is(200)
	p := w.do("POST", "/api/apply", w.admin(), manifest("m", `{"action":"delete","kind":"application","code":"shop","revision":1}`)).problem(409, "IN_USE", "role shop:clerk")
	if len(p.Problems) != 1 || p.Problems[0].Kind != "application" || p.Problems[0].Code != "shop" {
		t.Errorf("the refusal does not say what it is about: %+v", p.Problems)
	}
}

// What names no pool goes to this one, whoever owns it: it keeps its code, so
// that it can not be deleted under another.
func TestTheDefaultPoolIsNotRenamed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	revision := w.do("GET", "/api/dispatch-pools/DEFAULT-POOL", w.admin(), "").is(200).get("revision")
	w.do("POST", "/api/apply", w.admin(), manifest("orders", fmt.Sprintf(
		`{"action":"update","kind":"dispatch_pool","code":"mine","from":"DEFAULT-POOL","revision":%v,"adopt":true,"resource":{"code":"mine"}}`, revision))).
		problem(409, "PROTECTED", "always exists")
	w.do("GET", "/api/dispatch-pools/DEFAULT-POOL", w.admin(), "").is(200)
}
