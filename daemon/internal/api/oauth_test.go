package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
)

const (
	shopBack     = "https://shop.example.com/callback"
	verifier     = "a-verifier-that-is-long-enough-to-be-one-43ch"
	tokenForms   = "application/x-www-form-urlencoded"
	deviceGrants = resource.GrantDeviceCode
)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// browser is somebody at a browser: it keeps the cookie and follows nothing.
type browser struct {
	*world
	cookie string
}

func (b *browser) do(method, path string, form url.Values, headers ...string) *answer {
	b.t.Helper()
	body := ""
	if form != nil {
		body = form.Encode()
		headers = append(headers, "Content-Type", tokenForms)
		if !strings.Contains(strings.Join(headers, " "), "Sec-Fetch-Site") {
			headers = append(headers, "Sec-Fetch-Site", "same-origin")
		}
	}
	if b.cookie != "" {
		headers = append(headers, "Cookie", sessionCookie+"="+b.cookie)
	}
	a := b.world.do(method, path, "", body, headers...)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == sessionCookie {
			b.cookie = c.Value
		}
	}
	return a
}

// query is the query of where an answer leads, which must begin so.
func (a *answer) leads(to string) url.Values {
	a.t.Helper()
	a.is(http.StatusSeeOther)
	got := a.header.Get("Location")
	if !strings.HasPrefix(got, to) {
		a.t.Fatalf("leads to %q, not to %q", got, to)
	}
	u, err := url.Parse(got)
	if err != nil {
		a.t.Fatal(err)
	}
	return u.Query()
}

