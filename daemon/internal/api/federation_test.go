package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/federation/federationtest"
)

// provider gives example.com a provider at which Ada is signed in.
func (w *world) provider() *federationtest.Provider {
	w.t.Helper()
	p := federationtest.Start(w.t)
	p.Claims = federationtest.Claims{"sub": "ada-1", "email": "ada@example.com", "name": "Ada"}
	w.do("POST", "/api/client-auth-configs", w.admin(), `{"emailDomain":"example.com","primaryClientId":"acme","authProvider":"OIDC","oidcIssuerUrl":"`+p.URL+
		`","oidcClientId":"`+federationtest.ClientID+`","oidcClientSecret":"`+federationtest.Secret+`"}`).is(201)
	return p
}

func cookies(a *answer) map[string]*http.Cookie {
	all := map[string]*http.Cookie{}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		all[c.Name] = c
	}
	return all
}

// away begins at a path, and is the provider's answer as the browser brings it
// back, with the cookie that it got.
func (w *world) away(path string) (callback string, cookie *http.Cookie) {
	w.t.Helper()
	a := w.do("GET", path, "", "", "Accept", "text/html").is(http.StatusFound)
	for name, c := range cookies(a) {
		if strings.HasPrefix(name, "fc_oidc_") {
			cookie = c
		}
	}
	if cookie == nil || a.header.Get("Cache-Control") != "no-store" {
		w.t.Fatalf("headers %v", a.header)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	back, err := browser.Get(a.header.Get("Location"))
	if err != nil {
		w.t.Fatal(err)
	}
	_ = back.Body.Close()
	u, err := url.Parse(back.Header.Get("Location"))
	if err != nil || u.Host != "events.example.com" {
		w.t.Fatalf("the provider sends to %s", u)
	}
	return u.RequestURI(), cookie
}

func TestABrowserComesInThroughItsProvider(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.provider()
	how := w.do("GET", "/auth/check-domain?email=ada@example.com", "", "").is(200)
	at, _ := how.get("authorizationUrl").(string)
	if how.get("authMethod") != "OIDC" || at != "https://events.example.com/auth/oidc/login?domain=example.com" {
		t.Fatalf("%s", how.body)
	}
	callback, cookie := w.away(strings.TrimPrefix(at, "https://events.example.com") + "&return_url=%2Foauth%2Fauthorize%3Fclient_id%3Dweb")
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/auth/oidc" || cookie.MaxAge != 600 || cookie.Domain != "" {
		t.Errorf("cookie %+v", cookie)
	}
	w.do("GET", callback, "", "").problem(400, "INVALID", "another browser")
	a := w.do("GET", callback, "", "", "Cookie", cookie.Name+"="+cookie.Value).is(http.StatusSeeOther)
	got := cookies(a)
	session := got[sessionCookie]
	if a.header.Get("Location") != "/oauth/authorize?client_id=web" || session == nil || !session.HttpOnly || !session.Secure || session.SameSite != http.SameSiteLaxMode ||
		got[cookie.Name] == nil || got[cookie.Name].MaxAge != -1 {
		t.Fatalf("headers %v", a.header)
	}
	me := w.do("GET", "/auth/me", "", "", "Cookie", sessionCookie+"="+session.Value).is(200)
	if me.get("email") != "ada@example.com" || me.get("clientId") != "acme" {
		t.Errorf("%s", me.body)
	}
	if list := w.do("GET", "/auth/sessions", "", "", "Cookie", sessionCookie+"="+session.Value).is(200); !strings.Contains(string(list.body), `"method":"oidc"`) {
		t.Errorf("%s", list.body)
	}
	w.do("GET", callback, "", "", "Cookie", cookie.Name+"="+cookie.Value).problem(400, "INVALID", "not known here")
	// A password is no way in for people of the domain.
	w.do("POST", "/api/principals/ada@example.com/reset-password", w.admin(), `{"newPassword":"several unlikely words"}`).problem(400, "INVALID", "identity provider")
	w.do("DELETE", "/api/principals/ada@example.com/identity", w.admin(), "").is(204)

	callback, cookie = w.away("/auth/oidc/login?email=ada@example.com")
	a = w.do("GET", callback, "", "", "Cookie", cookie.Name+"="+cookie.Value+"; "+sessionCookie+"="+session.Value).is(http.StatusSeeOther)
	if at := a.header.Get("Location"); at != "/auth/sign-in" {
		t.Errorf("without a way back it goes to %s", at)
	}
	// The session that the browser had is not left behind.
	w.do("GET", "/auth/me", "", "", "Cookie", sessionCookie+"="+session.Value).problem(401, "UNAUTHENTICATED")
}

