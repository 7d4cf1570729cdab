package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

func (w *world) login(headers ...string) (sessionAnswer, *http.Cookie, *answer) {
	w.t.Helper()
	a := w.do("POST", "/auth/login", "", `{"email":"`+adminEmail+`","password":"`+adminPassword+`"}`, headers...).is(200)
	var s sessionAnswer
	a.into(&s)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == sessionCookie {
			return s, c, a
		}
	}
	return s, nil, a
}

func TestACookieLetsItsOwnPagesInAndNoOthers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.first(adminEmail, adminPassword)
	for _, headers := range [][]string{nil, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example.com"}, {"Origin", "null"}} {
		if _, c, _ := w.login(headers...); c != nil {
			t.Errorf("%v: a stranger's page got a cookie set", headers)
		}
	}
	s, c, a := w.login("Sec-Fetch-Site", "same-origin")
	if c == nil || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge != 0 || c.Domain != "" {
		t.Fatalf("cookie %+v: %s", c, a.header)
	}
	if strings.Contains(string(a.body), c.Value) || strings.Contains(c.Value, s.AccessToken) {
		t.Error("the cookie's secret is elsewhere too")
	}
	cookie := sessionCookie + "=" + c.Value
	me := w.do("GET", "/auth/me", "", "", "Cookie", cookie).is(200)
	if me.get("csrfToken") != s.CSRFToken || s.CSRFToken == "" {
		t.Errorf("me: %s", me.body)
	}
	pool := func(code string) string { return `{"code":"` + code + `"}` }
	for name, headers := range map[string][]string{
		"no header": {}, "cross-site": {"Sec-Fetch-Site", "cross-site"}, "same-site": {"Sec-Fetch-Site", "same-site"}, "none": {"Sec-Fetch-Site", "none"},
		"another origin": {"Origin", "https://evil.example.com"}, "a wrong token": {csrfHeader, "x"}, "both": {"Sec-Fetch-Site", "cross-site", "Origin", "https://events.example.com"},
	} {
		w.do("POST", "/api/dispatch-pools", "", pool("evil"), append(headers, "Cookie", cookie)...).problem(403, "FORBIDDEN", "X-CSRF-Token")
		w.do("DELETE", "/auth/sessions/"+s.SessionID, "", "", append(headers, "Cookie", cookie)...).is(403)
		_ = name
	}
	w.do("POST", "/api/dispatch-pools", "", pool("a"), "Cookie", cookie, "Sec-Fetch-Site", "same-origin").is(201)
	w.do("POST", "/api/dispatch-pools", "", pool("b"), "Cookie", cookie, "Origin", "https://events.example.com").is(201)
	w.do("POST", "/api/dispatch-pools", "", pool("c"), "Cookie", cookie, csrfHeader, s.CSRFToken).is(201)
	// A bearer token that is wrong is not made good by a cookie.
	w.do("GET", "/auth/me", "wrong", "", "Cookie", cookie).problem(401, "UNAUTHENTICATED")
	// The id of a session, which its tokens show, is no cookie.
	for _, bad := range []string{s.SessionID, s.SessionID + ".", s.SessionID + ".x", "." + c.Value, s.AccessToken} {
		w.do("GET", "/auth/me", "", "", "Cookie", sessionCookie+"="+bad).problem(401, "UNAUTHENTICATED")
	}
	// Fixation: a cookie from before is not taken over by who signs in.
	_, again, _ := w.login("Sec-Fetch-Site", "same-origin", "Cookie", cookie)
	if again == nil || again.Value == c.Value {
		t.Error("a session from before signing in goes on")
	}
	out := w.do("POST", "/auth/logout", "", "", "Cookie", cookie, "Sec-Fetch-Site", "same-origin").is(204)
	if !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("logout leaves the cookie: %v", out.header)
	}
	w.do("GET", "/auth/me", "", "", "Cookie", cookie).problem(401, "UNAUTHENTICATED")
	w.do("GET", "/auth/me", s.AccessToken, "").problem(401, "UNAUTHENTICATED", "revoked")
}