// signIn signs the browser in at the page where it was sent.
func (b *browser) signIn(email, password, back string) *answer {
	b.t.Helper()
	return b.do("POST", signInPath, url.Values{"email": {email}, "password": {password}, "return_url": {back}})
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// hidden are the hidden fields of a page.
func (a *answer) hidden() url.Values {
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(string(a.body), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	return form
}

// token asks at the token endpoint.
func (w *world) askToken(form url.Values, headers ...string) *answer {
	w.t.Helper()
	return w.do("POST", "/oauth/token", "", form.Encode(), append(headers, "Content-Type", tokenForms)...)
}

// refused checks an answer in the words of RFC 6749.
func (a *answer) refused(status int, code string) *answer {
	a.t.Helper()
	a.is(status)
	if a.get("error") != code || a.get("error_description") == "" || a.header.Get("Cache-Control") != "no-store" {
		a.t.Fatalf("want %s: %s %v", code, a.body, a.header)
	}
	return a
}

// oauthWorld is a world with an administrator and an OAuth client of each
// type.
func oauthWorld(t *testing.T) (w *world, secret string) {
	w = setup(t)
	w.first(adminEmail, adminPassword)
	admin := w.admin()
	a := w.do("POST", "/api/oauth-clients", admin, `{"clientId":"shop","clientName":"Shop","clientType":"CONFIDENTIAL","redirectUris":["`+shopBack+`"],"grantTypes":["authorization_code","refresh_token"],"allowedOrigins":["https://spa.example.com"]}`).is(201)
	secret, _ = a.get("clientSecret").(string)
	w.do("POST", "/api/oauth-clients", admin, `{"clientId":"spa","clientName":"Pages","clientType":"PUBLIC","redirectUris":["https://spa.example.com/back","http://127.0.0.1/back"]}`).is(201)
	return w, secret
}

func authorizeURL(pairs ...string) string {
	q := url.Values{"response_type": {"code"}, "client_id": {"shop"}, "redirect_uri": {shopBack}, "scope": {"openid email profile"}, "state": {"st&te"}, "nonce": {"n0nce"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if q.Del(pairs[i]); pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return "/oauth/authorize?" + q.Encode()
}

// code goes the whole way to a code: sign in, allow.
func (b *browser) code(address string) string {
	b.t.Helper()
	if b.cookie == "" {
		b.do("GET", address, nil).leads(signInPath)
		b.signIn(adminEmail, adminPassword, address).leads("/oauth/authorize")
	}
	a := b.do("GET", address, nil)
	if a.status == http.StatusOK {
		form := a.hidden()
		form.Set("decision", "allow")
		a = b.do("POST", address, form)
	}
	return a.is(http.StatusSeeOther).location().Get("code")
}

func (a *answer) location() url.Values {
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		a.t.Fatal(err)
	}
	return u.Query()
}

func exchangeForm(code, secret string, pairs ...string) url.Values {
	f := url.Values{"grant_type": {"authorization_code"}, "client_id": {"shop"}, "client_secret": {secret}, "code": {code}, "redirect_uri": {shopBack}, "code_verifier": {verifier}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if f.Del(pairs[i]); pairs[i+1] != "" {
			f.Set(pairs[i], pairs[i+1])
		}
	}
	return f
}

func TestAuthorizationCodeFromSignInToUserInfo(t *testing.T) {
	t.Parallel()
	w, secret := oauthWorld(t)
	b := &browser{world: w}
	first := authorizeURL()
	// Nobody is signed in: to the page, and back to where they came from.
	q := b.do("GET", first, nil).leads(signInPath)
	page := b.do("GET", signInPath+"?"+q.Encode(), nil).is(200)
	if !strings.Contains(string(page.body), "To go on to Shop.") || !strings.Contains(page.header.Get("Content-Security-Policy"), "https://shop.example.com") {
		t.Errorf("sign-in page: %s\n%s", page.header, page.body)
	}
	wrong := b.signIn(adminEmail, "wrong", q.Get("return_url")).is(401)
	if b.cookie != "" || !strings.Contains(string(wrong.body), "Email or password is wrong") {
		t.Errorf("a wrong password: %s", wrong.body)
	}
	b.signIn(adminEmail, adminPassword, q.Get("return_url")).leads("/oauth/authorize")
	ask := b.do("GET", q.Get("return_url"), nil).is(200)
	for _, text := range []string{"Shop", adminEmail, "everything that you may do", "https://shop.example.com"} {
		if !strings.Contains(string(ask.body), text) {
			t.Errorf("the page that asks does not say %q: %s", text, ask.body)
		}
	}
	form := ask.hidden()
	form.Set("decision", "allow")
	back := b.do("POST", first, form).leads(shopBack + "?")
	if back.Get("state") != "st&te" || back.Get("iss") != "https://events.example.com" || back.Get("code") == "" {
		t.Fatalf("back: %v", back)
	}
	got := w.askToken(exchangeForm(back.Get("code"), secret)).is(200)
	if got.header.Get("Cache-Control") != "no-store" || got.get("token_type") != "Bearer" || got.get("expires_in") != 3600.0 || got.get("scope") != "openid email profile" {
		t.Errorf("tokens: %s %s", got.header, got.body)
	}
	access, refresh := got.get("access_token").(string), got.get("refresh_token").(string)
	claims := idClaims(t, got.get("id_token").(string))
	if claims["aud"] != "shop" || claims["nonce"] != "n0nce" || claims["email"] != adminEmail || claims["iss"] != "https://events.example.com" || claims["auth_time"] == nil {
		t.Errorf("ID token: %v", claims)
	}
	// The ID token is for the client: this API does not take it.
	w.do("GET", "/auth/me", got.get("id_token").(string), "").problem(401, "UNAUTHENTICATED")
	w.do("GET", "/api/subscriptions", access, "").is(200)
	info := w.do("GET", "/oauth/userinfo", access, "").is(200)
	if info.get("email") != adminEmail || info.get("sub") != claims["sub"] {
		t.Errorf("userinfo: %s", info.body)
	}
	w.do("POST", "/oauth/userinfo", access, "").is(200)

	// What was allowed is not asked for again, and a second sign-in is.
	if a := b.do("GET", first, nil); a.status != 303 || a.location().Get("code") == "" {
		t.Errorf("again: %d %s", a.status, a.body)
	}
	b.do("GET", authorizeURL("prompt", "consent"), nil).is(200)
	b.do("GET", authorizeURL("scope", "openid role:platform:super-admin"), nil).is(200) // another scope
	// Whoever manages the client can not send what was allowed elsewhere.
	w.do("PUT", "/api/oauth-clients/"+w.oauthID("shop"), w.admin(), `{"redirectUris":["`+shopBack+`","https://evil.example.com/"]}`).is(204)
	b.do("GET", authorizeURL("redirect_uri", "https://evil.example.com/"), nil).is(200)
	again := b.do("GET", authorizeURL("prompt", "login", "max_age", "0"), nil).leads(signInPath)
	if back := again.Get("return_url"); again.Get("again") == "" || strings.Contains(back, "prompt") || strings.Contains(back, "max_age") {
		t.Errorf("sign in again: %v", again)
	}

	// Refresh: each token once, and only by its client.
	refreshForm := url.Values{"grant_type": {"refresh_token"}, "client_id": {"shop"}, "client_secret": {secret}, "refresh_token": {refresh}}
	w.do("POST", "/auth/refresh", "", `{"refreshToken":"`+refresh+`"}`).problem(401, "INVALID_CREDENTIALS")
	w.askToken(url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {refresh}}).refused(400, "invalid_grant")
	refreshForm.Set("scope", "openid")
	w.askToken(refreshForm).refused(400, "invalid_scope")
	refreshForm.Set("scope", "profile email openid") // the same, otherwise written
	next := w.askToken(refreshForm).is(200)
	if next.get("refresh_token") == refresh || next.get("id_token") == nil {
		t.Errorf("refreshed: %s", next.body)
	}
	// Revocation: by its own client, and the session ends with the refresh token.
	token := next.get("refresh_token").(string)
	revoke := func(form url.Values) *answer {
		return w.do("POST", "/oauth/revoke", "", form.Encode(), "Content-Type", tokenForms)
	}
	revoke(url.Values{"client_id": {"spa"}, "token": {token}}).refused(400, "unauthorized_client")
	revoke(url.Values{"client_id": {"shop"}, "token": {token}}).refused(401, "invalid_client")
	revoke(url.Values{"client_id": {"shop"}, "client_secret": {secret}, "token": {"unknown"}}).is(200)
	w.do("GET", "/auth/me", access, "").is(200)
	revoke(url.Values{"client_id": {"shop"}, "client_secret": {secret}, "token": {token}}).is(200)
	w.do("GET", "/auth/me", access, "").problem(401, "UNAUTHENTICATED", "revoked")
	refreshForm.Set("refresh_token", token)
	w.askToken(refreshForm).refused(400, "invalid_grant")
}

func idClaims(t *testing.T, token string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// A request whose client or redirect URI is wrong is never answered with a
// redirect; others are told to their client.
func TestAuthorizationRequestsThatAreWrong(t *testing.T) {
	t.Parallel()
	w, _ := oauthWorld(t)
	w.do("POST", "/api/oauth-clients", w.admin(), `{"clientId":"machine","clientType":"CONFIDENTIAL","redirectUris":["`+shopBack+`"],"grantTypes":["client_credentials"]}`).is(201)
	b := &browser{world: w}
	for name, address := range map[string]string{
		"unknown client":          authorizeURL("client_id", "nobody"),
		"no client":               authorizeURL("client_id", ""),
		"another redirect":        authorizeURL("redirect_uri", "https://evil.example.com/callback"),
		"a longer redirect":       authorizeURL("redirect_uri", shopBack+"/evil"),
		"with a query":            authorizeURL("redirect_uri", shopBack+"?x=1"),
		"another case":            authorizeURL("redirect_uri", "https://Shop.example.com/callback"),
		"with a user":             authorizeURL("redirect_uri", "https://shop.example.com@evil.example.com/callback"),
		"a port of a server":      authorizeURL("redirect_uri", "https://shop.example.com:444/callback"),
		"a port of localhost":     authorizeURL("client_id", "spa", "redirect_uri", "http://localhost:1234/back"),
		"another loopback path":   authorizeURL("client_id", "spa", "redirect_uri", "http://127.0.0.1:1234/other"),
		"a loopback user":         authorizeURL("client_id", "spa", "redirect_uri", "http://127.0.0.1:1234@evil.example.com/back"),
		"a loopback prefix":       authorizeURL("client_id", "spa", "redirect_uri", "http://127.0.0.1.evil.example.com/back"),
		"no redirect, of several": authorizeURL("client_id", "spa", "redirect_uri", ""),
		"client twice":            authorizeURL() + "&client_id=spa",
		"redirect twice":          authorizeURL() + "&redirect_uri=https://evil.example.com/",
	} {
		a := b.do("GET", address, nil)
		if a.status < 400 || a.status > 401 || a.header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.header)
		}
	}
	for _, c := range []struct{ name, address, code string }{
		{"no PKCE", authorizeURL("code_challenge", "", "code_challenge_method", ""), "invalid_request"},
		{"plain PKCE", authorizeURL("code_challenge_method", "plain"), "invalid_request"},
		{"no method", authorizeURL("code_challenge_method", ""), "invalid_request"},
		{"a short challenge", authorizeURL("code_challenge", "short"), "invalid_request"},
		{"implicit", authorizeURL("response_type", "token"), "unsupported_response_type"},
		{"hybrid", authorizeURL("response_type", "code id_token"), "unsupported_response_type"},
		{"fragment", authorizeURL("response_mode", "fragment"), "invalid_request"},
		{"request object", authorizeURL("request", "e30."), "request_not_supported"},
		{"request URI", authorizeURL("request_uri", "https://evil.example.com/"), "request_uri_not_supported"},
		{"a word that means nothing", authorizeURL("scope", "openid everything"), "invalid_scope"},
		{"a role without a name", authorizeURL("scope", "role:"), "invalid_scope"},
		{"prompts that contradict", authorizeURL("prompt", "none login"), "invalid_request"},
		{"max_age", authorizeURL("max_age", "-1"), "invalid_request"},
		{"no such grant", authorizeURL("client_id", "machine"), "unauthorized_client"},
		{"nobody there", authorizeURL("prompt", "none"), "login_required"},
	} {
		q := b.do("GET", c.address, nil).leads(shopBack + "?")
		if q.Get("error") != c.code || q.Get("code") != "" || q.Get("state") != "st&te" || q.Get("iss") == "" {
			t.Errorf("%s: %v", c.name, q)
		}
	}
	// On loopback a public client has any port, and is asked for each time.
	b.signIn(adminEmail, adminPassword, "").is(303)
	native := authorizeURL("client_id", "spa", "redirect_uri", "http://127.0.0.1:49152/back")
	for range 2 {
		form := b.do("GET", native, nil).is(200).hidden()
		form.Set("decision", "allow")
		b.do("POST", native, form).leads("http://127.0.0.1:49152/back?")
	}
	if q := b.do("GET", authorizeURL("prompt", "none"), nil).leads(shopBack); q.Get("error") != "consent_required" {
		t.Errorf("consent: %v", q)
	}
	if q := b.do("GET", authorizeURL("scope", "role:platform:nothing", "prompt", "consent"), nil); q.status != 200 {
		t.Errorf("a scope that can not be given is said when it is allowed: %d", q.status)
	}
}

// The decision is the one of the person who was asked, on our own page.
func TestConsentCanNotBeForged(t *testing.T) {
	t.Parallel()
	w, _ := oauthWorld(t)
	b := &browser{world: w}
	b.signIn(adminEmail, adminPassword, "").is(303)
	form := b.do("GET", authorizeURL(), nil).is(200).hidden()
	form.Set("decision", "allow")
	csrf := form.Get("csrf")
	for _, site := range []string{"cross-site", "same-site", "none"} {
		form.Set("csrf", "wrong")
		if a := b.do("POST", authorizeURL(), form, "Sec-Fetch-Site", site); a.status != 403 || a.header.Get("Location") != "" {
			t.Errorf("%s: %d", site, a.status)
		}
		form.Del("csrf")
		b.do("POST", authorizeURL(), form, "Sec-Fetch-Site", site).is(403)
	}
	form.Set("csrf", csrf)
	form.Set("principal", "prn_somebody")
	b.do("POST", authorizeURL(), form).is(200) // asked again
	form = b.do("GET", authorizeURL(), nil).is(200).hidden()
	form.Set("decision", "deny")
	if q := b.do("POST", authorizeURL(), form).leads(shopBack); q.Get("error") != "access_denied" {
		t.Errorf("denied: %v", q)
	}
	b.do("GET", authorizeURL(), nil).is(200) // nothing was remembered
	// Signing in by a stranger's form does not sign anybody in.
	other := &browser{world: w}
	if a := other.do("POST", signInPath, url.Values{"email": {adminEmail}, "password": {adminPassword}}, "Sec-Fetch-Site", "cross-site"); a.status != 403 || other.cookie != "" {
		t.Errorf("login CSRF: %d %q", a.status, other.cookie)
	}
	for _, back := range []string{"https://evil.example.com/", "//evil.example.com", `/\evil.example.com`, "/\t/evil.example.com", "javascript:alert(1)", "/%0d%0aSet-Cookie:x=1\r\n", " /x", "/x y"} {
		if a := other.signIn(adminEmail, adminPassword, back); a.status != 400 || other.cookie != "" {
			t.Errorf("%q: %d to %q", back, a.status, a.header.Get("Location"))
		}
		if a := other.do("GET", signInPath+"?"+url.Values{"return_url": {back}}.Encode(), nil); a.status != 400 {
			t.Errorf("page with %q: %d", back, a.status)
		}
	}
	b.do("POST", signOutPath, url.Values{}, "Sec-Fetch-Site", "cross-site").is(403)
	b.do("GET", signInPath, nil).is(200)
	old := b.cookie
	b.do("POST", signOutPath, url.Values{}).leads(signInPath)
	w.do("GET", "/auth/me", "", "", "Cookie", sessionCookie+"="+old).is(401)
}

func TestCodesAreForWhoAskedAndOnce(t *testing.T) {
	t.Parallel()
	w, secret := oauthWorld(t)
	w.do("POST", "/api/oauth-clients", w.admin(), `{"clientId":"plain","clientType":"CONFIDENTIAL","pkceRequired":false,"redirectUris":["`+shopBack+`"]}`).is(201)
	b := &browser{world: w}
	for _, c := range []struct {
		name, code string
		status     int
		pairs      []string
	}{
		{"no secret", "invalid_client", 401, []string{"client_secret", ""}},
		{"a wrong secret", "invalid_client", 401, []string{"client_secret", secret[:len(secret)-1] + "-"}},
		{"an unknown client", "invalid_client", 401, []string{"client_id", "nobody"}},
		{"no client", "invalid_client", 401, []string{"client_id", ""}},
		{"another client", "invalid_grant", 400, []string{"client_id", "spa", "client_secret", ""}},
		{"a public client with a secret", "invalid_client", 401, []string{"client_id", "spa"}},
		{"no redirect", "invalid_grant", 400, []string{"redirect_uri", ""}},
		{"another redirect", "invalid_grant", 400, []string{"redirect_uri", shopBack + "/"}},
		{"no verifier", "invalid_grant", 400, []string{"code_verifier", ""}},
		{"a wrong verifier", "invalid_grant", 400, []string{"code_verifier", strings.Repeat("x", 43)}},
		{"the challenge as verifier", "invalid_grant", 400, []string{"code_verifier", challenge(verifier)}},
		{"a short verifier", "invalid_grant", 400, []string{"code_verifier", "short"}},
		{"no code", "invalid_request", 400, []string{"code", ""}},
		{"another code", "invalid_grant", 400, []string{"code", "nothing"}},
		{"no grant type", "invalid_request", 400, []string{"grant_type", ""}},
		{"an unknown grant type", "unsupported_grant_type", 400, []string{"grant_type", "password"}},
		{"a grant that is not the client's", "unauthorized_client", 400, []string{"grant_type", "client_credentials"}},
	} {
		w.t = t
		code := b.code(authorizeURL())
		t.Log(c.name)
		w.askToken(exchangeForm(code, secret, c.pairs...)).refused(c.status, c.code)
		w.askToken(exchangeForm(code, secret)).is(200) // whoever is right still has it
	}
	code := b.code(authorizeURL())
	dup := exchangeForm(code, secret)
	w.do("POST", "/oauth/token", "", dup.Encode()+"&code=x", "Content-Type", tokenForms).refused(400, "invalid_request")
	w.do("POST", "/oauth/token?"+dup.Encode(), "", "", "Content-Type", tokenForms).refused(400, "invalid_request")
	w.do("POST", "/oauth/token", "", `{"grant_type":"authorization_code"}`).refused(400, "invalid_request")
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("shop:"+secret))
	w.askToken(dup, "Authorization", basic).refused(400, "invalid_request") // two ways at once
	if a := w.askToken(exchangeForm(code, "", "client_id", ""), "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("shop:no"))).refused(401, "invalid_client"); !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("no challenge: %v", a.header)
	}
	access := w.askToken(exchangeForm(code, "", "client_id", ""), "Authorization", basic).is(200).get("access_token").(string)
	w.do("GET", "/auth/me", access, "").is(200)
	// A code that comes twice ends what it gave.
	w.askToken(exchangeForm(code, secret)).refused(400, "invalid_grant")
	w.do("GET", "/auth/me", access, "").problem(401, "UNAUTHENTICATED", "revoked")
	// It waits a minute for its client.
	code = b.code(authorizeURL())
	w.ahead.Store(int64(61 * time.Second))
	w.askToken(exchangeForm(code, secret)).refused(400, "invalid_grant")
	w.ahead.Store(0)

	// Downgrade: whoever takes the challenge out of a request whose client
	// sends a verifier gains nothing.
	plain := authorizeURL("client_id", "plain", "code_challenge", "", "code_challenge_method", "")
	plainSecret := w.do("POST", "/api/oauth-clients/"+w.oauthID("plain")+"/regenerate-secret", w.admin(), "").is(200).get("clientSecret").(string)
	code = b.code(plain)
	w.askToken(exchangeForm(code, plainSecret, "client_id", "plain")).refused(400, "invalid_grant")
	w.askToken(exchangeForm(code, plainSecret, "client_id", "plain", "code_verifier", "")).is(200)
}

