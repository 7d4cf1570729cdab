package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

func connection(code, owner string, change func(*resource.Connection)) *resource.Connection {
	c := &resource.Connection{Code: code, URL: "https://hooks.example.com/" + code}
	c.ID, c.Revision, c.ManagedBy = "con_"+code, 3, owner
	c.Signing = resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret("whsec_b2xk")}
	if change != nil {
		change(c)
	}
	c.Defaults()
	return c
}

func want(rs ...resource.Resource) Desired {
	d := Desired{Manifest: "orders"}
	for _, r := range rs {
		d.Items = append(d.Items, Item{Resource: r})
	}
	return d
}

// only returns the one change of a plan.
func only(t *testing.T, p *Plan) Change {
	t.Helper()
	if len(p.Changes) != 1 {
		t.Fatalf("%d changes: %+v", len(p.Changes), p.Changes)
	}
	return p.Changes[0]
}

func paths(c Change) []string {
	var ps []string
	for _, a := range c.Attributes {
		ps = append(ps, a.Path+" "+string(a.Before)+"→"+string(a.After))
	}
	return ps
}

func TestActions(t *testing.T) {
	t.Parallel()
	hooks := func(owner string) resource.Resource { return connection("hooks", owner, nil) }
	moved := connection("hooks", "orders", func(c *resource.Connection) { c.URL = "https://new.example.com" })
	protected := connection("hooks", "orders", func(c *resource.Connection) { c.Protected = true })
	for name, tc := range map[string]struct {
		d       Desired
		current []resource.Resource
		action  Action
		paths   []string
		problem string
	}{
		"declared and not there": {d: want(hooks("orders")), action: Create},
		"declared and the same":  {d: want(hooks("orders")), current: []resource.Resource{hooks("orders")}, action: NoOp},
		"declared and different": {d: want(moved), current: []resource.Resource{hooks("orders")}, action: Update,
			paths: []string{`url "https://hooks.example.com/hooks"→"https://new.example.com"`}},
		"no longer declared": {d: want(), current: []resource.Resource{hooks("orders")}, action: Delete},
		"no longer declared and protected": {d: want(), current: []resource.Resource{protected}, action: Conflict,
			problem: "is no longer declared, and is protected"},
		"another manifest's": {d: want(hooks("orders")), current: []resource.Resource{hooks("billing")}, action: Conflict,
			problem: `exists and belongs to the manifest "billing"`},
		"nobody's": {d: want(hooks("orders")), current: []resource.Resource{hooks("")}, action: Conflict,
			problem: "exists and belongs to no manifest"},
		"adopted": {d: Desired{Manifest: "orders", Items: []Item{{Resource: hooks("orders"), Adopt: true}}},
			current: []resource.Resource{hooks("billing")}, action: Update, paths: []string{`managedBy "billing"→"orders"`}},
		"adopted before": {d: Desired{Manifest: "orders", Items: []Item{{Resource: hooks("orders"), Adopt: true}}},
			current: []resource.Resource{hooks("orders")}, action: NoOp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := only(t, Make(tc.d, tc.current))
			if c.Action != tc.action || c.Problem != tc.problem {
				t.Fatalf("%s %q: %v", c.Action, c.Problem, paths(c))
			}
			if tc.paths != nil && !slices.Equal(paths(c), tc.paths) {
				t.Errorf("attributes %q", paths(c))
			}
			if tc.current != nil && (c.ID != "con_hooks" || c.Revision != 3) {
				t.Errorf("against %s at %d", c.ID, c.Revision)
			}
			if c.Adopt != (name == "adopted") {
				t.Errorf("adopt %v", c.Adopt)
			}
		})
	}
}

