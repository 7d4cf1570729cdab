package api

import (
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
)

// company is a world with two tenants and people of each.
type company struct {
	*world
	root    string // may do everything everywhere
	iam     string // manages people everywhere, and no more
	acmeIAM string // manages people of acme
	ids     map[string]string
}

func incorporate(t *testing.T) *company {
	t.Helper()
	w := setup(t)
	c := &company{world: w, root: w.admin(), ids: map[string]string{}}
	c.iam = w.token(&auth.Principal{ID: "prn_IAM", Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleIAMAdmin}})
	c.acmeIAM = w.token(&auth.Principal{ID: "prn_ACMEIAM", Scope: auth.ScopePartner, Clients: []string{"acme"}, Roles: []string{auth.RoleIAMAdmin}})
	make := func(name, path, body string) {
		t.Helper()
		a := w.do("POST", path, c.root, body).is(201)
		c.ids[name] = a.id()
		if p, is := a.get("principalId").(string); is {
			c.ids[name+"Principal"] = p
		}
	}
	make("shop", "/api/applications", `{"code":"shop"}`)
	make("clerk", "/api/roles", `{"applicationCode":"shop","roleName":"clerk","displayName":"Clerk","permissions":["shop:sales:order:view"],"clientManaged":true}`)
	make("boss", "/api/roles", `{"applicationCode":"shop","roleName":"boss","displayName":"Boss","permissions":["shop:*:*:*"]}`)
	make("anchor", "/api/anchor-domains", `{"domain":"platform.example.com"}`)
	make("config", "/api/client-auth-configs", `{"emailDomain":"globex.example.com","configType":"CLIENT","primaryClientId":"globex","additionalClientIds":["clt_1"]}`)
	make("super", "/api/principals", `{"email":"root@platform.example.com","roles":["platform:super-admin"]}`)
	make("ada", "/api/principals", `{"email":"ada@acme.example.com","name":"Ada","clientId":"acme"}`)
	make("bo", "/api/principals", `{"email":"bo@globex.example.com","name":"Bo","clientId":"globex"}`)
	make("acmeRoot", "/api/principals", `{"email":"root@acme.example.com","clientId":"acme","roles":["platform:super-admin"]}`)
	make("partner", "/api/principals", `{"email":"pat@partner.example.com","scope":"PARTNER","clientGrants":[{"clientId":"acme"},{"clientId":"globex"}]}`)
	make("robot", "/api/service-accounts", `{"code":"robot","clientIds":["*"],"roles":["platform:super-admin"]}`)
	make("acmeRobot", "/api/service-accounts", `{"code":"acme-robot","clientIds":["acme"]}`)
	make("globexRobot", "/api/service-accounts", `{"code":"globex-robot","clientIds":["globex"]}`)
	make("robotClient", "/api/oauth-clients", `{"clientId":"robot","clientName":"Robot","clientType":"CONFIDENTIAL","grantTypes":["client_credentials"],"serviceAccountId":"robot"}`)
	return c
}

func (c *company) path(p string) string {
	for name, id := range c.ids {
		p = strings.ReplaceAll(p, "<"+name+">", id)
	}
	return p
}

