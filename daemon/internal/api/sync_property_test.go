package api

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// synced is a thing as the model has it.
type synced struct {
	owner   string // "", "manifest", or the application whose list has it
	made    bool   // by a sync, which may delete it
	variant int
}

// syncKind is how things of a kind are listed, made by hand, and declared by a
// manifest ("" where manifests do not declare them).
type syncKind struct {
	path, list, create, manifest string
	// entry and hand are a thing by the codes of its application and of itself.
	entry func(app, code string, variant int) string
	hand  func(app, code string) string
	// foreign says that another application may list such a code.
	foreign bool
}

var syncKinds = []syncKind{
	{"roles", "roles", "/api/roles", "",
		func(app, code string, v int) string {
			return fmt.Sprintf(`{"name":"%s:%s","displayName":"V%d","permissions":["%s:a:b:view"]}`, app, code, v, app)
		},
		func(app, code string) string {
			return fmt.Sprintf(`{"name":"%s:%s","displayName":"H"}`, app, code)
		}, false},
	{"event-types", "eventTypes", "/api/event-types", "event_type",
		func(app, code string, v int) string {
			return fmt.Sprintf(`{"code":"%s:a:b:%s","name":"V%d"}`, app, code, v)
		},
		func(app, code string) string {
			return fmt.Sprintf(`{"code":"%s:a:b:%s","name":"H"}`, app, code)
		}, false},
	{"dispatch-pools", "pools", "/api/dispatch-pools", "dispatch_pool",
		func(app, code string, v int) string {
			return fmt.Sprintf(`{"code":"%s-%s","name":"N","concurrency":%d}`, app, code, 5+v)
		},
		func(app, code string) string { return fmt.Sprintf(`{"code":"%s-%s","name":"H"}`, app, code) }, true},
	{"subscriptions", "subscriptions", "/api/subscriptions", "subscription",
		func(app, code string, v int) string {
			return fmt.Sprintf(`{"code":"%s-%s","name":"N","target":"https://hooks.example.com/%d","eventTypes":[{"eventTypeCode":"a:*:*:*"}]}`, app, code, v)
		},
		func(app, code string) string {
			return fmt.Sprintf(`{"code":"%s-%s","name":"H","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"a:*:*:*"}]}`, app, code)
		}, true},
	{"principals", "principals", "/api/principals/users", "",
		func(app, code string, v int) string {
			return fmt.Sprintf(`{"email":"%s.%s@partner.example.com","name":"V%d","roles":[]}`, app, code, v)
		},
		func(app, code string) string {
			return fmt.Sprintf(`{"email":"%s.%s@partner.example.com","name":"H","clientId":"acme"}`, app, code)
		}, true},
}

// syncRun is one run of the property: its codes are of an application of its
// own, so that all runs share a world.
type syncRun struct {
	*rapid.T
	w          *world
	kind       syncKind
	app, other string
	model      map[string]synced
}

// ask sends something that must be answered so.
func (r *syncRun) ask(method, path, body string, status int) *answer {
	r.Helper()
	a := r.w.do(method, path, r.w.admin(), body)
	if a.status != status {
		r.Fatalf("%s %s %s: status %d, want %d: %s", method, path, body, a.status, status, a.body)
	}
	return a
}

// documents are all that is declared, by kind and code.
func (r *syncRun) documents() map[string]string {
	r.Helper()
	docs, _, err := r.w.inner.Documents(context.Background())
	if err != nil {
		r.Fatal(err)
	}
	all := map[string]string{}
	for _, d := range docs {
		all[d.Kind+" "+d.Code+" "+d.ID] = fmt.Sprint(d.Revision, string(d.Body))
	}
	return all
}

// changed are the codes of this run whose documents differ, and whether
// anything else does.
func (r *syncRun) changed(before, after map[string]string) (codes []string, others bool) {
	for _, key := range slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after))) {
		if before[key] == after[key] {
			continue
		}
		found := false
		for code := range r.model {
			if strings.Contains(key, r.app) && strings.Contains(key, code) {
				codes, found = append(codes, code), true
			}
		}
		others = others || !found
	}
	slices.Sort(codes)
	return slices.Compact(codes), others
}

