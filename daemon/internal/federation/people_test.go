package federation_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/federation"
	"github.com/flowcatalyst/fc/daemon/internal/federation/federationtest"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestSomebodyNewGetsWhatTheirDomainGives(t *testing.T) {
	t.Parallel()
	w := setup(t)
	begun := w.begin(federation.Start{Email: "Ada@Example.com", ReturnURL: "/x"})
	q := query(t, begun.URL)
	for name, want := range map[string]string{"response_type": "code", "client_id": federationtest.ClientID, "redirect_uri": publicURL + "/auth/oidc/callback",
		"scope": "openid email profile", "code_challenge_method": "S256", "login_hint": "Ada@Example.com"} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, not %q", name, q.Get(name), want)
		}
	}
	if len(q.Get("nonce")) < 20 || len(q.Get("state")) < 20 || len(q.Get("code_challenge")) != 43 {
		t.Errorf("not random enough: %s", begun.URL)
	}
	for _, secret := range []string{begun.CookieValue, federationtest.Secret} {
		if strings.Contains(begun.URL, secret) {
			t.Error("the provider gets to see a secret of the browser's or of ours")
		}
	}
	tokens, to, err := w.service.Finish(t.Context(), w.visit(begun))
	if err != nil || to != "/x" {
		t.Fatalf("%q, %v: %s", to, err, w.log)
	}
	who := tokens.Subject.Person
	if who.Email != "ada@example.com" || who.Name != "Ada" || who.Scope != resource.ScopeClient || who.Meta.ClientID == "" || who.IdpType != resource.IdpOIDC ||
		who.IdpIssuer != w.provider.URL || who.IdpSubject != "ada-1" || len(who.Roles) != 0 || who.Source != "IDP" {
		t.Errorf("made %+v", who)
	}
	if tokens.Session.Method != "oidc" || tokens.Cookie == "" || !tokens.Session.PasswordSetAt.IsZero() {
		t.Errorf("session %+v", tokens.Session)
	}
	if again := w.in().Subject; again.ID != who.ID || again.Person.Revision != who.Revision {
		t.Errorf("the second time it is %+v", again.Person)
	}
	logs, err := w.st.Audit(t.Context(), store.Everything, store.AuditQuery{EntityID: who.ID})
	if err != nil || len(logs.Entries) != 1 || logs.Entries[0].Operation != "CREATE_BY_IDP" || logs.Entries[0].RequestID != "req-1" {
		t.Errorf("audit: %+v, %v", logs, err)
	}
}

func TestNobodyNewWhereAdministratorsMakeThem(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.update(resource.KindClientAuthConfig, "example.com", `{"createUsers":false}`)
	_, err := w.signIn()
	refused(t, err, platform.CodeForbidden, "there is no account")
	w.create(resource.KindPrincipal, `{"email":"ada@example.com","name":"Ada L.","clientId":"acme","roles":["platform:viewer"]}`)
	who := w.in().Subject.Person
	if who.Name != "Ada L." || who.IdpSubject != "ada-1" || !slices.Equal(who.RoleNames(), []string{"platform:viewer"}) {
		t.Errorf("bound %+v", who)
	}
}

