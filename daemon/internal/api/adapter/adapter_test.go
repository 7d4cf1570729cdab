package adapter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/flowcatalyst/fc/daemon/internal/api/adapter"
)

func build(t testing.TB, a *adapter.Adapter) {
	t.Helper()
	if err := a.Build(); err != nil {
		t.Fatalf("build: %v", err)
	}
}

// echo answers with the path it was registered for and the values it got.
func echo(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, answer(path, r.PathValue))
	})
}

func answer(path string, value func(string) string) string {
	b := path
	for s := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(s, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			b += fmt.Sprintf(" %s=%q", name, value(name))
		}
	}
	return b
}

func get(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestLiteralsAndParametersLiveSideBySide(t *testing.T) {
	t.Parallel()
	a := adapter.New(adapter.Options{})
	for _, p := range []string{
		"/", "/api/events", "/api/events/raw", "/api/events/filter-options", "/api/events/{id}",
		"/api/roles/{roleName}", "/api/roles/by-code/{code}", "/api/roles/permissions",
		"/api/roles/permissions/{permission}", "/api/roles/{roleName}/permissions",
		"/api/roles/{roleName}/permissions/{permission}",
		"/api/jobs/{id}", "/api/jobs/raw", "/api/jobs/{id}/raw", "/api/jobs/{job}/attempts/{n}",
	} {
		a.HandleHTTP(http.MethodGet, p, echo(p))
	}
	build(t, a)
	for target, want := range map[string]string{
		"/":                                   "/",
		"/api/events/raw":                     "/api/events/raw",
		"/api/events/0HZX":                    `/api/events/{id} id="0HZX"`,
		"/api/events/rawer":                   `/api/events/{id} id="rawer"`,
		"/api/events/filter-options":          "/api/events/filter-options",
		"/api/roles/app%3Aclerk":              `/api/roles/{roleName} roleName="app:clerk"`,
		"/api/roles/app:clerk":                `/api/roles/{roleName} roleName="app:clerk"`,
		"/api/roles/a%2Fb%20c%25":             `/api/roles/{roleName} roleName="a/b c%"`,
		"/api/roles/by-code/x":                `/api/roles/by-code/{code} code="x"`,
		"/api/roles/by-code":                  `/api/roles/{roleName} roleName="by-code"`,
		"/api/roles/by-code/permissions":      `/api/roles/by-code/{code} code="permissions"`,
		"/api/roles/permissions":              "/api/roles/permissions",
		"/api/roles/%70ermissions":            "/api/roles/permissions",
		"/api/%72oles/permissions/a":          `/api/roles/permissions/{permission} permission="a"`,
		"/api/roles/permissions/permissions":  `/api/roles/permissions/{permission} permission="permissions"`,
		"/api/roles/clerk/permissions":        `/api/roles/{roleName}/permissions roleName="clerk"`,
		"/api/roles/by-code/permissions/read": `/api/roles/{roleName}/permissions/{permission} roleName="by-code" permission="read"`,
		"/api/jobs/raw/raw":                   `/api/jobs/{id}/raw id="raw"`,
		"/api/jobs/7/attempts/2":              `/api/jobs/{job}/attempts/{n} job="7" n="2"`,
		"/api/jobs/7/attempts/..%2F..":        `/api/jobs/{job}/attempts/{n} job="7" n="../.."`,
	} {
		if w := get(a, http.MethodGet, target); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s, want %s", target, w.Code, w.Body, want)
		}
	}
	for _, target := range []string{
		"/api", "/api/", "/api/events/", "/api//events", "/api/events/raw/", "/api/roles//permissions",
		"/api/roles/by-code/", "/api/jobs/7/attempts/", "/api/jobs/7/other", "/api%2Fevents", "/API/events",
	} {
		if w := get(a, http.MethodGet, target); w.Code != 404 {
			t.Errorf("%s: %d %s, want 404", target, w.Code, w.Body)
		}
	}
}