func (w *world) oauthID(clientID string) string {
	w.t.Helper()
	return w.do("GET", "/api/oauth-clients/by-client-id/"+clientID, w.admin(), "").is(200).get("id").(string)
}

// Of many at once with one code one has tokens, and they end as soon as
// another came.
func TestACodeIsExchangedOnceAtOnce(t *testing.T) {
	t.Parallel()
	w, secret := oauthWorld(t)
	b := &browser{world: w}
	code := b.code(authorizeURL())
	var wg sync.WaitGroup
	answers := make([]*httptest.ResponseRecorder, 8)
	for i := range answers {
		answers[i] = httptest.NewRecorder()
		wg.Go(func() {
			r := httptest.NewRequest("POST", "/oauth/token", strings.NewReader(exchangeForm(code, secret).Encode()))
			r.Header.Set("Content-Type", tokenForms)
			w.api.ServeHTTP(answers[i], r)
		})
	}
	wg.Wait()
	given := 0
	for _, a := range answers {
		var got struct {
			Access string `json:"access_token"`
		}
		_ = json.Unmarshal(a.Body.Bytes(), &got)
		if got.Access == "" {
			continue
		}
		given++
		w.askToken(exchangeForm(code, secret)).refused(400, "invalid_grant")
		w.do("GET", "/auth/me", got.Access, "").is(401)
	}
	if given > 1 {
		t.Errorf("%d had tokens for one code", given)
	}
}