func TestRolesFollowTheProvider(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.create(resource.KindIdpRoleMapping, `{"emailDomain":"example.com","idpRoleName":"operators","roleName":"platform:messaging-admin"}`)
	w.create(resource.KindIdpRoleMapping, `{"idpRoleName":"readers","roleName":"platform:viewer"}`)
	w.create(resource.KindIdpRoleMapping, `{"emailDomain":"example.org","idpRoleName":"operators","roleName":"platform:super-admin"}`)
	sources := func() map[string]string {
		got := map[string]string{}
		for _, r := range w.in().Subject.Person.Roles {
			got[r.Role] = r.Source
		}
		return got
	}
	say := func(roles any) { w.provider.Set(func() { w.provider.Claims["roles"] = roles }) }
	is := func(want map[string]string) {
		t.Helper()
		if got := sources(); !reflect.DeepEqual(got, want) {
			t.Errorf("roles %v, want %v", got, want)
		}
	}
	say([]string{"operators", "platform:super-admin", "Readers"})
	is(map[string]string{"platform:messaging-admin": "IDP"})
	if _, _, _, err := w.p.SetRoles(t.Context(), platform.System(), "ada@example.com", []string{"platform:messaging-admin", "platform:developer"}); err != nil {
		t.Fatal(err)
	}
	say([]string{"readers", "operators"})
	is(map[string]string{"platform:messaging-admin": "IDP", "platform:developer": "MANUAL", "platform:viewer": "IDP"})
	say([]string{"readers"})
	is(map[string]string{"platform:developer": "MANUAL", "platform:viewer": "IDP"})
	// What somebody gave by hand stays theirs, whether the provider says it or not.
	if _, err := w.p.AssignRole(t.Context(), platform.System(), "ada@example.com", "platform:messaging-admin"); err != nil {
		t.Fatal(err)
	}
	say([]string{"operators"})
	is(map[string]string{"platform:developer": "MANUAL", "platform:messaging-admin": "MANUAL"})
	say(nil)
	is(map[string]string{"platform:developer": "MANUAL", "platform:messaging-admin": "MANUAL"})
	// A mapping that goes takes its role along.
	say("readers")
	is(map[string]string{"platform:developer": "MANUAL", "platform:messaging-admin": "MANUAL", "platform:viewer": "IDP"})
	mappings, _ := resource.InfoOf(resource.KindIdpRoleMapping)
	if err := w.p.Delete(t.Context(), platform.System(), mappings, "/readers/platform:viewer", "", 0); err != nil {
		t.Fatal(err)
	}
	is(map[string]string{"platform:developer": "MANUAL", "platform:messaging-admin": "MANUAL"})

	logs, err := w.st.Audit(t.Context(), store.Everything, store.AuditQuery{EntityID: w.person("ada@example.com").ID, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	byIdp := 0
	for _, e := range logs.Entries {
		if e.Operation == "UPDATE_BY_IDP" && len(e.Before) > 0 && len(e.After) > 0 && e.PrincipalID == "system" {
			byIdp++
		}
	}
	if byIdp != 5 { // two times more, three times less
		t.Errorf("%d changes by the provider are in the audit", byIdp)
	}
}

func TestRolesAreFoundWhereProvidersPutThem(t *testing.T) {
	t.Parallel()
	var said map[string]any
	if err := json.Unmarshal([]byte(`{"roles":["a","b",7],"one":"a","realm_access":{"roles":["c"]},"https://example.com/roles":["d"],"project":{"e":{"org":"1"},"f":{}},"n":7}`), &said); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"roles": {"a", "b"}, "one": {"a"}, "realm_access.roles": {"c"}, "https://example.com/roles": {"d"}, "project": {"e", "f"}, "n": nil} {
		if got, there := federation.RolesIn(said, name); !there || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, there)
		}
	}
	for _, name := range []string{"absent", "realm_access.absent", "roles.x", "one.x.y", "."} {
		if got, there := federation.RolesIn(said, name); there {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestUserInfoSaysWhatTheTokenDoesNot(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.create(resource.KindIdpRoleMapping, `{"idpRoleName":"readers","roleName":"platform:viewer"}`)
	w.provider.Set(func() {
		w.provider.Claims = claims{"sub": "ada-1"}
		w.provider.UserInfo = claims{"sub": "ada-1", "email": "ada@example.com", "email_verified": false, "roles": []string{"readers"}}
	})
	_, err := w.signIn()
	refused(t, err, platform.CodeForbidden, "not verified")
	w.provider.Set(func() { w.provider.UserInfo["email_verified"] = true })
	if who := w.in().Subject; !slices.Equal(who.Roles, []string{"platform:viewer"}) {
		t.Errorf("roles %v", who.Roles)
	}
	// Roles are not taken away because their source does not answer.
	w.provider.Set(func() { w.provider.Down["/userinfo"] = true })
	_, err = w.signIn()
	refused(t, err, platform.CodeProvider, "does not say more")
	if who := w.person("ada@example.com"); len(who.Roles) != 1 {
		t.Errorf("roles %v", who.Roles)
	}
}

func TestWhoIsShutOutStaysOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ada := w.in().Subject
	if _, err := w.p.SetPrincipalActive(t.Context(), platform.System(), ada.ID, false); err != nil {
		t.Fatal(err)
	}
	_, err := w.signIn()
	refused(t, err, platform.CodeForbidden, "not active")
	if n := w.sessionsOf(ada.ID); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.create(resource.KindAnchorDomain, `{"domain":"example.com"}`)
	w.create(resource.KindIdpRoleMapping, `{"idpRoleName":"owners","roleName":"platform:super-admin"}`)
	w.provider.Set(func() { w.provider.Claims["roles"] = []string{"owners"} })
	if who := w.in().Subject; !who.Everything() || len(who.Roles) != 1 {
		t.Fatalf("%+v", who)
	}
	w.provider.Set(func() { w.provider.Claims["roles"] = nil })
	_, err := w.signIn()
	refused(t, err, platform.CodeConflict, "last active administrator")
}

// Whoever made the account before, with a password, may be somebody else.
func TestTheFirstSignInEndsTheSessionsBeforeIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	made := w.create(resource.KindPrincipal, `{"email":"ada@example.com","name":"Ada","clientId":"acme"}`)
	d, err := w.dir.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.sessions.Start(t.Context(), d.Subject(made.Base().ID), iam.Session{Method: "password"}); err != nil {
		t.Fatal(err)
	}
	w.in()
	if n := w.sessionsOf(made.Base().ID); n != 1 {
		t.Errorf("%d sessions, want the new one alone", n)
	}
	w.in()
	if n := w.sessionsOf(made.Base().ID); n != 2 {
		t.Errorf("%d sessions: the second sign-in ended the first", n)
	}
}