func TestOtherMethods(t *testing.T) {
	t.Parallel()
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	a := adapter.New(adapter.Options{NotFound: status(494), MethodNotAllowed: status(495)})
	a.HandleHTTP(http.MethodGet, "/events/{id}", echo("get"))
	a.HandleHTTP(http.MethodPost, "/events/batch", echo("batch"))
	a.HandleHTTP(http.MethodDelete, "/events/{id}", echo("delete"))
	a.HandleHTTP(http.MethodPut, "/events/raw/{x}", echo("put"))
	a.HandleHTTP(http.MethodPut, "/events/{id}/{y}", echo("put any"))
	a.HandleHTTP(http.MethodHead, "/own/head", status(299))
	a.HandleHTTP(http.MethodGet, "/own/head", echo("get"))
	build(t, a)
	for _, c := range []struct {
		method, target string
		status         int
		allow          string
	}{
		{"POST", "/events/7", 495, "DELETE, GET, HEAD"},
		{"PUT", "/events/batch", 495, "DELETE, GET, HEAD, POST"},
		{"GET", "/events/raw/1", 495, "PUT"},
		{"BREW", "/events/7", 495, "DELETE, GET, HEAD"},
		{"HEAD", "/events/7", 200, ""},
		{"HEAD", "/own/head", 299, ""},
		{"GET", "/nowhere", 494, ""},
		{"OPTIONS", "*", 494, ""},
	} {
		w := get(a, c.method, c.target)
		if w.Code != c.status || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q; want %d, %q", c.method, c.target, w.Code, w.Header().Get("Allow"), c.status, c.allow)
		}
	}
}

func TestAPathThatCannotBeDecodedIsNotFound(t *testing.T) {
	t.Parallel()
	a := adapter.New(adapter.Options{})
	a.HandleHTTP(http.MethodGet, "/{id}", echo("/{id}"))
	build(t, a)
	for _, u := range []*url.URL{{Path: ""}, {Path: "*"}, {Opaque: "example.com"}} {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: u})
		if w.Code != 404 {
			t.Errorf("%+v: %d, want 404", u, w.Code)
		}
	}
	// A raw path that contradicts the path is ignored.
	w := httptest.NewRecorder()
	a.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/a%zz", RawPath: "/a%zz"}})
	if want := `/{id} id="a%zz"`; w.Body.String() != want {
		t.Errorf("answered %d %s, want %s", w.Code, w.Body, want)
	}
}

func TestBuildNamesEveryMistake(t *testing.T) {
	t.Parallel()
	a := adapter.New(adapter.Options{})
	for _, p := range []string{"events", "/events/", "/a//b", "/{}", "/{id", "/x{id}", "/{a}/{a}", "/{p...}", "/a:b", "/a b"} {
		a.HandleHTTP(http.MethodGet, p, echo(p))
	}
	a.HandleHTTP("", "/fine", echo(""))
	a.HandleHTTP(http.MethodGet, "/things/{id}", echo("/things/{id}"))
	a.HandleHTTP(http.MethodGet, "/things/{name}", echo("/things/{name}"))
	err := a.Build()
	if err == nil {
		t.Fatal("build found no mistake")
	}
	got := strings.Split(err.Error(), "\n")
	want := []string{
		"route GET events: it does not begin with a slash",
		"route GET /events/: it has an empty segment",
		"route GET /a//b: it has an empty segment",
		"route GET /{}: {} is not a parameter's name",
		"route GET /{id: {id is neither a whole parameter nor plain text",
		"route GET /x{id}: x{id} is neither a whole parameter nor plain text",
		"route GET /{a}/{a}: it has {a} twice",
		"route GET /{p...}: {p...} is not a parameter's name",
		"route GET /a:b: a:b is neither a whole parameter nor plain text",
		"route GET /a b: a b is neither a whole parameter nor plain text",
		"route  /fine: it has no method",
		"route GET /things/{name}: /things/{id} matches the same requests",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("build said\n%s\nwant\n%s", err, strings.Join(want, "\n"))
	}
	if w := get(a, http.MethodGet, "/things/1"); w.Body.String() != `/things/{id} id="1"` {
		t.Errorf("a good route beside bad ones answered %d %s", w.Code, w.Body)
	}
}

type eventInput struct {
	ID    string `path:"id"`
	Limit int    `query:"limit"`
	Trace string `header:"Traceparent"`
	Body  struct {
		Name string `json:"name"`
	}
}