func TestClientCredentialsAreBounded(t *testing.T) {
	t.Parallel()
	w, _ := oauthWorld(t)
	admin := w.admin()
	acme := w.do("GET", "/api/clients/acme", admin, "").is(200).get("id").(string)
	account := w.do("POST", "/api/service-accounts", admin, `{"code":"loader","clientIds":["acme","globex"],"roles":["platform:viewer","platform:messaging-admin"]}`).is(201).get("id").(string)
	a := w.do("POST", "/api/oauth-clients", admin, `{"clientId":"loader","clientType":"CONFIDENTIAL","grantTypes":["client_credentials"],"serviceAccountId":"`+account+`"}`).is(201)
	secret, id := a.get("clientSecret").(string), a.get("id").(string)
	ask := func(scope string) *answer {
		return w.askToken(url.Values{"grant_type": {"client_credentials"}, "client_id": {"loader"}, "client_secret": {secret}, "scope": {scope}})
	}
	whole := ask("").is(200)
	if whole.get("refresh_token") != nil || whole.get("id_token") != nil {
		t.Errorf("a machine refreshes nothing: %s", whole.body)
	}
	token := whole.get("access_token").(string)
	w.do("POST", "/api/dispatch-pools", token, `{"code":"a","clientId":"acme"}`).is(201)
	w.do("GET", "/oauth/userinfo", token, "").problem(403, "FORBIDDEN")
	for _, bad := range []string{"role:platform:super-admin", "role:platform:viewer role:platform:iam-admin", "client:clt_1", "client:nobody", "openid", "*", "client:*"} {
		ask(bad).refused(400, "invalid_scope")
	}
	less := ask("role:platform:viewer client:acme").is(200)
	if less.get("scope") != "role:platform:viewer client:acme" {
		t.Errorf("scope: %s", less.body)
	}
	narrow := less.get("access_token").(string)
	me := w.do("GET", "/auth/me", narrow, "").is(200)
	if got := string(me.body); !strings.Contains(got, `"roles":["platform:viewer"]`) || !strings.Contains(got, `"clients":["`+acme+`"]`) {
		t.Errorf("me: %s", got)
	}
	w.do("POST", "/api/dispatch-pools", narrow, `{"code":"b","clientId":"acme"}`).problem(403, "FORBIDDEN")
	introspect := func(token string) *answer {
		form := url.Values{"client_id": {"loader"}, "client_secret": {secret}, "token": {token}}
		return w.do("POST", "/oauth/introspect", "", form.Encode(), "Content-Type", tokenForms).is(200)
	}
	if got := introspect(narrow); got.get("active") != true || got.get("client_id") != "loader" || !strings.Contains(string(got.body), `"roles":["platform:viewer"]`) {
		t.Errorf("introspection: %s", got.body)
	}
	// Taking the role from the account takes it from the token.
	w.do("PUT", "/api/service-accounts/"+account+"/roles", admin, `{"roles":["platform:messaging-admin"]}`).is(200)
	if got := introspect(narrow); strings.Contains(string(got.body), "viewer") {
		t.Errorf("introspection after: %s", got.body)
	}
	w.do("GET", "/api/subscriptions", narrow, "").problem(403, "FORBIDDEN")
	ask("role:platform:viewer").refused(400, "invalid_scope")

	form := url.Values{"client_id": {"loader"}, "client_secret": {secret}, "token": {narrow}}
	w.do("POST", "/oauth/revoke", "", form.Encode(), "Content-Type", tokenForms).is(200)
	w.do("GET", "/auth/me", narrow, "").is(401)
	w.do("GET", "/auth/me", token, "").is(200) // only that one
	// A client that is deactivated has no tokens any more, and gets none.
	w.do("POST", "/api/oauth-clients/"+id+"/deactivate", admin, "").is(200)
	w.do("GET", "/auth/me", token, "").is(401)
	ask("").refused(401, "invalid_client")
	w.do("POST", "/api/oauth-clients/"+id+"/activate", admin, "").is(200)
	w.do("GET", "/auth/me", token, "").is(200)
	// And a later client of the same client_id does not inherit them.
	w.do("DELETE", "/api/oauth-clients/"+id, admin, "").is(204)
	w.do("GET", "/auth/me", token, "").is(401)
	for _, reserved := range []string{"fcctl", auth.Audience} {
		w.do("POST", "/api/oauth-clients", admin, `{"clientId":"`+reserved+`"}`).problem(400, "INVALID", "platform's own")
	}
	w.do("POST", "/api/oauth-clients", admin, `{"clientId":"x","defaultScopes":["rol:x"]}`).problem(400, "INVALID", "defaultScopes")
}