func TestNobodyHasTheCredentialsOfAnAccountSentToThemselves(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := func(code, clients string) (id, principal string) {
		a := w.do("POST", "/api/service-accounts", w.admin(), `{"code":"`+code+`","clientIds":["`+clients+`"],"roles":["platform:application-service"],"webhookCredentials":{"authType":"BEARER_TOKEN","token":"t0ken"}}`).is(201)
		return a.id(), a.get("principalId").(string)
	}
	victim, _ := account("victim", "*")
	_, mine := account("mine", "*")
	acmes, _ := account("acmes", "acme")
	service := func(id string) string {
		return w.token(&auth.Principal{ID: id, Type: auth.TypeService, Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleApplicationService}})
	}
	developer := w.token(&auth.Principal{Scope: auth.ScopeClient, Clients: []string{"acme"}, Roles: []string{auth.RoleDeveloper}})
	job := func(account string) string {
		return `{"code":"x","targetUrl":"https://evil.example.com","payload":"{}","serviceAccountId":"` + account + `"}`
	}
	sub := func(code, account, target string) string {
		return `{"code":"` + code + `","target":"` + target + `","serviceAccountId":"` + account + `","eventTypes":[{"eventTypeCode":"a:*:*:*"}]}`
	}
	for name, try := range map[string]struct{ token, path, body string }{
		"a job for another application":         {service(mine), "/api/dispatch-jobs", job("victim")},
		"by its id":                             {service(mine), "/api/dispatch-jobs", job(victim)},
		"a subscription of another application": {service(mine), "/api/subscriptions", sub("evil", victim, "https://evil.example.com")},
		"a job of the client's account":         {developer, "/api/dispatch-jobs", job(acmes)},
		"a subscription of the client's":        {developer, "/api/subscriptions", sub("evil", acmes, "https://evil.example.com")},
	} {
		t.Run(name, func(t *testing.T) {
			w.do("POST", try.path, try.token, try.body).problem(403, "FORBIDDEN", "service-account:update")
		})
	}
	// What an administrator has set up is not bent aside either, and goes on.
	id := w.do("POST", "/api/subscriptions", w.admin(), `{"clientId":"acme",`+sub("good", acmes, "https://good.example.com")[1:]).is(201).id()
	w.do("PUT", "/api/subscriptions/"+id, developer, `{"target":"https://evil.example.com"}`).problem(403, "FORBIDDEN", "service-account:update")
	w.do("PUT", "/api/subscriptions/"+id, developer, `{"name":"Good"}`).is(204)
	// Its own an account may lend, and an administrator anyone's.
	w.do("POST", "/api/dispatch-jobs", service(mine), job("mine")).is(201)
	w.do("POST", "/api/dispatch-jobs", w.admin(), job("victim")).is(201)
}