func TestOthersAreNeverTouched(t *testing.T) {
	t.Parallel()
	p := Make(want(), []resource.Resource{connection("a", "billing", nil), connection("b", "", nil)})
	if len(p.Changes) != 0 || !p.Empty() {
		t.Errorf("%+v", p.Changes)
	}
	// Without a name nothing is owned, and least of all everything.
	if p := Make(Desired{}, []resource.Resource{connection("b", "", nil)}); len(p.Changes) != 0 {
		t.Errorf("%+v", p.Changes)
	}
}

func TestPreviousSecretsAreKnownByTheirFingerprints(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	rotated := func(until time.Time) *resource.Connection {
		return connection("hooks", "orders", func(c *resource.Connection) {
			c.Signing.Previous = []resource.PreviousSecret{{Secret: resource.NewSecret("whsec_b2xk"), Until: until}}
		})
	}
	at := `signing.previous["` + resource.NewSecret("whsec_b2xk").Fingerprint() + `"]`
	c := only(t, Make(want(rotated(until)), []resource.Resource{connection("hooks", "orders", nil)}))
	if len(c.Attributes) != 2 || c.Attributes[0].Path != at || !c.Attributes[0].Secret || c.Attributes[1].Path != at+".until" {
		t.Errorf("added: %v", paths(c))
	}
	c = only(t, Make(want(rotated(until.Add(time.Hour))), []resource.Resource{rotated(until)}))
	if len(c.Attributes) != 1 || c.Attributes[0].Path != at+".until" {
		t.Errorf("longer: %v", paths(c))
	}
}

func TestARotationIsNotUndoneUnseen(t *testing.T) {
	t.Parallel()
	secret := func(v string) func(*resource.Connection) {
		return func(c *resource.Connection) { c.Signing.Secret = resource.NewSecret(v) }
	}
	live := connection("hooks", "orders", func(c *resource.Connection) {
		secret("whsec_bmV3")(c)
		c.Signing.Previous = []resource.PreviousSecret{{Secret: resource.NewSecret("whsec_b2xk"), Until: time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC)}}
		c.ID, c.Revision, c.AppliedRevision = "con_1", 3, 2
	})
	declared := func(v string) *resource.Connection {
		return connection("hooks", "", func(c *resource.Connection) { secret(v)(c); c.Meta = resource.Meta{} })
	}
	// The manifest still has the old secret.
	c := only(t, Make(want(declared("whsec_b2xk")), []resource.Resource{live}))
	if c.Action != Update || !c.Drift || len(c.Attributes) != 1 || c.Attributes[0].Path != "signing.secret" || !c.Attributes[0].Secret {
		t.Errorf("the old secret: %s, drift %v, %v", c.Action, c.Drift, paths(c))
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "rotation") || !strings.Contains(c.Notes[0], "2030-01-31") {
		t.Errorf("notes %q", c.Notes)
	}
	// It has the new one, and the overlap goes on.
	if c := only(t, Make(want(declared("whsec_bmV3")), []resource.Resource{live})); c.Action != NoOp {
		t.Errorf("the new secret: %s %v", c.Action, paths(c))
	}
	// A third one is a change like any other.
	if c := only(t, Make(want(declared("whsec_dGhpcmQ=")), []resource.Resource{live})); c.Action != Update || len(c.Notes) != 0 {
		t.Errorf("a third secret: %s %q", c.Action, c.Notes)
	}
}

func TestSecretsAreComparedByFingerprint(t *testing.T) {
	t.Parallel()
	live := connection("hooks", "orders", nil)
	b, err := json.Marshal(live)
	if err != nil {
		t.Fatal(err)
	}
	shown := new(resource.Connection) // as an answer shows it
	if err := json.Unmarshal(b, shown); err != nil {
		t.Fatal(err)
	}
	if c := only(t, Make(want(live), []resource.Resource{shown})); c.Action != NoOp {
		t.Errorf("%s %v", c.Action, paths(c))
	}
	changed := connection("hooks", "orders", func(c *resource.Connection) { c.Signing.Secret = resource.NewSecret("whsec_bmV3") })
	p := Make(want(changed), []resource.Resource{shown})
	c := only(t, p)
	if c.Action != Update || len(c.Attributes) != 1 || !c.Attributes[0].Secret || c.Attributes[0].Path != "signing.secret" {
		t.Fatalf("%s %v", c.Action, paths(c))
	}
	out, err := json.Marshal(p)
	if err != nil || strings.Contains(string(out), "whsec_") {
		t.Errorf("the plan shows a secret: %s, %v", out, err)
	}
}