// make lets somebody have a code that nobody has.
func (r *syncRun) make(code string) {
	r.Helper()
	who := []string{"hand"}
	if r.kind.manifest != "" {
		who = append(who, "manifest")
	}
	if r.kind.foreign {
		who = append(who, "other")
	}
	hand := r.kind.hand(r.app, code)
	switch rapid.SampledFrom(who).Draw(r.T, "by") {
	case "hand":
		r.ask("POST", r.kind.create, hand, 201)
		r.model[code] = synced{variant: -1}
	case "manifest":
		field := strings.SplitN(hand, `"`, 5)[3]
		r.ask("POST", "/api/apply", fmt.Sprintf(`{"manifest":"m-%s-%s","changes":[{"action":"create","kind":%q,"code":%q,"resource":%s}]}`, r.app, code, r.kind.manifest, field, hand), 200)
		r.model[code] = synced{owner: "manifest", variant: -1}
	case "other":
		r.ask("POST", "/api/applications/"+r.other+"/"+r.kind.path+"/sync", fmt.Sprintf(`{%q:[%s]}`, r.kind.list, r.kind.entry(r.app, code, 0)), 200)
		r.model[code] = synced{owner: r.other, made: true}
	}
}

// sync sends a list and compares what it does with what the model says.
func (r *syncRun) sync(codes []string) {
	r.Helper()
	listed := map[string]int{}
	var entries []string
	for _, code := range codes {
		if rapid.Bool().Draw(r.T, "list "+code) {
			listed[code] = rapid.IntRange(0, 1).Draw(r.T, "variant")
			entries = append(entries, r.kind.entry(r.app, code, listed[code]))
		}
	}
	remove := rapid.Bool().Draw(r.T, "remove unlisted")
	path := fmt.Sprintf("/api/applications/%s/%s/sync?removeUnlisted=%v", r.app, r.kind.path, remove)
	body := fmt.Sprintf(`{%q:[%s]}`, r.kind.list, strings.Join(entries, ","))

	var touched []string
	created, updated, deleted, refused := 0, 0, 0, false
	next := maps.Clone(r.model)
	for _, code := range codes {
		is, there := r.model[code]
		variant, wanted := listed[code]
		switch {
		case wanted && !there:
			created++
			next[code] = synced{r.app, true, variant}
		case wanted && is.owner != "" && is.owner != r.app:
			refused = true
			continue
		case wanted && (is.owner == "" || is.variant != variant):
			updated++
			next[code] = synced{r.app, is.made, variant}
		case !wanted && remove && is.owner == r.app && is.made:
			deleted++
			delete(next, code)
		case !wanted && remove && is.owner == r.app:
			next[code] = synced{"", false, is.variant} // given back
		default:
			continue
		}
		touched = append(touched, code)
	}

	before := r.documents()
	if refused {
		a := r.ask("POST", path, body, 409)
		if !strings.Contains(string(a.body), "NOT_OWNED") {
			r.Fatalf("refused with %s", a.body)
		}
		if after := r.documents(); !maps.Equal(before, after) {
			r.Fatalf("%s is refused and does something all the same", body)
		}
		return
	}
	did := func() string {
		a := r.ask("POST", path, body, 200)
		return fmt.Sprint(a.get("created"), "/", a.get("updated"), "/", a.get("deleted"))
	}
	if got, want := did(), fmt.Sprint(created, "/", updated, "/", deleted); got != want {
		r.Fatalf("%s to %v: %s, want %s", body, r.model, got, want)
	}
	for _, code := range touched {
		r.model[code] = next[code] // a code that goes is one of this run for the comparison
	}
	after := r.documents()
	slices.Sort(touched)
	if codes, others := r.changed(before, after); others || !slices.Equal(codes, touched) {
		r.Fatalf("%s changed %v, want %v; others: %v", body, codes, touched, others)
	}
	r.model = next
	if got := did(); got != "0/0/0" {
		r.Fatalf("a second %s: %s", body, got)
	}
	if again := r.documents(); !maps.Equal(after, again) {
		r.Fatalf("a second %s changes something", body)
	}
}

func TestSyncDoesWhatItsOwnershipSaysWhateverIsThere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/client-auth-configs", w.admin(), `{"emailDomain":"partner.example.com","configType":"CLIENT","primaryClientId":"acme","authProvider":"INTERNAL"}`).is(201)
	codes := []string{"aaaa", "bbbb", "cccc", "dddd"}
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		r := &syncRun{T: rt, w: w, kind: rapid.SampledFrom(syncKinds).Draw(rt, "kind"),
			app: fmt.Sprintf("own%dx", runs), other: fmt.Sprintf("oth%dx", runs), model: map[string]synced{}}
		for _, app := range []string{r.app, r.other} {
			r.ask("POST", "/api/applications", fmt.Sprintf(`{"code":%q,"name":"App"}`, app), 201)
		}
		for _, code := range codes {
			if rapid.Bool().Draw(rt, "there is "+code) {
				r.make(code)
			}
		}
		for range rapid.IntRange(1, 4).Draw(rt, "syncs") {
			r.sync(codes)
		}
	})
}
