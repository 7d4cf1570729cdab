package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
)

// open are the routes that may be public, and no others.
var open = []string{
	"POST /auth/login", "POST /auth/refresh", "POST /auth/logout", "POST /auth/bootstrap", "GET /auth/check-domain",
	"GET /.well-known/jwks.json", "GET /health", "GET /openapi.json", "GET /docs",
	"GET /auth/oidc/login", "GET /auth/oidc/callback",
	"POST /auth/password-reset/request", "GET /auth/password-reset/validate", "POST /auth/password-reset/validate", "POST /auth/password-reset/confirm",
	"GET /auth/password-reset", "POST /auth/password-reset", "GET /auth/bootstrap",
	// The authorization server: its clients show who they are in its own way.
	"GET /.well-known/openid-configuration", "GET /.well-known/oauth-authorization-server",
	"POST /oauth/token", "POST /oauth/device_authorization", "POST /oauth/introspect", "POST /oauth/revoke",
	// Pages, which send to the one that signs in.
	"GET /oauth/authorize", "POST /oauth/authorize", "GET /oauth/device", "POST /oauth/device",
	"GET /auth/sign-in", "POST /auth/sign-in", "POST /auth/sign-out",
}

// asking are the pages that answer otherwise than with 200 until somebody at a
// browser has done something.
var asking = []string{"/oauth/authorize", "/oauth/device", "/auth/password-reset/validate", "/auth/bootstrap"}

// own are the routes that need a token and look after permissions themselves.
var own = []string{
	"GET /auth/me", "GET /auth/sessions", "DELETE /auth/sessions/{id}", "POST /auth/change-password", "POST /auth/logout-everywhere", "POST /api/apply",
	"GET /oauth/userinfo", "POST /oauth/userinfo",
}

func TestEveryRouteNamesItsPermission(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rows := w.api.routes()
	named := map[string]bool{}
	for _, rt := range rows {
		name := rt.method + " " + rt.path
		named[name] = true
		switch rt.needs {
		case public:
			if !slices.Contains(open, name) {
				t.Errorf("%s is public", name)
			}
		case anyToken:
			if !slices.Contains(own, name) {
				t.Errorf("%s names no permission", name)
			}
		default:
			if !slices.Contains(auth.Permissions(), rt.needs) {
				t.Errorf("%s needs %q, which is no permission", name, rt.needs)
			}
		}
	}
	// What is registered past the table has no guard.
	for _, rt := range w.api.router.Routes() {
		if !named[rt.Method+" "+rt.Path] {
			t.Errorf("%s %s is not in the table", rt.Method, rt.Path)
		}
	}
	if len(rows) < 50 {
		t.Errorf("%d routes: the check would be hollow", len(rows))
	}
}

// streaming is the route of snapshots. Like those that endless names, its
// answer does not end by itself.
const streaming = "/monitoring/stream"

var endless = []string{streaming, "/api/events/stream", "/api/dispatch-jobs/stream"}

var parameter = regexp.MustCompile(`\{[^}]+\}`)

func TestTheGuardStandsBeforeEveryRoute(t *testing.T) {
	t.Parallel()
	w := setup(t)
	lacking := w.token(&auth.Principal{Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{"nobody:nothing"}})
	none := w.token(&auth.Principal{Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{}})
	for _, rt := range w.api.routes() {
		if rt.needs == public {
			continue
		}
		path := parameter.ReplaceAllString(rt.path, "0000000000000")
		a := w.do(rt.method, path, "", "{}")
		a.problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		if a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s: 401 without WWW-Authenticate", rt.method, rt.path)
		}
		w.do(rt.method, path, "not.a.token", "{}").problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		w.do(rt.method, path, "", "{}", "Authorization", "Basic Zm9vOmJhcg==").problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		if rt.needs == anyToken {
			continue
		}
		for _, token := range []string{lacking, none} {
			w.do(rt.method, path, token, "{}").problem(http.StatusForbidden, "FORBIDDEN", rt.needs)
		}
		if slices.Contains(endless, rt.path) {
			continue // it does not end; see TestTheStream…
		}
		// The right one passes the guard: whatever comes then is no 401 or 403.
		if a := w.do(rt.method, path, w.admin(), "{}"); a.status == 401 || a.status == 403 || a.status >= 500 {
			t.Errorf("%s %s with every permission: %d %s", rt.method, rt.path, a.status, a.body)
		}
	}
}

func TestARoleWithExactlyThePermissionPasses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	viewer := w.token(&auth.Principal{Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleViewer}})
	for _, rt := range w.api.routes() {
		if rt.method != http.MethodGet || strings.Contains(rt.path, "{") || slices.Contains(endless, rt.path) || slices.Contains(asking, rt.path) || strings.HasSuffix(rt.needs, ":view-raw") ||
			strings.HasPrefix(rt.path, "/auth/oidc/") { // they lead elsewhere: federation_test.go
			continue
		}
		path := rt.path
		if strings.HasSuffix(path, "/check-domain") {
			path += "?email=ada@example.com"
		}
		if strings.HasSuffix(path, "/check-email-domain") {
			path += "?domain=example.com"
		}
		if strings.HasSuffix(path, "/check") {
			path += "?messageId=0000000000000"
		}
		w.do(rt.method, path, viewer, "").is(http.StatusOK)
	}
	w.do("POST", "/api/connections", viewer, `{"code":"a","url":"https://hooks.example.com"}`).problem(http.StatusForbidden, "FORBIDDEN", "platform:messaging:connection:create")
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("GET", "/api/nothing", "", "").problem(http.StatusNotFound, "NOT_FOUND")
	w.do("GET", "/api/events/", w.admin(), "").problem(http.StatusNotFound, "NOT_FOUND")
	a := w.do("DELETE", "/api/events", "", "")
	a.problem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
	if allow := a.header.Get("Allow"); !strings.Contains(allow, "POST") || !strings.Contains(allow, "GET") {
		t.Errorf("Allow: %q", allow)
	}
}
