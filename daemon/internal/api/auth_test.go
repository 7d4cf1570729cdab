package api

import (
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// first makes the first administrator.
func (w *world) first(email, password string) string {
	w.t.Helper()
	p, err := w.api.p.MakeAdministrator(w.t.Context(), email, "Administrator", password, false)
	if err != nil {
		w.t.Fatal(err)
	}
	return p.ID
}

func TestALoginLastsThroughItsRefreshes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.first(adminEmail, adminPassword)
	if _, err := w.api.p.MakeAdministrator(t.Context(), "other@example.com", "Other", "another long one", false); err == nil {
		t.Fatal("a second bootstrap made somebody")
	}
	login := `{"email":"Admin@Example.com","password":"` + adminPassword + `"}`
	a := w.do("POST", "/auth/login", "", login).is(200)
	var s sessionAnswer
	a.into(&s)
	if s.ExpiresIn != 3600 || s.Email != adminEmail || len(s.Roles) == 0 || !strings.HasPrefix(s.PrincipalID, "prn_") || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("session: %s", a.body)
	}
	me := w.do("GET", "/auth/me", s.AccessToken, "").is(200)
	if me.get("principalId") != s.PrincipalID || me.get("scope") != "ANCHOR" {
		t.Errorf("me: %s", me.body)
	}
	w.do("GET", "/api/subscriptions", s.AccessToken, "").is(200)

	var next sessionAnswer
	w.do("POST", "/auth/refresh", "", `{"refreshToken":"`+s.RefreshToken+`"}`).is(200).into(&next)
	if next.RefreshToken == s.RefreshToken || next.AccessToken == "" {
		t.Error("the refresh token is not rotated")
	}
	w.do("GET", "/auth/me", next.AccessToken, "").is(200)
	w.do("POST", "/auth/logout", "", `{"refreshToken":"`+next.RefreshToken+`"}`).is(204)
	w.do("POST", "/auth/logout", "", "").is(204)
	w.do("POST", "/auth/refresh", "", `{"refreshToken":"`+next.RefreshToken+`"}`).problem(401, "INVALID_CREDENTIALS")
	w.do("POST", "/auth/refresh", "", `{"refreshToken":"nonsense"}`).problem(401, "INVALID_CREDENTIALS")

	w.do("POST", "/auth/login", "", login).is(200).into(&s)
	if err := w.api.p.SetPassword(t.Context(), platform.System(), adminEmail, platform.NewPassword{Password: "an entirely new one"}); err != nil {
		t.Fatal(err)
	}
	w.do("GET", "/auth/me", s.AccessToken, "").problem(401, "UNAUTHENTICATED")
	w.do("POST", "/auth/refresh", "", `{"refreshToken":"`+s.RefreshToken+`"}`).problem(401, "INVALID_CREDENTIALS")
	w.do("POST", "/auth/login", "", login).problem(401, "INVALID_CREDENTIALS")
	w.do("POST", "/auth/login", "", `{"email":"admin@example.com","password":"an entirely new one"}`).is(200)
	if strings.Contains(w.log.String(), adminPassword) || strings.Contains(w.log.String(), s.RefreshToken) {
		t.Error("the log knows a secret")
	}
	audit := w.do("GET", "/api/audit-logs", w.admin(), "").is(200)
	if strings.Contains(string(audit.body), "argon2id") || !strings.Contains(string(audit.body), `"Principal"`) {
		t.Errorf("audit: %s", audit.body)
	}
}

func TestBadLoginsTellNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.first(adminEmail, adminPassword)
	wrong := w.do("POST", "/auth/login", "", `{"email":"admin@example.com","password":"wrong"}`).problem(401, "INVALID_CREDENTIALS")
	nobody := w.do("POST", "/auth/login", "", `{"email":"nobody@example.com","password":"wrong"}`).problem(401, "INVALID_CREDENTIALS")
	if wrong.Detail != nobody.Detail {
		t.Errorf("%q and %q can be told apart", wrong.Detail, nobody.Detail)
	}
	w.do("POST", "/auth/login", "", `{"email":"admin@example.com"}`).problem(400, "INVALID", "password")
	w.do("POST", "/auth/login", "", `{"email":7}`).problem(400, "INVALID", "email")
	w.do("POST", "/auth/login", "", `email=a`, "Content-Type", "application/x-www-form-urlencoded").problem(415, "UNSUPPORTED_MEDIA_TYPE")
	for range 5 {
		if a := w.do("POST", "/auth/login", "", `{"email":"guessed@example.com","password":"x"}`); a.status == 429 {
			p := a.problem(429, "TOO_MANY_REQUESTS")
			if p.RetryAfter == 0 || a.header.Get("Retry-After") == "" {
				t.Errorf("no Retry-After: %s", a.body)
			}
			return
		}
	}
	t.Error("guessing is not slowed down")
}

func TestTheKeysAreShown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a := w.do("GET", "/.well-known/jwks.json", "", "").is(200)
	if list, _ := a.get("keys").([]any); len(list) != 1 || strings.Contains(string(a.body), `"d":`) {
		t.Errorf("jwks: %s", a.body)
	}
}

func TestRequestIdsAreKeptIfTheyAreHarmless(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if got := w.do("GET", "/health", "", "", "X-Request-Id", "abc-1.2:3").header.Get("X-Request-Id"); got != "abc-1.2:3" {
		t.Errorf("id %q", got)
	}
	for _, bad := range []string{"a b", "a\"b", strings.Repeat("x", 129), "<script>", "ü"} {
		if got := w.do("GET", "/health", "", "", "X-Request-Id", bad).header.Get("X-Request-Id"); got == bad || got == "" {
			t.Errorf("id %q for %q", got, bad)
		}
	}
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("GET", "/api/events/unknown", w.admin(), "").is(404)
	w.do("GET", "/api/events/another", w.admin(), "").is(404)
	w.do("BREW", "/coffee", "", "").is(404)
	families, err := w.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "fc_platform_http_requests_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got[strings.Join(labels, " ")] = m.GetCounter().GetValue()
		}
	}
	if got["GET /api/events/{id} 4xx"] != 2 || got["other unmatched 4xx"] != 1 || len(got) != 2 {
		t.Errorf("counts: %v", got)
	}
}
