package federation_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"crypto/rand"
	"crypto/rsa"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/federation"
	"github.com/flowcatalyst/fc/daemon/internal/federation/federationtest"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

type claims = federationtest.Claims

func TestAnswersThatAreNotThoseOfTheSignInAreRefused(t *testing.T) {
	t.Parallel()
	const gone = "not known here"
	for name, c := range map[string]struct {
		forge func(w *world, in *federation.Callback)
		code  platform.Code
		says  string
	}{
		"no state":                     {func(_ *world, in *federation.Callback) { in.State = "" }, platform.CodeInvalid, gone},
		"a state of nobody's":          {func(_ *world, in *federation.Callback) { in.State = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" }, platform.CodeInvalid, gone},
		"a browser without the cookie": {func(_ *world, in *federation.Callback) { in.Browser = "" }, platform.CodeInvalid, gone},
		"the cookie of another attempt": {func(w *world, in *federation.Callback) {
			in.Browser = w.begin(federation.Start{Domain: "example.com"}).CookieValue
		}, platform.CodeInvalid, gone},
		"the state of another browser": {func(w *world, in *federation.Callback) {
			in.State = query(w.t, w.begin(federation.Start{Domain: "example.com"}).URL).Get("state")
		}, platform.CodeInvalid, gone},
		"after ten minutes": {func(w *world, _ *federation.Callback) { w.now = w.now.Add(federation.AttemptLife + time.Second) }, platform.CodeInvalid, gone},
		"another provider's answer": {func(_ *world, in *federation.Callback) { in.Issuer = "https://idp.example.org" }, platform.CodeBadLogin,
			"not from the provider that was asked"},
		"neither code nor error": {func(_ *world, in *federation.Callback) { in.Code = "" }, platform.CodeBadLogin, "neither a code nor an error"},
		"a code of nobody's":     {func(_ *world, in *federation.Callback) { in.Code = "guessed" }, platform.CodeProvider, "did not give a token"},
		"another attempt's code": {func(w *world, in *federation.Callback) {
			in.Code = w.visit(w.begin(federation.Start{Domain: "example.com"})).Code
		}, platform.CodeProvider, "did not give a token"}, // PKCE
		"they declined":          {func(_ *world, in *federation.Callback) { in.Code, in.Error = "", "access_denied" }, platform.CodeForbidden, "access_denied"},
		"an error beside a code": {func(_ *world, in *federation.Callback) { in.Error = "login_required" }, platform.CodeForbidden, "login_required"},
		"an error with a script": {func(_ *world, in *federation.Callback) { in.Error = "<script>" }, platform.CodeForbidden, "the identity provider refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			in := w.visit(w.begin(federation.Start{Domain: "example.com"}))
			c.forge(w, &in)
			_, _, err := w.service.Finish(t.Context(), in)
			refused(t, err, c.code, c.says)
			if err != nil && strings.Contains(err.Error(), "<script>") {
				t.Errorf("it repeats what it was sent: %v", err)
			}
			if w.person("ada@example.com") != nil {
				t.Error("somebody was made nevertheless")
			}
		})
	}
}

func TestAStateIsUsedOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := w.visit(w.begin(federation.Start{Domain: "example.com"}))
	var good, bad atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, _, err := w.service.Finish(t.Context(), in); err == nil {
				good.Add(1)
			} else {
				bad.Add(1)
			}
		})
	}
	all.Wait()
	if good.Load() != 1 || bad.Load() != 7 {
		t.Errorf("of eight who came at once %d got in", good.Load())
	}
	_, _, err := w.service.Finish(t.Context(), in)
	refused(t, err, platform.CodeInvalid, "not known here")

	// One that failed is used up as well: its code may be known.
	w.provider.Set(func() { w.provider.Claims["nonce"] = "another" })
	in = w.visit(w.begin(federation.Start{Domain: "example.com"}))
	_, _, err = w.service.Finish(t.Context(), in)
	refused(t, err, platform.CodeBadLogin, "not valid")
	_, _, err = w.service.Finish(t.Context(), in)
	refused(t, err, platform.CodeInvalid, "not known here")
}

// The mix-up: a code that came with the attempt of one provider, which saw it
// then, is not good for an attempt at the one that it is of.
func TestACodeCountsWithTheFirstAttemptOnly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	honest := w.visit(w.begin(federation.Start{Domain: "example.com"}))
	hostile := w.visit(w.begin(federation.Start{Domain: "example.com"}))
	hostile.Code = honest.Code
	if _, _, err := w.service.Finish(t.Context(), hostile); err == nil {
		t.Fatal("the code of another attempt let somebody in")
	}
	for _, code := range []string{honest.Code, honest.Code + "=", " " + honest.Code} {
		honest.Code = code
		_, _, err := w.service.Finish(t.Context(), honest)
		refused(t, err, platform.CodeBadLogin, "came before")
		honest = w.visit(w.begin(federation.Start{Domain: "example.com"}))
		honest.Code = code
	}
}