func TestWhatIsTakenAwayCountsAtTheNextRequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.first(adminEmail, adminPassword)
	s, c, _ := w.login("Sec-Fetch-Site", "same-origin")
	w.do("GET", "/api/subscriptions", s.AccessToken, "").is(200)
	other := w.admin()
	w.do("PUT", "/api/principals/"+id+"/roles", other, `{"roles":["platform:viewer"]}`).is(200)
	w.do("POST", "/api/dispatch-pools", s.AccessToken, `{"code":"a"}`).problem(403, "FORBIDDEN")
	w.do("POST", "/api/principals/"+id+"/deactivate", other, "").is(200)
	w.do("GET", "/auth/me", s.AccessToken, "").problem(401, "UNAUTHENTICATED")
	w.do("GET", "/auth/me", "", "", "Cookie", sessionCookie+"="+c.Value).problem(401, "UNAUTHENTICATED")
	w.do("POST", "/auth/refresh", "", `{"refreshToken":"`+s.RefreshToken+`"}`).problem(401, "INVALID_CREDENTIALS")
	w.do("POST", "/auth/login", "", `{"email":"`+adminEmail+`","password":"`+adminPassword+`"}`).problem(401, "INVALID_CREDENTIALS")
	// Whoever comes back signs in again.
	w.do("POST", "/api/principals/"+id+"/activate", other, "").is(200)
	w.do("GET", "/auth/me", s.AccessToken, "").problem(401, "UNAUTHENTICATED")
	w.do("POST", "/auth/refresh", "", `{"refreshToken":"`+s.RefreshToken+`"}`).problem(401, "INVALID_CREDENTIALS")
}

func TestSessionsAreOnesOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.first(adminEmail, adminPassword)
	a, _, _ := w.login("User-Agent", "one\x1b[31m")
	b, _, _ := w.login("User-Agent", "two")
	list := w.do("GET", "/auth/sessions", a.AccessToken, "").is(200)
	if !strings.Contains(string(list.body), a.SessionID) || !strings.Contains(string(list.body), `"current":true`) || strings.Contains(string(list.body), "u001b") {
		t.Errorf("sessions: %s", list.body)
	}
	w.do("DELETE", "/auth/sessions/"+b.SessionID, w.admin(), "").problem(404, "NOT_FOUND") // somebody else's
	w.do("GET", "/auth/me", b.AccessToken, "").is(200)
	w.do("DELETE", "/auth/sessions/"+b.SessionID, a.AccessToken, "").is(204)
	w.do("GET", "/auth/me", b.AccessToken, "").problem(401, "UNAUTHENTICATED")

	c, _, _ := w.login()
	w.do("POST", "/auth/change-password", c.AccessToken, `{"currentPassword":"wrong","newPassword":"quite another sentence"}`).problem(400, "INVALID", "currentPassword")
	w.do("POST", "/auth/change-password", c.AccessToken, `{"currentPassword":"`+adminPassword+`","newPassword":"short"}`).problem(400, "INVALID", "12 characters")
	w.do("POST", "/auth/change-password", c.AccessToken, `{"currentPassword":"`+adminPassword+`","newPassword":"quite another sentence"}`).is(204)
	w.do("GET", "/auth/me", c.AccessToken, "").is(200)
	w.do("GET", "/auth/me", a.AccessToken, "").problem(401, "UNAUTHENTICATED")
	w.do("POST", "/auth/refresh", "", `{"refreshToken":"`+c.RefreshToken+`"}`).is(200)
	// What was revoked stays so after a restart.
	revoked, err := iam.OpenRevoked(t.Context(), w.st, nil, time.Now)
	if err != nil || !revoked.Is(a.SessionID, "") || !revoked.Is(b.SessionID, "") || revoked.Is(c.SessionID, "") {
		t.Errorf("after a restart: %v", err)
	}
	w.do("POST", "/auth/logout-everywhere", c.AccessToken, "").is(204)
	w.do("GET", "/auth/me", c.AccessToken, "").problem(401, "UNAUTHENTICATED")
}

func TestAServiceAccountWithoutRolesMayDoNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token, _ := w.do("POST", "/api/service-accounts", w.admin(), `{"code":"idle","clientIds":["*"]}`).is(201).get("token").(string)
	if !strings.HasPrefix(token, "fc_") || len(token) != 35 {
		t.Fatalf("token %q", token)
	}
	w.do("GET", "/auth/me", token, "").is(200)
	for _, rt := range w.api.routes() {
		if rt.needs == public || rt.needs == anyToken {
			continue
		}
		w.do(rt.method, parameter.ReplaceAllString(rt.path, "0000000000000"), token, "{}").problem(http.StatusForbidden, "FORBIDDEN", rt.needs)
	}
	// A JWT that says otherwise gives it nothing.
	claimed := auth.Claims{Subject: w.do("GET", "/auth/me", token, "").get("principalId").(string), Type: auth.TypeService, Scope: auth.ScopeAnchor,
		Clients: []string{"*"}, Roles: []string{auth.RoleSuperAdmin}}
	jwt, err := w.tokens.Issue(claimed, iam.TokenLife)
	if err != nil {
		t.Fatal(err)
	}
	w.do("GET", "/api/subscriptions", jwt, "").problem(403, "FORBIDDEN")
	w.do("PUT", "/api/service-accounts/idle", w.admin(), `{"active":false}`).is(204)
	w.do("GET", "/auth/me", token, "").problem(401, "UNAUTHENTICATED")
}