func TestReferencesAreComparedByCode(t *testing.T) {
	t.Parallel()
	mine := &resource.Subscription{Code: "ship", EventTypes: []resource.Binding{{EventTypeCode: "a:b:c:*"}, {EventTypeCode: "a:b:d:*", Filter: "data.x > 1"}}, ConnectionCode: "hooks"}
	mine.RetryOn = []int{422, 404}
	mine.Defaults()
	live := *mine
	live.ID, live.Revision, live.ManagedBy = "sub_1", 1, "orders"
	live.RetryOn = []int{404, 422}
	live.ConnectionID, live.DispatchPoolID, live.DispatchPoolCode = "con_1", "dpl_1", resource.DefaultPool
	live.Target = "https://hooks.example.com/ship"
	live.RetrySchedule = resource.DefaultRetrySchedule
	live.EventTypes = []resource.Binding{mine.EventTypes[1], mine.EventTypes[0]}
	if c := only(t, Make(want(mine), []resource.Resource{&live})); c.Action != NoOp {
		t.Errorf("%s %v", c.Action, paths(c))
	}
	live.EventTypes = live.EventTypes[:1]
	live.EventTypes[0].Filter = "data.x > 2"
	live.ConnectionCode, live.TimeoutSeconds = "other", 5
	got := paths(only(t, Make(want(mine), []resource.Resource{&live})))
	if !slices.Equal(got, []string{
		`connectionCode "other"→"hooks"`,
		`eventTypes["a:b:c:*"] →"a:b:c:*"`,
		`eventTypes["a:b:d:*"].filter "data.x > 2"→"data.x > 1"`,
		`timeoutSeconds 5→30`,
	}) {
		t.Errorf("%q", got)
	}
}

func TestSchemasAreComparedAsDocuments(t *testing.T) {
	t.Parallel()
	mine := &resource.EventType{Code: "a:b:c:d", SpecVersions: []resource.SpecVersion{{Version: "1", Schema: []byte(`{ "type": "object", "required": ["x"] }`)}}}
	mine.Defaults()
	live := *mine
	now := time.Now()
	live.ManagedBy = "orders"
	live.SpecVersions = []resource.SpecVersion{{Version: "1", Schema: []byte(`{"required":["x"],"type":"object"}`), Status: "FINALISED", CreatedAt: now, FinalisedAt: &now}}
	if c := only(t, Make(want(mine), []resource.Resource{&live})); c.Action != NoOp {
		t.Errorf("%s %v", c.Action, paths(c))
	}
	live.SpecVersions[0].Schema = []byte(`{"type":"array"}`)
	if got := paths(only(t, Make(want(mine), []resource.Resource{&live}))); !slices.Equal(got,
		[]string{`specVersions["1"].schema {"type":"array"}→{"required":["x"],"type":"object"}`}) {
		t.Errorf("%q", got)
	}
}