func TestTokensThatAreNotForUsAreRefused(t *testing.T) {
	t.Parallel()
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	with := func(sign func(federationtest.Claims) string) func(*federationtest.Provider) {
		return func(p *federationtest.Provider) { p.Sign = sign }
	}
	saying := func(c claims) func(*federationtest.Provider) {
		return func(p *federationtest.Provider) {
			for k, v := range c {
				p.Claims[k] = v
			}
		}
	}
	const bad = "answer is not valid"
	for name, c := range map[string]struct {
		script func(*federationtest.Provider)
		code   platform.Code
		says   string
	}{
		"another nonce":          {saying(claims{"nonce": "x"}), platform.CodeBadLogin, bad},
		"no nonce":               {saying(claims{"nonce": nil}), platform.CodeBadLogin, bad},
		"another audience":       {saying(claims{"aud": "shop"}), platform.CodeBadLogin, bad},
		"two audiences, no azp":  {saying(claims{"aud": []string{"flowcatalyst", "shop"}}), platform.CodeBadLogin, bad},
		"given to another party": {saying(claims{"aud": []string{"flowcatalyst", "shop"}, "azp": "shop"}), platform.CodeBadLogin, bad},
		"another issuer":         {saying(claims{"iss": "https://idp.example.org"}), platform.CodeBadLogin, bad},
		"expired":                {saying(claims{"exp": now.Add(-time.Minute).Unix()}), platform.CodeBadLogin, bad},
		"no end":                 {saying(claims{"exp": nil}), platform.CodeBadLogin, bad},
		"not yet":                {saying(claims{"nbf": now.Add(time.Hour).Unix()}), platform.CodeBadLogin, bad},
		"made tomorrow":          {saying(claims{"iat": now.Add(time.Hour).Unix()}), platform.CodeBadLogin, bad},
		"no subject":             {saying(claims{"sub": nil}), platform.CodeBadLogin, bad},
		"a subject without end":  {saying(claims{"sub": strings.Repeat("x", 256)}), platform.CodeBadLogin, bad},
		"another access token's": {saying(claims{"at_hash": "bm90IGl0"}), platform.CodeBadLogin, bad},
		"alg none": {with(func(c claims) string {
			return federationtest.Sign(c, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType)
		}), platform.CodeBadLogin, bad},
		"HS256 with the public key": {with(func(c claims) string {
			return federationtest.Sign(c, jwt.SigningMethodHS256, federationtest.PublicKey())
		}), platform.CodeBadLogin, bad},
		"HS256 with the client's secret": {with(func(c claims) string {
			return federationtest.Sign(c, jwt.SigningMethodHS256, []byte(federationtest.Secret))
		}), platform.CodeBadLogin, bad},
		"a stranger's key": {with(func(c claims) string { return federationtest.Sign(c, jwt.SigningMethodRS256, stranger) }), platform.CodeBadLogin, bad},
		"no token":         {with(func(claims) string { return "" }), platform.CodeProvider, "no ID token"},
		"no JWT":           {with(func(claims) string { return "a.b" }), platform.CodeBadLogin, bad},

		"an email of another domain":     {saying(claims{"email": "ada@example.org"}), platform.CodeForbidden, "another domain"},
		"an email of a domain beneath":   {saying(claims{"email": "ada@sub.example.com"}), platform.CodeForbidden, "another domain"},
		"an email with two domains":      {saying(claims{"email": "ada@example.com@example.org"}), platform.CodeForbidden, "does not say your email"},
		"two domains the other way":      {saying(claims{"email": "ada@example.org@example.com"}), platform.CodeForbidden, "does not say your email"},
		"an email not verified":          {saying(claims{"email_verified": false}), platform.CodeForbidden, "not verified"},
		"an email not verified, as text": {saying(claims{"email_verified": "false"}), platform.CodeForbidden, "not verified"},
		"no email":                       {saying(claims{"email": nil}), platform.CodeForbidden, "does not say your email"},
		"an email that is none":          {saying(claims{"email": 7}), platform.CodeForbidden, "does not say your email"},

		"userinfo of somebody else": {func(p *federationtest.Provider) {
			p.Claims["email"] = nil
			p.UserInfo = claims{"sub": "eve", "email": "ada@example.com"}
		}, platform.CodeProvider, "does not say more"},
		"no answer of the token endpoint": {func(p *federationtest.Provider) { p.Down["/token"] = true }, platform.CodeProvider, "did not give a token"},
		"no keys":                         {func(p *federationtest.Provider) { p.Down["/keys"] = true }, platform.CodeProvider, "did not give its keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.provider.Set(func() { c.script(w.provider) })
			_, err := w.signIn()
			refused(t, err, c.code, c.says)
			if w.person("ada@example.com") != nil {
				t.Error("somebody was made nevertheless")
			}
			for _, secret := range []string{federationtest.Secret, "access-", "ada@"} {
				if strings.Contains(w.log.String(), secret) {
					t.Errorf("the log has %q: %s", secret, w.log)
				}
			}
		})
	}
}