func TestADomainThatGoesToAnotherProviderIsKnownByEmailAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ada := w.in().Subject
	other := federationtest.Start(t)
	other.Claims = claims{"sub": "uid-77", "email": "ada@example.com"}
	begun := w.begin(federation.Start{Domain: "example.com"})
	info, _ := resource.InfoOf(resource.KindClientAuthConfig)
	_, err := w.p.Update(t.Context(), platform.System(), info, "example.com", "", []byte(`{"oidcIssuerUrl":"`+other.URL+`"}`), 0)
	refused(t, err, platform.CodeInvalid, "oidcClientSecret")
	other.Secret = "another"
	w.update(resource.KindClientAuthConfig, "example.com", `{"oidcIssuerUrl":"`+other.URL+`","oidcClientSecret":"another"}`)
	_, _, err = w.service.Finish(t.Context(), w.visit(begun))
	refused(t, err, platform.CodeInvalid, "changed meanwhile")
	if again := w.in().Subject; again.ID != ada.ID || again.Person.IdpIssuer != other.URL || again.Person.IdpSubject != "uid-77" {
		t.Errorf("%+v", again.Person)
	}
}

func TestADomainWithoutAProvider(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.update(resource.KindClientAuthConfig, "example.com", `{"authProvider":"INTERNAL"}`)
	for _, domain := range []string{"example.com", "example.net"} {
		_, err := w.service.Begin(t.Context(), federation.Start{Domain: domain})
		refused(t, err, platform.CodeNotFound, "with a password")
	}
	_, err := w.service.Begin(t.Context(), federation.Start{})
	refused(t, err, platform.CodeInvalid, "domain")
}

func TestAProviderThatIsDownIsAskedAgainSoonAndNotTooOften(t *testing.T) {
	t.Parallel()
	const document = "/.well-known/openid-configuration"
	w := setup(t)
	asked := func() (n int) {
		w.provider.Set(func() { n = w.provider.Asked[document] })
		return n
	}
	w.provider.Set(func() { w.provider.Down[document] = true })
	for range 5 {
		_, err := w.service.Begin(t.Context(), federation.Start{Domain: "example.com"})
		refused(t, err, platform.CodeProvider, "does not say who it is")
	}
	if n := asked(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	w.provider.Set(func() { w.provider.Down[document] = false })
	w.now = w.now.Add(6 * time.Second)
	w.in()
	if n := asked(); n != 2 {
		t.Errorf("it was asked %d times, and once would do for beginning and finishing", n)
	}
	// What it said goes on being good while it is down.
	w.provider.Set(func() { w.provider.Down[document] = true })
	w.now = w.now.Add(50 * time.Minute)
	w.begin(federation.Start{Domain: "example.com"})
	w.now = w.now.Add(20 * time.Minute)
	w.begin(federation.Start{Domain: "example.com"})
	if n := asked(); n != 3 {
		t.Errorf("it was asked %d times", n)
	}
}

func TestAProviderMustSayWhatCanBeTrusted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(claims){
		"another issuer":     func(c claims) { c["issuer"] = "https://idp.example.org" },
		"no token endpoint":  func(c claims) { delete(c, "token_endpoint") },
		"a script":           func(c claims) { c["authorization_endpoint"] = "javascript:alert(1)" },
		"a password in it":   func(c claims) { c["jwks_uri"] = "http://a:b@127.0.0.1/keys" },
		"a document too big": func(c claims) { c["x"] = strings.Repeat("x", 2<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.provider.Discovery = func(c claims) { change(c) }
			_, err := w.service.Begin(t.Context(), federation.Start{Domain: "example.com"})
			refused(t, err, platform.CodeProvider, "does not say who it is")
			if strings.Contains(w.log.String(), "xxxxxxxxxx") {
				t.Error("the log has the whole document")
			}
		})
	}
}

func TestAnswersNameTheirSenderWhereTheProviderSaysSo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.provider.Discovery = func(c claims) { c["authorization_response_iss_parameter_supported"] = true }
	in := w.visit(w.begin(federation.Start{Domain: "example.com"}))
	_, _, err := w.service.Finish(t.Context(), in)
	refused(t, err, platform.CodeBadLogin, "not from the provider")
	in = w.visit(w.begin(federation.Start{Domain: "example.com"}))
	in.Issuer = w.provider.URL
	if _, _, err := w.service.Finish(t.Context(), in); err != nil {
		t.Error(err)
	}
}

func TestTheSecretGoesWhereTheProviderTakesIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.provider.Discovery = func(c claims) { c["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"} }
	w.in()
}

func TestOneAddressDoesNotBeginWithoutEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	begun := 0
	var err error
	for range 100 {
		if _, err = w.service.Begin(t.Context(), federation.Start{Domain: "example.com", Address: "192.0.2.7"}); err == nil {
			begun++
		}
	}
	refused(t, err, platform.CodeTooManyLogins, "too many")
	if begun != 60 {
		t.Errorf("%d began", begun)
	}
	w.begin(federation.Start{Domain: "example.com", Address: "192.0.2.8"})
}