type eventOutput struct {
	Body struct {
		Said string `json:"said"`
	}
}

func humaAPI() (*adapter.Adapter, huma.API) {
	a := adapter.New(adapter.Options{})
	return a, huma.NewAPI(huma.DefaultConfig("test", "1"), a)
}

func TestHumaOperations(t *testing.T) {
	t.Parallel()
	a, api := humaAPI()
	api.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) {
		ctx = huma.WithValue(huma.WithValue(ctx, "k", "v"), "l", "w")
		r, w, ok := adapter.Request(ctx)
		if !ok || r.URL.Path != ctx.URL().Path || w == nil {
			t.Errorf("no request beneath the context")
		}
		next(ctx)
	})
	said := func(who string) func(context.Context, *eventInput) (*eventOutput, error) {
		return func(_ context.Context, in *eventInput) (*eventOutput, error) {
			var o eventOutput
			o.Body.Said = fmt.Sprint(who, " ", in.ID, " ", in.Limit, " ", in.Trace, " ", in.Body.Name)
			return &o, nil
		}
	}
	huma.Put(api, "/events/{id}", said("one"))
	huma.Put(api, "/events/raw/{id}", said("raw"))
	huma.Put(api, "/events/{id}/again", said("again"))
	a.HandleHTTP(http.MethodPut, "/events/batch", echo("/events/batch"))
	build(t, a)

	put := func(target string) string {
		r := httptest.NewRequest(http.MethodPut, target, strings.NewReader(`{"name":"n"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("traceparent", "00-1")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		var body struct{ Said string }
		if json.Unmarshal(w.Body.Bytes(), &body) != nil || body.Said == "" {
			return fmt.Sprint(w.Code, " ", w.Body)
		}
		return r.Pattern + ": " + body.Said
	}
	for target, want := range map[string]string{
		"/events/app%3Aclerk?limit=7": "PUT /events/{id}: one app:clerk 7 00-1 n",
		"/events/raw/1":               "PUT /events/raw/{id}: raw 1 0 00-1 n",
		"/events/raw/again":           "PUT /events/raw/{id}: raw again 0 00-1 n",
		"/events/x/again":             "PUT /events/{id}/again: again x 0 00-1 n",
		"/events/batch":               "200 /events/batch",
	} {
		if got := put(target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	if _, _, ok := adapter.Request(nil); ok {
		t.Error("a request came from nothing")
	}
}

func TestTheDocumentHasThePathsAsRegistered(t *testing.T) {
	t.Parallel()
	a, api := humaAPI()
	handler := func(context.Context, *eventInput) (*eventOutput, error) { return &eventOutput{}, nil }
	paths := []string{"/events/raw/{id}", "/events/{id}", "/events/{id}/raw"}
	for _, p := range paths {
		huma.Put(api, p, handler)
	}
	build(t, a)
	w := get(a, http.MethodGet, "/openapi.json")
	var doc struct{ Paths map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatalf("document: %d %v", w.Code, err)
	}
	for _, p := range paths {
		if doc.Paths[p] == nil {
			t.Errorf("the document has no %s: %v", p, doc.Paths)
		}
	}
	var found int
	for _, r := range a.Routes() {
		if r.Method == http.MethodPut && r.Operation != nil {
			found++
		}
	}
	if found != len(paths) {
		t.Errorf("Routes lists %d operations, want %d: %+v", found, len(paths), a.Routes())
	}
}

func BenchmarkServeHTTP(b *testing.B) {
	a := adapter.New(adapter.Options{})
	for _, noun := range []string{"events", "roles", "clients", "subscriptions"} {
		for _, p := range []string{"", "/raw", "/search", "/by-code/{code}", "/{id}", "/{id}/pause", "/{id}/raw", "/{id}/parts/{part}"} {
			a.HandleHTTP(http.MethodGet, "/api/"+noun+p, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		}
	}
	build(b, a)
	for _, target := range []string{"/api/events", "/api/events/raw", "/api/events/0HZXEQ5Y8JY5Z", "/api/roles/app%3Aclerk"} {
		b.Run(target, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, target, nil)
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				a.ServeHTTP(w, r)
			}
		})
	}
}
