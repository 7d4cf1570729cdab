package api

import (
	"strings"
	"testing"
)

func TestAClientIsCalledByItsIDOrItsIdentifier(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.admin()
	id := w.do("POST", "/api/clients", admin, `{"identifier":"initech","name":"Initech"}`).is(201).id()
	if a := w.do("POST", "/api/connections", admin, `{"code":"hooks","url":"https://hooks.example.com","clientId":"initech"}`).is(201); a.get("clientId") != id {
		t.Errorf("a resource is kept under the identifier: %s", a.body)
	}
	for _, name := range []string{"initech", id} {
		if a := w.do("POST", "/api/events", admin, `{"type":"a:b:c:d","clientId":"`+name+`"}`).is(201); a.get("clientId") != id {
			t.Errorf("an event of %s: %s", name, a.body)
		}
		if a := w.do("GET", "/api/connections?clientId="+name, admin, "").is(200); a.get("total") != 1.0 {
			t.Errorf("connections of %s: %s", name, a.body)
		}
		if a := w.do("GET", "/api/events?limit=50&clientId="+name, admin, "").is(200); !strings.Contains(string(a.body), id) {
			t.Errorf("events of %s: %s", name, a.body)
		}
		w.do("GET", "/api/connections/hooks?clientId="+name, admin, "").is(200)
		w.do("POST", "/api/events", w.of(id), `{"type":"a:b:c:d","clientId":"`+name+`"}`).is(201)
	}
	w.do("POST", "/api/apply", admin, `{"manifest":"m","clientId":"initech","changes":[{"action":"create","kind":"dispatch_pool","code":"slow","resource":{}}]}`).is(200)
	if a := w.do("GET", "/api/dispatch-pools/slow?clientId=initech", admin, "").is(200); a.get("clientId") != id {
		t.Errorf("a manifest's resource: %s", a.body)
	}

	// What there is no client for is a mistake, and no secret to outsiders.
	w.do("POST", "/api/connections", admin, `{"code":"x","url":"https://hooks.example.com","clientId":"hooli"}`).problem(400, "INVALID", `"field":"clientId"`, "create the client first")
	w.do("POST", "/api/events", admin, `{"type":"a:b:c:d","clientId":"hooli"}`).problem(400, "INVALID", `"field":"clientId"`)
	w.do("POST", "/api/apply", admin, `{"manifest":"m","clientId":"hooli","changes":[]}`).problem(400, "INVALID", `"field":"clientId"`)
	there := w.do("POST", "/api/events", w.of("acme"), `{"type":"a:b:c:d","clientId":"initech"}`).problem(403, "FORBIDDEN")
	notThere := w.do("POST", "/api/events", w.of("acme"), `{"type":"a:b:c:d","clientId":"hooli"}`).problem(403, "FORBIDDEN")
	if there.Detail != notThere.Detail {
		t.Errorf("the answer tells which clients there are: %q, %q", there.Detail, notThere.Detail)
	}
	if a := w.do("GET", "/api/events?limit=50&clientId=initech", w.of("acme"), "").is(200); strings.Contains(string(a.body), id) {
		t.Errorf("another client's events: %s", a.body)
	}
}

func TestTheAuditOfMachinesHasNoSecrets(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var account struct{ ID, Token, SigningSecret string }
	w.do("POST", "/api/service-accounts", w.admin(), `{"code":"robot","clientIds":["acme"]}`).is(201).into(&account)
	var oauth struct{ ID, ClientSecret string }
	w.do("POST", "/api/oauth-clients", w.admin(), `{"clientName":"Robot","clientType":"CONFIDENTIAL"}`).is(201).into(&oauth)
	w.do("POST", "/api/principals", w.admin(), `{"email":"ada@acme.example.com","clientId":"acme","password":"several unlikely words"}`).is(201)
	token := w.do("POST", "/api/service-accounts/robot/tokens", w.admin(), `{"name":"ci"}`).is(201).get("token").(string)
	log := string(w.do("GET", "/api/audit-logs?limit=100", w.admin(), "").is(200).body)
	for _, says := range []string{`"ServiceAccount"`, `"OAuthClient"`, `"Principal"`, account.ID, oauth.ID, "prn_ADMIN"} {
		if !strings.Contains(log, says) {
			t.Errorf("the audit does not say %s", says)
		}
	}
	for _, shown := range []string{log, string(w.do("GET", "/api/service-accounts/robot", w.admin(), "").body), string(w.do("GET", "/api/oauth-clients", w.admin(), "").body),
		string(w.do("GET", "/api/principals", w.admin(), "").body), string(w.do("GET", "/api/service-accounts/robot/tokens", w.admin(), "").body)} {
		for _, secret := range []string{account.Token, account.SigningSecret, oauth.ClientSecret, token, "unlikely", "$argon2id$", `"hash"`} {
			if secret == "" || strings.Contains(shown, secret) {
				t.Errorf("a secret is shown: %.200s", shown)
			}
		}
	}
}

func TestTheAuditHidesFromATenantWhatIsHiddenFromItElsewhere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/clients/acme/notes", w.admin(), `{"category":"billing","text":"Pays late"}`).is(200)
	id := w.do("POST", "/api/principals/users", w.admin(), `{"email":"ada@example.org","name":"Ada","clientId":"acme"}`).is(201).id()
	w.do("POST", "/api/principals/"+id+"/client-access", w.admin(), `{"clientId":"globex"}`).is(201)
	whole := ""
	for who, token := range map[string]string{"acme": w.of("acme"), "everybody's": w.admin()} {
		a := w.do("GET", "/api/audit-logs?limit=100", token, "").is(200)
		var page auditAnswer
		a.into(&page)
		body := string(a.body)
		for _, e := range page.AuditLogs {
			body += string(w.do("GET", "/api/audit-logs/"+e.ID, token, "").is(200).body)
		}
		for _, secret := range []string{"Pays late", "globex"} {
			if who == "acme" && strings.Contains(body, secret) {
				t.Errorf("the audit tells acme %q", secret)
			}
		}
		if who != "acme" {
			whole = body
		}
	}
	if !strings.Contains(whole, "Pays late") || !strings.Contains(whole, "globex") {
		t.Error("who reaches every client does not see it either: the check would be hollow")
	}
}
