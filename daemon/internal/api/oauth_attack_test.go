package api

import (
	"net/url"
	"testing"
)

// What people allowed a client that was for some applications is not for others.
func TestAClientOfOtherApplicationsAsksAgain(t *testing.T) {
	t.Parallel()
	w, _ := oauthWorld(t)
	admin := w.admin()
	app := w.do("POST", "/api/applications", admin, `{"code":"crm","name":"CRM"}`).is(201).get("id").(string)
	shop := "/api/oauth-clients/" + w.oauthID("shop")
	w.do("PUT", shop, admin, `{"applicationIds":["`+app+`"]}`).is(204)
	b := &browser{world: w}
	b.code(authorizeURL())
	b.do("GET", authorizeURL(), nil).leads(shopBack) // asked once
	w.do("PUT", shop, admin, `{"applicationIds":[]}`).is(204)
	if q := b.do("GET", authorizeURL("prompt", "none"), nil).leads(shopBack); q.Get("error") != "consent_required" {
		t.Errorf("it gets the roles of every application, and nobody is asked: %v", q)
	}
}

// A token that has less than its subject does not become the whole subject by
// way of what everybody may do with themselves.
func TestABoundedTokenDoesNotUnbindItself(t *testing.T) {
	t.Parallel()
	w, secret := oauthWorld(t)
	admin := w.admin()
	me := w.do("GET", "/auth/me", "", "", "Cookie", sessionCookie+"="+(func() string { _, c, _ := w.login("Sec-Fetch-Site", "same-origin"); return c.Value })()).is(200).get("principalId").(string)
	w.do("PUT", "/api/principals/"+me+"/roles", admin, `{"roles":["platform:super-admin","platform:iam-admin"]}`).is(200)
	b := &browser{world: w}
	got := w.askToken(exchangeForm(b.code(authorizeURL("scope", "role:platform:iam-admin")), secret)).is(200)
	narrow := got.get("access_token").(string)
	w.do("GET", "/api/principals/"+me, narrow, "").is(200)
	w.do("POST", "/api/principals/"+me+"/reset-password", narrow, `{"newPassword":"what the client wants it to be"}`).problem(403, "FORBIDDEN")
	w.do("PUT", "/api/principals/"+me, narrow, `{"name":"Somebody else"}`).problem(403, "FORBIDDEN")

	account := w.do("POST", "/api/service-accounts", admin, `{"code":"loader","clientIds":["*"],"roles":["platform:super-admin","platform:iam-admin"]}`).is(201).get("id").(string)
	secret = w.do("POST", "/api/oauth-clients", admin, `{"clientId":"loader","clientType":"CONFIDENTIAL","grantTypes":["client_credentials"],"serviceAccountId":"`+account+`"}`).is(201).get("clientSecret").(string)
	machine := func(scope string) string {
		return w.askToken(url.Values{"grant_type": {"client_credentials"}, "client_id": {"loader"}, "client_secret": {secret}, "scope": {scope}}).is(200).get("access_token").(string)
	}
	tokens := "/api/service-accounts/" + account + "/tokens"
	w.do("POST", tokens, machine("role:platform:iam-admin"), "").problem(403, "FORBIDDEN")
	w.do("POST", tokens, machine("client:acme"), "").problem(404, "NOT_FOUND")
	w.do("POST", tokens, machine(""), "").is(201) // oneself is oneself
}