func TestStatusIsTheOperators(t *testing.T) {
	t.Parallel()
	paused := connection("hooks", "orders", func(c *resource.Connection) { c.Status = resource.ConnectionPaused })
	c := only(t, Make(want(connection("hooks", "orders", nil)), []resource.Resource{paused}))
	if c.Action != NoOp || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "PAUSED and stays so") {
		t.Errorf("%s %q %v", c.Action, c.Notes, paths(c))
	}
	moved := connection("hooks", "orders", func(c *resource.Connection) { c.URL = "https://new.example.com" })
	c = only(t, Make(want(moved), []resource.Resource{paused}))
	if c.Resource.(*resource.Connection).Status != resource.ConnectionPaused || moved.Status != resource.ConnectionActive {
		t.Error("an update of the URL resumes the connection, or changes what was declared")
	}
	c = only(t, Make(Desired{Manifest: "orders", Items: []Item{{Resource: moved, StatusStated: true}}}, []resource.Resource{paused}))
	if got := paths(c); len(got) != 2 || got[0] != `status "PAUSED"→"ACTIVE"` {
		t.Errorf("%q", got)
	}
	archived := &resource.Subscription{Code: "ship", Target: "https://x.example.com", Status: resource.SubscriptionArchived}
	archived.ManagedBy = "orders"
	declared := &resource.Subscription{Code: "ship", Target: "https://x.example.com"}
	declared.Defaults()
	if got := paths(only(t, Make(want(declared), []resource.Resource{archived}))); !slices.Equal(got, []string{`status "ARCHIVED"→"ACTIVE"`}) {
		t.Errorf("%q", got)
	}
}

