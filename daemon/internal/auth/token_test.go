package auth

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const issuer = "https://events.example.com"

var alice = Claims{
	Subject: "prn_0HZXEQ5Y8JY5Z", Type: TypeUser, Scope: ScopePartner, Email: "alice@example.com", Name: "Alice",
	Clients: []string{"clt_0HZXEQ5Y8JY50", "clt_0HZXEQ5Y8JY51"}, Roles: []string{RoleDeveloper},
}

func newTokens(t testing.TB, keys *Keys, now *time.Time) *Tokens {
	t.Helper()
	tokens, err := NewTokens(keys, TokenOptions{Issuer: issuer, Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestATokenSaysWhatTheContractSays(t *testing.T) {
	t.Parallel()
	now := epoch.Add(678 * time.Millisecond)
	tokens := newTokens(t, openKeys(t, t.TempDir()), &now)
	token, err := tokens.Issue(alice, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	if jti, _ := got["jti"].(string); len(jti) < 20 {
		t.Errorf("jti is %q", jti)
	}
	delete(got, "jti")
	want := map[string]any{
		"iss": issuer, "sub": "prn_0HZXEQ5Y8JY5Z", "aud": "flowcatalyst",
		"exp": float64(epoch.Unix() + 3600), "iat": float64(epoch.Unix()), "nbf": float64(epoch.Unix()),
		"type": "USER", "scope": "PARTNER", "email": "alice@example.com", "name": "Alice",
		"clients": []any{"clt_0HZXEQ5Y8JY50", "clt_0HZXEQ5Y8JY51"}, "roles": []any{"platform:developer"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("claims %v, want %v", got, want)
	}
	for range 2 { // from the key, then from the cache
		c, err := tokens.Verify(token)
		if err != nil {
			t.Fatal(err)
		}
		p := c.Principal()
		if !reflect.DeepEqual(ClaimsOf(p), alice) {
			t.Errorf("principal %+v, want that of %+v", p, alice)
		}
	}
}

func TestClaimsThatMakeNoSenseAreNotIssued(t *testing.T) {
	t.Parallel()
	now := epoch
	tokens := newTokens(t, openKeys(t, t.TempDir()), &now)
	for name, change := range map[string]func(*Claims){
		"no subject":                     func(c *Claims) { c.Subject = "" },
		"an unknown type":                func(c *Claims) { c.Type = "ROBOT" },
		"an unknown scope":               func(c *Claims) { c.Scope = "" },
		"every client without an anchor": func(c *Claims) { c.Clients = []string{"*"} },
		"more than we would accept":      func(c *Claims) { c.Name = strings.Repeat("x", maxTokenBytes) },
	} {
		c := alice
		change(&c)
		if token, err := tokens.Issue(c, time.Hour); err == nil {
			t.Errorf("%s: issued %.20s…", name, token)
		}
	}
}

func TestTheLifeOfAToken(t *testing.T) {
	t.Parallel()
	keys := openKeys(t, t.TempDir())
	for _, leeway := range []time.Duration{0, 10 * time.Second} {
		now := epoch
		clock := func() time.Time { return now }
		warm, err := NewTokens(keys, TokenOptions{Issuer: issuer, Now: clock, Leeway: leeway})
		if err != nil {
			t.Fatal(err)
		}
		token, err := warm.Issue(alice, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := warm.Verify(token); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			at   time.Duration
			want error
		}{
			{-leeway - time.Second, ErrToken},
			{-leeway, nil},
			{0, nil},
			{time.Hour + leeway - time.Nanosecond, nil},
			{time.Hour + leeway, ErrExpired},
			{1000 * time.Hour, ErrExpired},
		} {
			now = epoch.Add(c.at)
			cold, err := NewTokens(keys, TokenOptions{Issuer: issuer, Now: clock, Leeway: leeway})
			if err != nil {
				t.Fatal(err)
			}
			for name, v := range map[string]*Tokens{"cached": warm, "not cached": cold} {
				if _, err := v.Verify(token); !errors.Is(err, c.want) {
					t.Errorf("leeway %v, at %v, %s: %v, want %v", leeway, c.at, name, err, c.want)
				}
			}
		}
	}
}

// sign makes a token as an attacker who may have stolen anything would.
func sign(t testing.TB, method jwt.SigningMethod, key any, header map[string]any, claims map[string]any) string {
	t.Helper()
	tok := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	for k, v := range header {
		tok.Header[k] = v
		if v == nil {
			delete(tok.Header, k)
		}
	}
	s, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func claimsMap(changes map[string]any) map[string]any {
	m := map[string]any{
		"iss": issuer, "sub": "prn_0HZXEQ5Y8JY5Z", "aud": Audience, "jti": "j",
		"exp": epoch.Add(time.Hour).Unix(), "iat": epoch.Unix(), "nbf": epoch.Unix(),
		"type": "USER", "scope": "CLIENT", "name": "Mallory", "clients": []string{"clt_1"}, "roles": []string{},
	}
	for k, v := range changes {
		m[k] = v
		if v == nil {
			delete(m, k)
		}
	}
	return m
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	keys, foreign := openKeys(t, t.TempDir()), openKeys(t, t.TempDir())
	now := epoch
	tokens := newTokens(t, keys, &now)
	key := keys.signing(late)
	kid := map[string]any{"kid": key.id}
	ours := func(changes map[string]any) string {
		return sign(t, jwt.SigningMethodRS256, key.private, kid, claimsMap(changes))
	}
	der, err := x509.MarshalPKIXPublicKey(&key.private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	good := ours(nil)
	if _, err := tokens.Verify(good); err != nil {
		t.Fatalf("the token that the attacks start from: %v", err)
	}
	parts := strings.Split(good, ".")
	admin, err := json.Marshal(claimsMap(map[string]any{"roles": []string{RoleSuperAdmin}}))
	if err != nil {
		t.Fatal(err)
	}

	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"alg none":                        {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, claimsMap(nil)), ErrToken},
		"alg none over a good signature":  {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"`+key.id+`"}`)) + "." + parts[1] + "." + parts[2], ErrToken},
		"HS256 with the public key's PEM": {sign(t, jwt.SigningMethodHS256, publicPEM, kid, claimsMap(nil)), ErrToken},
		"HS256 with the public key's DER": {sign(t, jwt.SigningMethodHS256, der, kid, claimsMap(nil)), ErrToken},
		"HS256 with the modulus":          {sign(t, jwt.SigningMethodHS256, key.private.N.Bytes(), kid, claimsMap(nil)), ErrToken},
		"RS512 with the right key":        {sign(t, jwt.SigningMethodRS512, key.private, kid, claimsMap(nil)), ErrToken},
		"PS256 with the right key":        {sign(t, jwt.SigningMethodPS256, key.private, kid, claimsMap(nil)), ErrToken},
		"a foreign key with our kid":      {sign(t, jwt.SigningMethodRS256, foreign.signing(late).private, kid, claimsMap(nil)), ErrToken},
		"a foreign key with its kid":      {sign(t, jwt.SigningMethodRS256, foreign.signing(late).private, map[string]any{"kid": foreign.signing(late).id}, claimsMap(nil)), ErrToken},
		"no kid":                          {sign(t, jwt.SigningMethodRS256, key.private, nil, claimsMap(nil)), ErrToken},
		"a kid that is a path":            {sign(t, jwt.SigningMethodRS256, key.private, map[string]any{"kid": "../../dev/null"}, claimsMap(nil)), ErrToken},
		"a kid that is a number":          {sign(t, jwt.SigningMethodRS256, key.private, map[string]any{"kid": 7}, claimsMap(nil)), ErrToken},
		"a payload from elsewhere":        {parts[0] + "." + base64.RawURLEncoding.EncodeToString(admin) + "." + parts[2], ErrToken},
		"no signature":                    {parts[0] + "." + parts[1] + ".", ErrToken},
		"two parts":                       {parts[0] + "." + parts[1], ErrToken},
		"four parts":                      {good + ".x", ErrToken},
		"padding":                         {good + "=", ErrToken},
		"a line break":                    {good + "\n", ErrToken},
		"nothing":                         {"", ErrToken},
		"too much":                        {good + strings.Repeat("A", maxTokenBytes), ErrToken},
		"expired":                         {ours(map[string]any{"exp": epoch.Add(-time.Second).Unix()}), ErrExpired},
		"expires now":                     {ours(map[string]any{"exp": epoch.Unix()}), ErrExpired},
		"expired and from elsewhere":      {ours(map[string]any{"exp": epoch.Add(-time.Second).Unix(), "iss": "https://evil.example.com"}), ErrToken},
		"expired with a foreign key":      {sign(t, jwt.SigningMethodRS256, foreign.signing(late).private, kid, claimsMap(map[string]any{"exp": 1})), ErrToken},
		"no exp":                          {ours(map[string]any{"exp": nil}), ErrToken},
		"an exp of text":                  {ours(map[string]any{"exp": "tomorrow"}), ErrToken},
		"not valid yet":                   {ours(map[string]any{"nbf": epoch.Add(time.Minute).Unix()}), ErrToken},
		"no nbf":                          {ours(map[string]any{"nbf": nil}), ErrToken},
		"issued in the future":            {ours(map[string]any{"iat": epoch.Add(time.Minute).Unix()}), ErrToken},
		"another issuer":                  {ours(map[string]any{"iss": issuer + "/"}), ErrToken},
		"no issuer":                       {ours(map[string]any{"iss": nil}), ErrToken},
		"another audience":                {ours(map[string]any{"aud": "shop"}), ErrToken},
		"no audience":                     {ours(map[string]any{"aud": nil}), ErrToken},
		"an audience among others":        {ours(map[string]any{"aud": []string{"shop", Audience}}), ErrToken},
		"no subject":                      {ours(map[string]any{"sub": nil}), ErrToken},
		"no type":                         {ours(map[string]any{"type": nil}), ErrToken},
		"every client for one":            {ours(map[string]any{"clients": []string{"*"}}), ErrToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // a refusal is not remembered as anything else
				c, err := tokens.Verify(c.token)
				if err == nil || c.Subject != "" {
					t.Fatalf("accepted: %+v", c)
				}
			}
			if _, err := tokens.Verify(c.token); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestEveryBitOfATokenCounts(t *testing.T) {
	t.Parallel()
	now := epoch
	tokens := newTokens(t, openKeys(t, t.TempDir()), &now)
	token, err := tokens.Issue(alice, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Verify(token); err != nil {
		t.Fatal(err)
	}
	for i := range token {
		altered := []byte(token)
		altered[i] ^= 1
		if _, err := tokens.Verify(string(altered)); err == nil {
			t.Fatalf("accepted with character %d of %d altered", i, len(token))
		}
	}
}

func TestTheCacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	c := newTokenCache(100)
	id := func(i int) (id tokenID) {
		copy(id[:], fmt.Sprint(i))
		return id
	}
	for i := range 10_000 {
		c.put(id(i), verified{keyID: fmt.Sprint(i)})
		if v, ok := c.get(id(0)); !ok || v.keyID != "0" {
			t.Fatalf("after %d others, the token in use is gone", i)
		}
		if n := c.len(); n > 100 {
			t.Fatalf("%d entries, more than 100", n)
		}
	}
	if _, ok := c.get(id(5000)); ok {
		t.Error("a token that nobody used is still there")
	}
}

func TestManyVerifyAtOnce(t *testing.T) {
	t.Parallel()
	now := epoch
	keys := openKeys(t, t.TempDir())
	tokens, err := NewTokens(keys, TokenOptions{Issuer: issuer, Now: func() time.Time { return now }, CacheSize: 4})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		c := alice
		c.Subject = fmt.Sprint("prn_", g)
		token, err := tokens.Issue(c, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range 50 {
				if got, err := tokens.Verify(token); err != nil || got.Subject != c.Subject {
					t.Errorf("got %s, %v; want %s", got.Subject, err, c.Subject)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestWhoAPrincipalReaches(t *testing.T) {
	t.Parallel()
	anchor := &Principal{Scope: ScopeAnchor, Clients: []string{"*"}}
	partner := &Principal{Scope: ScopePartner, Clients: []string{"a", "b"}}
	client := &Principal{Scope: ScopeClient, Clients: []string{"a"}}
	liar := &Principal{Scope: ScopeClient, Clients: []string{"*"}}
	for _, c := range []struct {
		p      *Principal
		client string
		want   bool
	}{
		{anchor, "a", true}, {anchor, "", true}, {partner, "b", true}, {partner, "c", false}, {partner, "", false},
		{client, "a", true}, {client, "b", false}, {client, "*", false}, {liar, "a", false}, {liar, "*", false}, {liar, "", false},
	} {
		if got := c.p.Reaches(c.client); got != c.want {
			t.Errorf("%+v reaches %q: %v, want %v", c.p, c.client, got, c.want)
		}
	}
	for p, want := range map[*Principal]string{anchor: "", partner: "", client: "a", liar: ""} {
		if got, ok := p.OnlyClient(); got != want || ok != (want != "") {
			t.Errorf("%+v: only client %q, %v", p, got, ok)
		}
	}
	if _, ok := From(t.Context()); ok {
		t.Error("a principal came from nothing")
	}
	if got, ok := From(WithPrincipal(context.Background(), client)); !ok || got != client {
		t.Error("the principal did not come back from the context")
	}
}

func FuzzVerify(f *testing.F) {
	now := epoch
	keys := openKeys(f, f.TempDir())
	tokens := newTokens(f, keys, &now)
	good, err := tokens.Issue(alice, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(sign(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, map[string]any{"kid": keys.signing(late).id}, claimsMap(nil)))
	f.Add("..")
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := tokens.Verify(token)
		if err == nil && token != good {
			t.Errorf("accepted %q: %+v", token, c)
		}
		if err != nil && !errors.Is(err, ErrToken) && !errors.Is(err, ErrExpired) {
			t.Errorf("an error of another kind: %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	now := epoch
	tokens := newTokens(b, openKeys(b, b.TempDir()), &now)
	token, err := tokens.Issue(alice, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}