// A client that is for applications gets no more than their roles, and scopes
// never more than the person has.
func TestAClientOfAnApplicationHasItsRolesOnly(t *testing.T) {
	t.Parallel()
	w, _ := oauthWorld(t)
	admin := w.admin()
	app := w.do("POST", "/api/applications", admin, `{"code":"crm","name":"CRM"}`).is(201).get("id").(string)
	w.do("POST", "/api/roles", admin, `{"name":"crm:clerk","permissions":["crm:desk:case:view"]}`).is(201)
	me := w.do("GET", "/auth/me", "", "", "Cookie", sessionCookie+"="+(func() string { _, c, _ := w.login("Sec-Fetch-Site", "same-origin"); return c.Value })()).is(200).get("principalId").(string)
	w.do("PUT", "/api/principals/"+me+"/roles", admin, `{"roles":["platform:super-admin","crm:clerk"]}`).is(200)
	w.do("PUT", "/api/oauth-clients/"+w.oauthID("spa"), admin, `{"applicationIds":["`+app+`"]}`).is(204)
	b := &browser{world: w}
	address := authorizeURL("client_id", "spa", "redirect_uri", "https://spa.example.com/back", "scope", "")
	code := b.code(address)
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"spa"}, "code": {code}, "redirect_uri": {"https://spa.example.com/back"}, "code_verifier": {verifier}}
	token := w.askToken(form, "Origin", "https://spa.example.com").is(200)
	if token.get("id_token") != nil {
		t.Error("an ID token without openid")
	}
	access := token.get("access_token").(string)
	if got := w.do("GET", "/auth/me", access, "").is(200); !strings.Contains(string(got.body), `"roles":["crm:clerk"]`) {
		t.Errorf("me: %s", got.body)
	}
	w.do("GET", "/api/subscriptions", access, "").problem(403, "FORBIDDEN")
	w.do("GET", "/oauth/userinfo", access, "").problem(403, "FORBIDDEN", "openid")
	ask := authorizeURL("client_id", "spa", "redirect_uri", "https://spa.example.com/back", "scope", "role:platform:super-admin")
	consent := b.do("GET", ask, nil).is(200).hidden()
	consent.Set("decision", "allow")
	if q := b.do("POST", ask, consent).leads("https://spa.example.com/back"); q.Get("error") != "invalid_scope" {
		t.Errorf("a role of another application: %v", q)
	}
	// Pages of an allowed origin may ask for tokens, and of others not.
	for origin, want := range map[string]string{"https://spa.example.com": "https://spa.example.com", "https://evil.example.com": ""} {
		if got := w.do("OPTIONS", "/oauth/token", "", "", "Origin", origin, "Access-Control-Request-Method", "POST").header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: %q", origin, got)
		}
	}
	if got := w.do("GET", "/.well-known/openid-configuration", "", "", "Origin", "https://evil.example.com").is(200).header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("discovery: %q", got)
	}
}