func TestWhatGoesWrongAtAProviderIsShown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.provider()
	page := w.do("GET", "/auth/oidc/callback?state=%3Cscript%3E&error=%3Cscript%3E", "", "", "Accept", "text/html,application/xhtml+xml").is(400)
	for _, header := range []struct{ name, has string }{{"Content-Type", "text/html"}, {"Content-Security-Policy", "default-src 'none'"}, {"Cache-Control", "no-store"}, {"Referrer-Policy", "no-referrer"}} {
		if !strings.Contains(page.header.Get(header.name), header.has) {
			t.Errorf("%s: %s", header.name, page.header.Get(header.name))
		}
	}
	if s := string(page.body); strings.Contains(s, "<script") || !strings.Contains(s, "begin again.") || !strings.Contains(s, page.header.Get("X-Request-Id")) {
		t.Errorf("%s", s)
	}
	w.do("GET", "/auth/oidc/login?domain=example.com&return_url=//evil.example.org", "", "").problem(400, "INVALID", "return_url")
	w.do("GET", "/auth/oidc/login?domain=example.net", "", "").problem(404, "NOT_FOUND", "password")
	p.Set(func() { p.Down["/.well-known/openid-configuration"] = true })
	w.do("GET", "/auth/oidc/login?domain=example.com", "", "").problem(502, "PROVIDER_FAILED", "does not say who it is")
}

// Who may act for somebody may unbind them, and nobody else.
func TestAnIdentityIsForgottenByWhoMay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.provider()
	callback, cookie := w.away("/auth/oidc/login?domain=example.com")
	w.do("GET", callback, "", "", "Cookie", cookie.Name+"="+cookie.Value).is(http.StatusSeeOther)
	w.do("DELETE", "/api/principals/ada@example.com/identity", w.of("globex"), "").problem(404, "NOT_FOUND")
	w.do("DELETE", "/api/principals/ada@example.com/identity", w.of("acme"), "").is(204)
	logs := w.do("GET", "/api/audit-logs?operation=FORGET_IDENTITY", w.admin(), "").is(200)
	if !strings.Contains(string(logs.body), `"FORGET_IDENTITY"`) {
		t.Errorf("%s", logs.body)
	}
	robot := w.do("POST", "/api/service-accounts", w.admin(), `{"code":"robot","clientIds":["acme"]}`).is(201).id()
	w.do("DELETE", "/api/principals/prn_"+strings.TrimPrefix(robot, "sac_")+"/identity", w.admin(), "").problem(409, "CONFLICT", "service account")
}

// Another site can not sign a visitor in by itself, and nobody says over the
// API who somebody is at a provider, in whatever capitals.
func TestSigningInIsTheVisitorsAndIdentitiesAreTheProviders(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.provider()
	for _, site := range []string{"cross-site", "same-site"} {
		a := w.do("GET", "/auth/oidc/login?domain=example.com&return_url=%2Fx", "", "", "Sec-Fetch-Site", site).is(200)
		if a.header.Get("Set-Cookie") != "" || !strings.Contains(string(a.body), `href="/auth/oidc/login?domain=example.com&amp;return_url=%2Fx"`) {
			t.Errorf("%s: %v %s", site, a.header, a.body)
		}
	}
	w.do("GET", "/auth/oidc/login?domain=example.com", "", "", "Sec-Fetch-Site", "same-origin").is(http.StatusFound)
	w.do("GET", "/auth/oidc/login?domain=example.com&return_url=%2F%2Fevil.example.com", "", "", "Sec-Fetch-Site", "cross-site").is(400)

	made := w.do("POST", "/api/principals", w.admin(), `{"email":"ceo@example.net","clientId":"acme","idpissuer":"https://login.example.com","idpsubject":"1","IDPSUBJECT":"2"}`).is(201)
	d, err := w.api.p.Directory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if who := d.Subject(made.id()).Person; who.IdpIssuer != "" || who.IdpSubject != "" {
		t.Errorf("bound over the API: %+v", who)
	}
}
