package api

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var mailedToken = regexp.MustCompile(`\?token=([A-Z2-7]{40,})`)

// mailed is the token of the last link that was sent to somebody.
func (w *world) mailed(email string) string {
	w.t.Helper()
	w.mails.mu.Lock()
	defer w.mails.mu.Unlock()
	for i := len(w.mails.all) - 1; i >= 0; i-- {
		if m := w.mails.all[i]; m.To == email {
			if found := mailedToken.FindStringSubmatch(m.Text); found != nil {
				return found[1]
			}
		}
	}
	w.t.Fatalf("nothing was sent to %s", email)
	return ""
}

// form sends what a page would.
func (w *world) form(path string, fields url.Values, headers ...string) *answer {
	w.t.Helper()
	a := w.do("POST", path, "", fields.Encode(), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
	if ct := a.header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
		w.t.Fatalf("content type %q: %s", ct, a.body)
	}
	return a
}

func TestAPasswordIsResetByProgram(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.first(adminEmail, adminPassword)
	s, _, _ := w.login()
	known := w.do("POST", "/auth/password-reset/request", "", `{"email":"`+adminEmail+`"}`).is(202)
	unknown := w.do("POST", "/auth/password-reset/request", "", `{"email":"nobody@example.com"}`).is(202)
	if string(known.body) != string(unknown.body) || known.header.Get("Content-Length") != unknown.header.Get("Content-Length") {
		t.Errorf("the answers differ: %s %s", known.body, unknown.body)
	}
	token := w.mailed(adminEmail)
	for _, a := range []*answer{w.do("GET", "/auth/password-reset/validate?token="+token, "", ""), w.do("POST", "/auth/password-reset/validate", "", `{"token":"`+token+`"}`)} {
		if a.is(200).get("valid") != true || a.get("email") != adminEmail || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("validate: %s", a.body)
		}
	}
	if a := w.do("GET", "/auth/password-reset/validate?token=guess", "", "").is(200); a.get("valid") != false || a.get("email") != nil {
		t.Errorf("validate a guess: %s", a.body)
	}
	w.do("POST", "/auth/password-reset/confirm", "", `{"token":"`+token+`","password":"short"}`).problem(400, "INVALID", "password")
	w.do("POST", "/auth/password-reset/confirm", "", `{"token":"`+token+`"}`).problem(400, "INVALID", "password")
	w.do("POST", "/auth/password-reset/confirm", "", `{"token":"`+token+`","newPassword":"another five words entirely"}`).is(200)
	w.do("POST", "/auth/password-reset/confirm", "", `{"token":"`+token+`","password":"yet another few words"}`).problem(401, "INVALID_CREDENTIALS")
	w.do("GET", "/auth/me", s.AccessToken, "").problem(401, "UNAUTHENTICATED")
	w.do("POST", "/auth/login", "", `{"email":"`+adminEmail+`","password":"another five words entirely"}`).is(200)
	// Neither the audit nor the log has a token.
	audit := w.do("GET", "/api/audit-logs?operation=RESET_PASSWORD", w.admin(), "").is(200)
	if !strings.Contains(string(audit.body), "RESET_PASSWORD") || strings.Contains(string(audit.body), token) || strings.Contains(w.log.String(), token) {
		t.Errorf("audit: %s", audit.body)
	}
}

func TestAPasswordIsResetOnAPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.first(adminEmail, adminPassword)
	ask := w.do("GET", "/auth/password-reset", "", "").is(200)
	if !strings.Contains(string(ask.body), `name="email"`) {
		t.Fatalf("%s", ask.body)
	}
	w.form("/auth/password-reset", url.Values{"email": {adminEmail}}).is(202)
	token := w.mailed(adminEmail)
	page := w.do("GET", "/auth/password-reset?token="+token, "", "").is(200)
	for _, want := range []string{`name="token" value="` + token + `"`, `value="` + adminEmail + `"`, `action="/auth/password-reset"`, `autocomplete="new-password"`} {
		if !strings.Contains(string(page.body), want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if page.header.Get("Referrer-Policy") != "no-referrer" || page.header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(page.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("headers %v", page.header)
	}
	fields := func(password, repeat string) url.Values {
		return url.Values{"token": {token}, "email": {adminEmail}, "password": {password}, "repeat": {repeat}}
	}
	for _, c := range []struct{ password, repeat, says string }{
		{"another five words entirely", "another five words", "Is not the same."},
		{"short", "short", "Must have at least 12 characters."},
		{"", "", "Is required."},
	} {
		a := w.form("/auth/password-reset", fields(c.password, c.repeat)).is(400)
		if !strings.Contains(string(a.body), c.says) || !strings.Contains(string(a.body), token) || c.password != "" && strings.Contains(string(a.body), c.password) {
			t.Errorf("%q: %s", c.password, a.body)
		}
	}
	w.form("/auth/password-reset", fields("another five words entirely", "another five words entirely")).is(200)
	again := w.form("/auth/password-reset", fields("yet another few words", "yet another few words")).is(401)
	if !strings.Contains(string(again.body), "not good any more") || again.header.Get("WWW-Authenticate") != "" {
		t.Errorf("a second time: %v %s", again.header, again.body)
	}
	w.do("GET", "/auth/password-reset?token="+token, "", "").is(401)
	w.do("POST", "/auth/login", "", `{"email":"`+adminEmail+`","password":"another five words entirely"}`).is(200)
	if a := w.do("POST", "/auth/password-reset", "", `{"token":"x"}`); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("JSON on the page's path: %d", a.status)
	}
	// What is in the address is not what a form sends.
	w.form("/auth/password-reset?token="+token+"&password=x", url.Values{"email": {"nobody@example.com"}}).is(202)
}

func TestTheFirstAdministratorIsMadeOnAPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token, err := w.options.SignIn.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.do("GET", "/auth/bootstrap?token=guess", "", "").is(401)
	if a := w.do("GET", "/auth/bootstrap?token="+token, "", "").is(200); !strings.Contains(string(a.body), token) {
		t.Errorf("%s", a.body)
	}
	fields := url.Values{"token": {token}, "email": {`"><script>@example.com`}, "name": {"Ada"}, "password": {adminPassword}, "repeat": {adminPassword}}
	if a := w.form("/auth/bootstrap", fields, "Sec-Fetch-Site", "same-origin").is(400); strings.Contains(string(a.body), "<script") {
		t.Errorf("%s", a.body)
	}
	fields.Set("email", adminEmail)
	a := w.form("/auth/bootstrap", fields, "Sec-Fetch-Site", "same-origin").is(200)
	if c := a.header.Get("Set-Cookie"); !strings.HasPrefix(c, sessionCookie+"=") {
		t.Errorf("cookie %q", c)
	}
	if strings.Contains(string(a.body), adminPassword) || strings.Contains(string(a.body), token) {
		t.Errorf("%s", a.body)
	}
	w.form("/auth/bootstrap", fields).is(401)
	w.do("GET", "/auth/bootstrap?token="+token, "", "").is(401)
	w.do("POST", "/auth/login", "", `{"email":"`+adminEmail+`","password":"`+adminPassword+`"}`).is(200)
}

func TestAnAdministratorSendsALink(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.do("POST", "/api/principals/users", w.admin(), `{"email":"bo@acme.example.com","name":"Bo","clientId":"acme"}`).is(201).id()
	w.do("POST", "/api/principals/"+id+"/send-password-reset", w.of("acme"), "").is(200)
	w.do("POST", "/auth/password-reset/confirm", "", `{"token":"`+w.mailed("bo@acme.example.com")+`","password":"another five words entirely"}`).is(200)
	w.do("POST", "/auth/login", "", `{"email":"bo@acme.example.com","password":"another five words entirely"}`).is(200)
	a := w.do("GET", "/api/audit-logs?entityId="+id, w.admin(), "").is(200)
	if !strings.Contains(string(a.body), "SEND_PASSWORD_RESET") {
		t.Errorf("audit: %s", a.body)
	}
	w.do("POST", "/api/principals/"+id+"/deactivate", w.admin(), "").is(200)
	w.do("POST", "/api/principals/"+id+"/send-password-reset", w.admin(), "").problem(400, "INVALID", "not active")
}