func TestADeviceIsLetInByItsCode(t *testing.T) {
	t.Parallel()
	w, secret := oauthWorld(t)
	begin := func() (device, user string) {
		a := w.do("POST", "/oauth/device_authorization", "", "client_id=fcctl", "Content-Type", tokenForms, "User-Agent", "fcctl/1.2").is(200)
		if a.get("verification_uri") != "https://events.example.com/oauth/device" || a.get("interval") != 5.0 || a.get("expires_in") != 900.0 {
			t.Errorf("authorization: %s", a.body)
		}
		return a.get("device_code").(string), a.get("user_code").(string)
	}
	device, user := begin()
	poll := func(device string) *answer {
		return w.askToken(url.Values{"grant_type": {deviceGrants}, "client_id": {"fcctl"}, "device_code": {device}})
	}
	poll(device).refused(400, "authorization_pending")
	poll(device).refused(400, "slow_down") // at once
	w.askToken(url.Values{"grant_type": {deviceGrants}, "client_id": {"shop"}, "client_secret": {secret}, "device_code": {device}}).refused(400, "unauthorized_client")
	w.do("POST", "/oauth/device_authorization", "", "client_id=spa", "Content-Type", tokenForms).refused(400, "unauthorized_client")
	poll("nothing").refused(400, "expired_token")

	b := &browser{world: w}
	q := b.do("GET", "/oauth/device?user_code="+user, nil).leads(signInPath)
	b.signIn(adminEmail, adminPassword, q.Get("return_url")).leads("/oauth/device?user_code=" + user)
	b.do("GET", "/oauth/device", nil).is(200)
	if a := b.do("POST", "/oauth/device", url.Values{"user_code": {"BBBB-BBBB"}}).is(200); !strings.Contains(string(a.body), "No device waits") {
		t.Errorf("a wrong code: %s", a.body)
	}
	page := b.do("POST", "/oauth/device", url.Values{"user_code": {strings.ToLower(strings.ReplaceAll(user, "-", " "))}}).is(200)
	for _, text := range []string{user, "fcctl/1.2", adminEmail, "192.0.2.1"} {
		if !strings.Contains(string(page.body), text) {
			t.Errorf("the page does not say %q: %s", text, page.body)
		}
	}
	w.ahead.Store(int64(20 * time.Second))
	poll(device).refused(400, "authorization_pending") // looking at it allows nothing
	form := page.hidden()
	form.Set("decision", "allow")
	b.do("POST", "/oauth/device", form, "Sec-Fetch-Site", "cross-site", "X-None", "").is(200) // its csrf token says that it is ours
	bad := url.Values{"user_code": {user}, "principal": {form.Get("principal")}, "decision": {"allow"}}
	b.do("POST", "/oauth/device", bad, "Sec-Fetch-Site", "cross-site").is(403)
	got := poll(device).is(200)
	w.do("GET", "/api/subscriptions", got.get("access_token").(string), "").is(200)
	poll(device).refused(400, "invalid_grant")
	refreshed := w.askToken(url.Values{"grant_type": {"refresh_token"}, "client_id": {"fcctl"}, "refresh_token": {got.get("refresh_token").(string)}}).is(200)
	if refreshed.get("refresh_token") == nil {
		t.Errorf("fcctl can not stay signed in: %s", refreshed.body)
	}
	if a := b.do("GET", "/oauth/device?user_code="+user, nil).is(200); !strings.Contains(string(a.body), "No device waits") {
		t.Error("a code is answered twice")
	}

	device, user = begin()
	form = b.do("GET", "/oauth/device?user_code="+user, nil).is(200).hidden()
	form.Set("decision", "deny")
	b.do("POST", "/oauth/device", form).is(200)
	poll(device).refused(400, "access_denied")
	device, user = begin()
	w.ahead.Store(int64(16 * time.Minute))
	poll(device).refused(400, "expired_token")
	if a := b.do("GET", "/oauth/device?user_code="+user, nil).is(200); !strings.Contains(string(a.body), "No device waits") {
		t.Error("a code that has ended is known")
	}
	// Guessing user codes is slow.
	throttled := false
	for range 40 {
		throttled = throttled || b.do("POST", "/oauth/device", url.Values{"user_code": {"CCCC-CCCC"}}).status == 429
	}
	if !throttled {
		t.Error("user codes can be guessed without a pause")
	}
}