// A provider speaks for its own domain, whoever else it knows.
func TestAProviderLetsNobodyOfAnotherDomainIn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.create(resource.KindClient, `{"identifier":"globex","name":"Globex"}`)
	w.configure("example.org", `"primaryClientId":"globex"`)
	w.in() // ada-1 is ada@example.com from now on
	for name, said := range map[string]claims{
		"by the other domain's door":         {"sub": "ada-1", "email": "ada@example.org", "email_verified": true},
		"by the other's door, without email": {"sub": "ada-1"},
	} {
		w.provider.Set(func() { w.provider.Claims = said })
		_, _, err := w.service.Finish(t.Context(), w.visit(w.begin(federation.Start{Domain: "example.org"})))
		refused(t, err, platform.CodeForbidden, "another email domain")
		if w.person("ada@example.org") != nil {
			t.Errorf("%s: somebody was made nevertheless", name)
		}
	}
	// Their own door is closed too to whoever has moved to another domain.
	w.provider.Set(func() { w.provider.Claims = claims{"sub": "ada-1", "email": "ada@example.org"} })
	_, err := w.signIn()
	refused(t, err, platform.CodeForbidden, "another domain")
}

func TestAnEmailIsOfWhoHadItFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ada := w.in().Subject
	// The address goes to somebody else there.
	w.provider.Set(func() { w.provider.Claims["sub"] = "ada-2" })
	_, err := w.signIn()
	refused(t, err, platform.CodeForbidden, "another account of the provider")
	// The identity goes on being theirs with another address, or without.
	for _, email := range []any{"ada.lovelace@example.com", nil} {
		w.provider.Set(func() { w.provider.Claims["sub"], w.provider.Claims["email"] = "ada-1", email })
		if again := w.in().Subject; again.ID != ada.ID || again.Email != "ada@example.com" {
			t.Errorf("with the email %v it is %+v", email, again)
		}
	}
	// An administrator lets the new account have it.
	if err := w.p.ForgetIdentity(t.Context(), platform.System(), "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	w.provider.Set(func() { w.provider.Claims["sub"], w.provider.Claims["email"] = "ada-2", "Ada@Example.com" })
	if again := w.in().Subject; again.ID != ada.ID || again.Person.IdpSubject != "ada-2" {
		t.Errorf("after that it is %+v", again.Person)
	}
	w.provider.Set(func() { w.provider.Claims["sub"] = "ada-1" })
	_, err = w.signIn()
	refused(t, err, platform.CodeForbidden, "another account of the provider")
}

func TestGoogleSaysWhoseAccountItIs(t *testing.T) {
	t.Parallel()
	for hd, good := range map[any]bool{"example.com": true, "Example.com": true, "example.org": false, nil: false, 7: false} {
		if _, err := federation.Told("https://accounts.google.com", claims{"sub": "1", "email": "ada@example.com", "hd": hd}); (err == nil) != good {
			t.Errorf("hd %v: %v", hd, err)
		}
	}
}

func TestOnlyPathsOfThisOriginAreGoneTo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, bad := range []string{"https://evil.example.org/", "//evil.example.org", "///evil.example.org", "/\\evil.example.org", "\\/evil.example.org", "/\t/evil.example.org",
		"/\n/evil.example.org", "/ /evil.example.org", "javascript:alert(1)", "evil.example.org", " /x", "/x\r\nSet-Cookie: a=b", "/x\x00", "/\u2028x", "/" + strings.Repeat("x", 8000), "/x\\..\\..", "?x", "#x"} {
		_, err := w.service.Begin(t.Context(), federation.Start{Domain: "example.com", ReturnURL: bad})
		refused(t, err, platform.CodeInvalid, "return_url")
	}
	for _, good := range []string{"/", "/oauth/authorize?client_id=web&redirect_uri=https%3A%2F%2Fapp.example.com%2F&state=a%20b", "/a/b#c", "/x?u=//y", "/%2f%2fevil.example.org", "/a//b"} {
		begun, err := w.service.Begin(t.Context(), federation.Start{Domain: "example.com", ReturnURL: good})
		if err != nil {
			t.Errorf("%s: %v", good, err)
			continue
		}
		if _, to, err := w.service.Finish(t.Context(), w.visit(begun)); err != nil || to != good {
			t.Errorf("%s becomes %q, %v", good, to, err)
		}
	}
}