func TestNobodyGetsMoreThanTheyHave(t *testing.T) {
	t.Parallel()
	c := incorporate(t)
	acme, everywhere := c.acmeIAM, c.iam
	c.do("POST", "/api/idp-role-mappings", c.root, `{"idpRoleName":"owners","roleName":"platform:super-admin"}`).is(201)
	for name, try := range map[string]struct {
		token, request, body string
		status               int
		code, says           string
	}{
		"a person of another client":            {acme, "POST /api/principals", `{"email":"x@x.example.com","clientId":"globex"}`, 403, "FORBIDDEN", "not bound"},
		"a person of every client":              {acme, "POST /api/principals", `{"email":"x@x.example.com","scope":"ANCHOR"}`, 403, "FORBIDDEN", "every client"},
		"a person of an anchor domain":          {acme, "POST /api/principals", `{"email":"x@platform.example.com"}`, 403, "FORBIDDEN", "every client"},
		"an anchor in another guise":            {acme, "POST /api/principals", `{"email":"x@PLATFORM.example.com","scope":"CLIENT","clientId":"acme"}`, 403, "FORBIDDEN", "every client"},
		"a person of another's domain":          {acme, "POST /api/principals", `{"email":"x@globex.example.com"}`, 403, "FORBIDDEN", "not bound"},
		"what another's domain reaches":         {acme, "POST /api/principals", `{"email":"x@globex.example.com","scope":"CLIENT","clientId":"acme"}`, 403, "FORBIDDEN", "email domain"},
		"everywhere for a mightier one":         {everywhere, "POST /api/anchor-domains", `{"domain":"acme.example.com"}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"a partner of another client":           {acme, "POST /api/principals", `{"email":"x@x.example.com","scope":"PARTNER","clientGrants":[{"clientId":"globex"}]}`, 403, "FORBIDDEN", "clientGrants"},
		"a person with all permissions":         {acme, "POST /api/principals", `{"email":"x@x.example.com","roles":["platform:super-admin"]}`, 403, "FORBIDDEN", "platform:super-admin"},
		"a person with other permissions":       {acme, "POST /api/principals", `{"email":"x@x.example.com","roles":["platform:messaging-admin"]}`, 403, "FORBIDDEN", "platform:messaging-admin"},
		"a role that is not for clients":        {acme, "POST /api/principals/<ada>/roles", `{"role":"shop:boss"}`, 403, "FORBIDDEN", "shop:boss"},
		"all permissions for one of theirs":     {acme, "PUT /api/principals/<ada>/roles", `{"roles":["platform:super-admin"]}`, 403, "FORBIDDEN", "platform:super-admin"},
		"another client for one of theirs":      {acme, "POST /api/principals/<ada>/client-access", `{"clientId":"globex"}`, 403, "FORBIDDEN", "not bound"},
		"every client for one of theirs":        {acme, "PUT /api/principals/<ada>", `{"scope":"ANCHOR"}`, 403, "FORBIDDEN", "every client"},
		"another scope for one of theirs":       {acme, "PUT /api/principals/<ada>", `{"scope":"PARTNER"}`, 403, "FORBIDDEN", "scope"},
		"another home for one of theirs":        {acme, "PUT /api/principals/<ada>", `{"clientId":"globex"}`, 403, "FORBIDDEN", "not bound"},
		"the password of a mightier one":        {acme, "POST /api/principals/<acmeRoot>/reset-password", `{"newPassword":"correct horse battery"}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"a reset for a mightier one":            {acme, "POST /api/principals/<acmeRoot>/send-password-reset", "", 403, "FORBIDDEN", "permissions that you do not have"},
		"a reset for another tenant's":          {acme, "POST /api/principals/<bo>/send-password-reset", "", 404, "NOT_FOUND", ""},
		"a mightier one shut out":               {acme, "POST /api/principals/<acmeRoot>/deactivate", ``, 403, "FORBIDDEN", "permissions that you do not have"},
		"a mightier one deleted":                {acme, "DELETE /api/principals/<acmeRoot>", ``, 403, "FORBIDDEN", "permissions that you do not have"},
		"a person of others":                    {acme, "PUT /api/principals/<bo>", `{"name":"X"}`, 404, "NOT_FOUND", ""},
		"a partner who reaches others too":      {acme, "POST /api/principals/<partner>/deactivate", ``, 404, "NOT_FOUND", ""},
		"an account of every client":            {acme, "POST /api/service-accounts", `{"code":"x","clientIds":["*"]}`, 403, "FORBIDDEN", "clientIds"},
		"an account of another client":          {acme, "POST /api/service-accounts", `{"code":"x","clientIds":["globex"]}`, 403, "FORBIDDEN", "clientIds"},
		"an account with all permissions":       {acme, "POST /api/service-accounts", `{"code":"x","roles":["platform:super-admin"]}`, 403, "FORBIDDEN", "platform:super-admin"},
		"every client for their account":        {acme, "PUT /api/service-accounts/<acmeRobot>", `{"clientIds":["*"]}`, 403, "FORBIDDEN", "clientIds"},
		"more clients for their account":        {acme, "PUT /api/service-accounts/<acmeRobot>", `{"clientIds":["acme","globex"]}`, 403, "FORBIDDEN", "clientIds"},
		"all permissions for their account":     {acme, "PUT /api/principals/<acmeRobotPrincipal>/roles", `{"roles":["platform:super-admin"]}`, 403, "FORBIDDEN", "platform:super-admin"},
		"a token of another client's account":   {acme, "POST /api/service-accounts/<globexRobot>/tokens", `{}`, 404, "NOT_FOUND", ""},
		"a token of everybody's account":        {acme, "POST /api/service-accounts/robot/tokens", `{}`, 404, "NOT_FOUND", ""},
		"a role for all":                        {acme, "POST /api/roles", `{"name":"shop:x","displayName":"X","permissions":[]}`, 403, "FORBIDDEN", "every client"},
		"a permission for a role":               {acme, "POST /api/roles/shop:clerk/permissions", `{"permission":"platform:iam:user:view"}`, 403, "FORBIDDEN", "every client"},
		"an anchor domain":                      {acme, "POST /api/anchor-domains", `{"domain":"x.example.com"}`, 403, "FORBIDDEN", "every client"},
		"an auth config":                        {acme, "POST /api/client-auth-configs", `{"emailDomain":"acme.example.com","primaryClientId":"acme"}`, 403, "FORBIDDEN", "every client"},
		"a role mapping":                        {acme, "POST /api/idp-role-mappings", `{"idpRoleName":"x","roleName":"shop:clerk"}`, 403, "FORBIDDEN", "every client"},
		"an OAuth client":                       {acme, "POST /api/oauth-clients", `{"clientName":"X"}`, 403, "FORBIDDEN", "every client"},
		"the secret of an OAuth client":         {acme, "POST /api/oauth-clients/<robotClient>/regenerate-secret", ``, 404, "NOT_FOUND", ""},
		"all permissions, from everywhere":      {everywhere, "POST /api/principals", `{"email":"x@x.example.com","scope":"ANCHOR","roles":["platform:super-admin"]}`, 403, "FORBIDDEN", "platform:super-admin"},
		"a role with all permissions":           {everywhere, "POST /api/roles", `{"name":"shop:x","displayName":"X","permissions":["*:*:*:*"]}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"a role with the platform's":            {everywhere, "POST /api/roles", `{"name":"shop:x","displayName":"X","permissions":["platform:messaging:event:create"]}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"a role that grows":                     {everywhere, "POST /api/roles/shop:clerk/permissions", `{"permission":"platform:*:*:*"}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"a role that grows by an update":        {everywhere, "PUT /api/roles/shop:clerk", `{"permissions":["*:*:*:view"]}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"a built-in role":                       {everywhere, "PUT /api/roles/platform:iam-admin", `{"permissions":["*:*:*:*"]}`, 409, "PROTECTED", "built in"},
		"a role of the platform":                {c.root, "POST /api/roles", `{"name":"platform:mine","displayName":"X"}`, 409, "PROTECTED", "built in"},
		"a provider that gives all permissions": {everywhere, "POST /api/idp-role-mappings", `{"idpRoleName":"x","roleName":"platform:super-admin"}`, 403, "FORBIDDEN", "platform:super-admin"},
		"a provider for a mightier one":         {everywhere, "POST /api/client-auth-configs", `{"emailDomain":"platform.example.com","configType":"ANCHOR","authProvider":"OIDC","oidcIssuerUrl":"https://idp.example.com","oidcClientId":"x"}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"a provider of their own that says so":  {everywhere, "POST /api/client-auth-configs", `{"emailDomain":"mine.example.com","configType":"ANCHOR","authProvider":"OIDC","oidcIssuerUrl":"https://idp.example.com","oidcClientId":"x"}`, 403, "FORBIDDEN", "platform:super-admin"},
		"the password of the mightiest":         {everywhere, "POST /api/principals/<super>/reset-password", `{"newPassword":"correct horse battery"}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"a reset for the mightiest":             {everywhere, "POST /api/principals/<super>/send-password-reset", "", 403, "FORBIDDEN", "permissions that you do not have"},
		"a reset for a service account":         {c.root, "POST /api/principals/<robotPrincipal>/send-password-reset", "", 400, "INVALID", "no password"},
		"a token of a mightier account":         {everywhere, "POST /api/service-accounts/robot/tokens", `{}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"a mightier account of theirs":          {everywhere, "PUT /api/service-accounts/robot", `{"name":"X"}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"the OAuth client of a mightier one":    {everywhere, "POST /api/oauth-clients/<robotClient>/rotate-secret", ``, 403, "FORBIDDEN", "permissions that you do not have"},
		"an OAuth client for a mightier one":    {everywhere, "POST /api/oauth-clients", `{"clientId":"x","clientName":"X","clientType":"CONFIDENTIAL","grantTypes":["client_credentials"],"serviceAccountId":"<robot>"}`, 403, "FORBIDDEN", "permissions that you do not have"},
		"a redirect of a mightier one's":        {everywhere, "PUT /api/oauth-clients/<robotClient>", `{"redirectUris":["https://evil.example.com/"]}`, 403, "FORBIDDEN", "permissions that you do not have"},
	} {
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(c.path(try.request), " ")
			a := c.do(method, path, try.token, c.path(try.body))
			a.t = t
			a.problem(try.status, try.code, try.says)
		})
	}
}

func TestAdministratorsOfClientsManageTheirOwn(t *testing.T) {
	t.Parallel()
	c := incorporate(t)
	w, acme := c.world, c.acmeIAM
	// Nothing of others is there.
	for _, path := range []string{"/api/principals", "/api/service-accounts", "/api/clients", "/api/oauth-clients", "/api/anchor-domains", "/api/client-auth-configs"} {
		a := w.do("GET", path, acme, "").is(200)
		for _, theirs := range []string{"globex", "root@platform", "pat@partner", `"robot"`, "platform.example.com"} {
			if strings.Contains(string(a.body), theirs) {
				t.Errorf("GET %s shows %s: %s", path, theirs, a.body)
			}
		}
	}
	for _, path := range []string{"/api/principals/<bo>", "/api/principals/<super>", "/api/principals/<partner>", "/api/principals/<globexRobotPrincipal>",
		"/api/principals/bo@globex.example.com", "/api/principals/<bo>/roles", "/api/principals/<bo>/client-access", "/api/principals/<bo>/application-access",
		"/api/service-accounts/globex-robot", "/api/service-accounts/<robot>", "/api/service-accounts/<robot>/tokens", "/api/clients/globex", "/api/clients/by-identifier/globex",
		"/api/clients/globex/applications", "/api/oauth-clients/<robotClient>", "/api/anchor-domains/<anchor>"} {
		w.do("GET", c.path(path), acme, "").problem(404, "NOT_FOUND")
	}
	// A partner of both sees both.
	both := w.token(&auth.Principal{ID: "prn_BOTH", Scope: auth.ScopePartner, Clients: []string{"acme", "globex"}, Roles: []string{auth.RoleIAMAdmin}})
	for _, path := range []string{"/api/principals/<ada>", "/api/principals/<bo>", "/api/principals/<partner>", "/api/service-accounts/acme-robot", "/api/service-accounts/globex-robot", "/api/clients/acme", "/api/clients/globex"} {
		w.do("GET", c.path(path), both, "").is(200)
	}

	made := w.do("POST", "/api/principals/users", acme, `{"email":"Cy@acme.example.com","name":"Cy"}`).is(201)
	if made.get("clientId") != "acme" || made.get("scope") != "CLIENT" || made.get("email") != "cy@acme.example.com" {
		t.Errorf("a colleague: %s", made.body)
	}
	cy := "/api/principals/" + made.id()
	w.do("POST", cy+"/roles", acme, `{"role":"shop:clerk"}`).is(200)
	w.do("PUT", cy, acme, `{"firstName":"Cy","lastName":"Young"}`).is(200)
	w.do("POST", cy+"/deactivate", acme, "").is(200)
	w.do("DELETE", cy, acme, "").is(204)
	account := w.do("POST", "/api/service-accounts", acme, `{"code":"pipeline"}`).is(201)
	if ids, _ := account.get("clientIds").([]any); len(ids) != 1 || ids[0] != "acme" {
		t.Errorf("an account of their own: %s", account.body)
	}
	w.do("POST", "/api/service-accounts/pipeline/tokens", acme, `{"name":"ci"}`).is(201)
	// An application shows how the caller's clients have it, and no others.
	w.do("PUT", "/api/applications/shop/clients/globex", c.root, `{"enabled":true,"config":{"plan":"gold"}}`).is(200)
	if a := w.do("GET", "/api/applications/shop", acme, "").is(200); strings.Contains(string(a.body), "gold") {
		t.Errorf("another client's configuration: %s", a.body)
	}
	if a := w.do("GET", "/api/applications/shop/clients", acme, "").is(200); a.get("total") != 0.0 {
		t.Errorf("another client's configuration: %s", a.body)
	}
}

func TestSomebodyStaysWhoMayDoEverything(t *testing.T) {
	t.Parallel()
	w := setup(t)
	// A machine that may do everything is no person who could let others in.
	made := w.do("POST", "/api/service-accounts", w.admin(), `{"code":"root","clientIds":["*"],"roles":["platform:super-admin"]}`).is(201)
	root, _ := made.get("token").(string)
	first := w.do("POST", "/api/principals", root, `{"email":"one@example.com","scope":"ANCHOR","roles":["platform:super-admin"]}`).is(201).id()
	w.do("POST", "/api/principals/prn_ADMIN/deactivate", root, "").is(200)
	for request, body := range map[string]string{
		"DELETE ": "", "POST /deactivate": "", "PUT ": `{"active":false}`, "PUT /roles": `{"roles":[]}`, "DELETE /roles/platform:super-admin": "",
	} {
		method, path, _ := strings.Cut(request, " ")
		w.do(method, "/api/principals/"+first+path, root, body).problem(409, "CONFLICT", "last active administrator")
	}
	second := w.do("POST", "/api/principals", root, `{"email":"two@example.com","scope":"ANCHOR","roles":["platform:super-admin"]}`).is(201).id()
	self := w.token(&auth.Principal{ID: first, Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleSuperAdmin}})
	w.do("DELETE", "/api/principals/"+first, self, "").problem(409, "CONFLICT", "themselves")
	w.do("POST", "/api/principals/"+first+"/deactivate", self, "").problem(409, "CONFLICT", "themselves")
	w.do("POST", "/api/principals/"+second+"/deactivate", self, "").is(200)
}

func TestNobodyLengthensTheirOwnReach(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.shop()
	soon := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	id := w.do("POST", "/api/principals", w.admin(), `{"email":"me@acme.example.com","name":"Me","clientId":"acme","roles":["platform:iam-admin"],"clientGrants":[{"clientId":"globex","expiresAt":"`+soon+`"}]}`).is(201).id()
	me := w.token(&auth.Principal{ID: id, Scope: auth.ScopePartner, Clients: []string{"acme", "globex"}, Roles: []string{auth.RoleIAMAdmin}})
	ends := func() bool {
		return strings.Contains(string(w.do("GET", "/api/principals/"+id+"/client-access", w.admin(), "").is(200).body), `"expiresAt":"`)
	}
	if a := w.do("POST", "/api/principals/"+id+"/client-access", me, `{"clientId":"globex"}`); a.status < 400 && !ends() {
		t.Errorf("a grant was made permanent by its holder: %d %s", a.status, a.body)
	}
	w.do("POST", "/api/applications/shop/principals/sync", me, `{"principals":[{"email":"me@acme.example.com","name":"Me","clientGrants":[{"clientId":"globex"}]}]}`)
	if !ends() {
		t.Error("a grant was made permanent by sync")
	}
}

func TestSyncSaysOfPeopleOnlyWhatItMay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.shop()
	w.do("POST", "/api/principals/users", w.admin(), `{"email":"ada@example.org","name":"Ada","clientId":"acme"}`).is(201)
	w.syncs("principals", "", `{"principals":[{"email":"ada@example.org","name":"Ada","roleAssignments":[{"roleName":"platform:viewer","assignmentSource":"MANUAL"}],"clientGrants":[{"clientId":"globex"}],"idpType":"OIDC","idpSubject":"x","scope":"PARTNER"}]}`)
	body := string(w.do("GET", "/api/principals?email=ada@example.org", w.admin(), "").is(200).body)
	for _, no := range []string{"platform:viewer", "globex", `"OIDC"`, `"PARTNER"`} {
		if strings.Contains(body, no) {
			t.Errorf("sync gave %s: %s", no, body)
		}
	}
}