func TestDriftIsNamed(t *testing.T) {
	t.Parallel()
	live := connection("hooks", "orders", func(c *resource.Connection) { c.MaxConcurrency, c.AppliedRevision = 4, 2 })
	if c := only(t, Make(want(connection("hooks", "orders", nil)), []resource.Resource{live})); c.Action != Update || !c.Drift {
		t.Errorf("%s, drift %v", c.Action, c.Drift)
	}
	live.AppliedRevision = live.Revision // the manifest changed, nobody else
	if c := only(t, Make(want(connection("hooks", "orders", nil)), []resource.Resource{live})); c.Drift {
		t.Error("a change of the manifest is called drift")
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	sub := func(code string) *resource.Subscription {
		s := &resource.Subscription{Code: code, ConnectionCode: "hooks"}
		s.ManagedBy = "orders"
		s.Defaults()
		return s
	}
	old := connection("old", "orders", nil)
	p := Make(want(sub("z"), sub("a"), connection("new", "", nil)), []resource.Resource{old, sub("gone"), sub("also-gone")})
	var got []string
	for _, c := range p.Changes {
		got = append(got, string(c.Action)+" "+c.Code)
	}
	if !slices.Equal(got, []string{"create new", "create a", "create z", "delete gone", "delete also-gone", "delete old"}) {
		t.Errorf("%q", got)
	}
}

func TestEachClientHasAManifestOfItsOwn(t *testing.T) {
	t.Parallel()
	other := connection("hooks", "orders", func(c *resource.Connection) { c.ClientID = "clt_other" })
	d := want(connection("hooks", "", nil))
	d.ClientID = "clt_mine"
	if c := only(t, Make(d, []resource.Resource{other})); c.Action != Create {
		t.Errorf("%s %v", c.Action, paths(c))
	}
	if p := Make(want(), []resource.Resource{other}); len(p.Changes) != 0 {
		t.Errorf("the manifest at anchor level would %s what is another client's", p.Changes[0].Action)
	}
}

func TestReplaceOnRequest(t *testing.T) {
	t.Parallel()
	d := Desired{Manifest: "orders", Items: []Item{{Resource: connection("hooks", "", nil), Replace: true}}}
	live := connection("hooks", "orders", nil)
	if c := only(t, Make(d, []resource.Resource{live})); c.Action != Replace || c.ID != live.ID || c.Revision != 3 || c.Resource == nil {
		t.Errorf("%+v", c)
	}
	if c := only(t, Make(d, nil)); c.Action != Create {
		t.Errorf("%+v", c)
	}
	live.Protected = true
	if c := only(t, Make(d, []resource.Resource{live})); c.Action != Conflict || c.Resource != nil {
		t.Errorf("%+v", c)
	}
}

func TestEncodedPlanReadsBack(t *testing.T) {
	t.Parallel()
	changed := connection("hooks", "orders", func(c *resource.Connection) { c.URL = "https://new.example.com" })
	p := Make(want(changed), []resource.Resource{connection("hooks", "orders", nil), connection("gone", "orders", nil)})
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	read := new(Plan)
	if err := json.Unmarshal(b, read); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(read)
	if err != nil || string(again) != string(b) {
		t.Errorf("%v\n%s\n%s", err, b, again)
	}
	if !read.Sealed() || p.Sealed() {
		t.Errorf("sealed: read %v, made %v", read.Sealed(), p.Sealed())
	}
	whole, err := read.Unsealed([]resource.Resource{changed})
	if err != nil || whole.Sealed() || whole.Changes[0].Resource.(*resource.Connection).Signing.Secret.Reveal() != "whsec_b2xk" {
		t.Errorf("%v: %+v", err, whole)
	}
	if !read.Sealed() {
		t.Error("the sealed plan was changed")
	}
	changed.Signing.Secret = resource.NewSecret("whsec_bmV3")
	if _, err := read.Unsealed([]resource.Resource{changed}); err == nil {
		t.Error("another secret was taken")
	}
}

func TestForeignDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	for in, say := range map[string]string{
		`[]`:                     "not a plan",
		`{"manifest":"orders"}`:  "not a plan",
		`{"flowcatalystPlan":2}`: "format 2",
		`{"flowcatalystPlan":1,"changes":[{"action":"create","kind":"webhook","code":"x"}]}`:     `no kind "webhook"`,
		`{"flowcatalystPlan":1,"changes":[{"action":"explode","kind":"connection","code":"x"}]}`: `unknown action "explode"`,
	} {
		if err := json.Unmarshal([]byte(in), new(Plan)); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestSwitches(t *testing.T) {
	t.Parallel()
	on, not := new(bool), new(bool)
	*on = true
	pool := func(http2, alive *bool) resource.Resource {
		return &resource.DispatchPool{Meta: resource.Meta{ID: "dpl_1", Revision: 1, ManagedBy: "orders"}, Code: "slow", HTTP2: http2, KeepAlive: alive}
	}
	app := func(active *bool) resource.Resource {
		return &resource.Application{Meta: resource.Meta{ID: "app_1", Revision: 1, ManagedBy: "orders"}, Code: "shop", Active: active}
	}
	sub := func(dataOnly, protected bool) resource.Resource {
		return &resource.Subscription{Meta: resource.Meta{ID: "sub_1", Revision: 1, ManagedBy: "orders", Protected: protected}, Code: "ship", Target: "https://h.example.com", DataOnly: dataOnly}
	}
	for name, tc := range map[string]struct {
		was, is resource.Resource
		paths   []string
	}{
		"turned off":                   {app(on), app(not), []string{"active true→false"}},
		"turned on":                    {app(not), app(on), []string{"active false→true"}},
		"off by default, turned on":    {sub(false, false), sub(true, true), []string{"dataOnly false→true", "protected false→true"}},
		"off by default, turned off":   {sub(true, true), sub(false, false), []string{"dataOnly true→false", "protected true→false"}},
		"on by default":                {app(nil), app(on), nil},
		"not set, and off":             {pool(nil, nil), pool(not, not), []string{"http2 →false", "keepAlive →false"}},
		"off, and no longer set":       {pool(not, on), pool(nil, nil), []string{"http2 false→", "keepAlive true→"}},
		"new and inactive":             {nil, app(not), []string{`active →false`, `name →"shop"`, `type →"APPLICATION"`}},
		"new, with what is off unsaid": {nil, &resource.Role{Name: "shop:clerk", DisplayName: "Clerk"}, []string{`displayName →"Clerk"`}},
	} {
		d := want(tc.is)
		d.Items[0].StatusStated = true
		var live []resource.Resource
		if tc.was != nil {
			live = append(live, tc.was)
		}
		if got := paths(only(t, Make(d, live))); !slices.Equal(got, tc.paths) {
			t.Errorf("%s: %v, not %v", name, got, tc.paths)
		}
	}
}