func TestIntrospectionTellsNothingToWhomItShouldNot(t *testing.T) {
	t.Parallel()
	w, secret := oauthWorld(t)
	s, _, _ := w.login()
	fc := w.do("POST", "/api/service-accounts", w.admin(), `{"code":"loader","clientIds":["acme"],"roles":["platform:viewer"]}`).is(201).get("token").(string)
	ask := func(form url.Values) *answer {
		return w.do("POST", "/oauth/introspect", "", form.Encode(), "Content-Type", tokenForms)
	}
	ask(url.Values{"client_id": {"spa"}, "token": {s.AccessToken}}).refused(400, "unauthorized_client")
	ask(url.Values{"client_id": {"shop"}, "token": {s.AccessToken}}).refused(401, "invalid_client")
	ask(url.Values{"token": {s.AccessToken}}).refused(401, "invalid_client")
	as := func(token string) *answer {
		return ask(url.Values{"client_id": {"shop"}, "client_secret": {secret}, "token": {token}}).is(200)
	}
	if got := as(s.AccessToken); got.get("active") != true || got.get("username") != adminEmail || got.get("iss") != "https://events.example.com" {
		t.Errorf("a token: %s", got.body)
	}
	if got := as(fc); got.get("active") != true || got.get("type") != "SERVICE" {
		t.Errorf("a token of a service account: %s", got.body)
	}
	for name, token := range map[string]string{"garbage": "x", "another's refresh token": s.RefreshToken, "an unknown API token": "fc_" + strings.Repeat("a", 32), "altered": s.AccessToken + "x"} {
		if got := as(token); strings.TrimSpace(string(got.body)) != `{"active":false}` {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	b := &browser{world: w}
	tokens := w.askToken(exchangeForm(b.code(authorizeURL()), secret)).is(200)
	if got := as(tokens.get("refresh_token").(string)); got.get("active") != true || got.get("token_type") != "refresh_token" {
		t.Errorf("its own refresh token: %s", got.body)
	}
	if got := as(tokens.get("access_token").(string)); got.get("scope") != "openid email profile" {
		t.Errorf("its own access token: %s", got.body)
	}
	w.do("POST", "/auth/logout", s.AccessToken, "").is(204)
	if got := as(s.AccessToken); got.get("active") != false {
		t.Errorf("after logout: %s", got.body)
	}
}

// A session of an OAuth client ends with the password it began with.
func TestANewPasswordEndsWhatClientsHave(t *testing.T) {
	t.Parallel()
	w, secret := oauthWorld(t)
	b := &browser{world: w}
	pending := b.code(authorizeURL())
	tokens := w.askToken(exchangeForm(b.code(authorizeURL()), secret)).is(200)
	s, _, _ := w.login()
	w.do("POST", "/auth/change-password", s.AccessToken, `{"currentPassword":"`+adminPassword+`","newPassword":"quite another sentence"}`).is(204)
	w.do("GET", "/auth/me", tokens.get("access_token").(string), "").is(401)
	w.askToken(url.Values{"grant_type": {"refresh_token"}, "client_id": {"shop"}, "client_secret": {secret}, "refresh_token": {tokens.get("refresh_token").(string)}}).refused(400, "invalid_grant")
	w.askToken(exchangeForm(pending, secret)).refused(400, "invalid_grant")
}

// What was allowed and not fetched yet ends with the session that allowed it,
// and is not for a later client of the same name.
func TestACodeEndsWithWhoAllowedIt(t *testing.T) {
	t.Parallel()
	w, secret := oauthWorld(t)
	b := &browser{world: w}
	code := b.code(authorizeURL())
	b.do("POST", signOutPath, url.Values{}).leads(signInPath)
	w.askToken(exchangeForm(code, secret)).refused(400, "invalid_grant")
	b.cookie = ""
	code = b.code(authorizeURL())
	w.do("DELETE", "/api/oauth-clients/"+w.oauthID("shop"), w.admin(), "").is(204)
	secret = w.do("POST", "/api/oauth-clients", w.admin(), `{"clientId":"shop","clientType":"CONFIDENTIAL","redirectUris":["`+shopBack+`"]}`).is(201).get("clientSecret").(string)
	w.askToken(exchangeForm(code, secret)).refused(400, "invalid_grant")
}
