package resource

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// pair is a new client certificate with its key.
func pair(t *testing.T) TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return TLS{Certificate: text("CERTIFICATE", cert), Key: NewSecret(text("PRIVATE KEY", private))}
}

// paths lists where a type has secrets, wherever they are: in maps, arrays and
// behind interfaces too, which EachSecret does not visit.
func paths(t *testing.T, typ reflect.Type, path string, within []reflect.Type) (out []string) {
	if typ == secretType {
		return []string{path}
	}
	if slices.Contains(within, typ) {
		return nil
	}
	within = append(slices.Clone(within), typ)
	switch typ.Kind() {
	case reflect.Pointer:
		return paths(t, typ.Elem(), path, within)
	case reflect.Slice:
		return paths(t, typ.Elem(), path+"[0]", within)
	case reflect.Array, reflect.Map:
		if len(paths(t, typ.Elem(), path, within)) > 0 {
			t.Errorf("%s has secrets in %s, where EachSecret does not look", path, typ)
		}
	case reflect.Struct:
		for i := range typ.NumField() {
			f := typ.Field(i)
			got := paths(t, f.Type, fieldPath(path, f), within)
			if len(got) > 0 && !f.IsExported() {
				t.Errorf("%s has a secret that is not exported, which EachSecret can not reach", path)
			}
			out = append(out, got...)
		}
	}
	return out
}

// fill gives every slice that leads to secrets an element.
func fill(v reflect.Value) {
	if !holds(v.Type()) || v.Type() == secretType {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	}
}

// Whoever adds a field of type Secret to a noun need do nothing else: it is
// found. If it stands where it can not be found, this fails.
func TestEverySecretOfEveryKindIsFound(t *testing.T) {
	t.Parallel()
	total := 0
	for _, info := range Kinds {
		r := info.New()
		fill(reflect.ValueOf(r))
		var found []string
		if err := EachSecret(r, func(path string, s *Secret) error {
			*s = NewSecret("hidden-" + path)
			found = append(found, path)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want := paths(t, reflect.TypeOf(r), "", nil)
		if !slices.Equal(found, want) {
			t.Errorf("%s has secrets in %q, and %q are found", info.Kind, want, found)
		}
		total += len(found)
		open, err := json.Marshal(OpenSecrets(r))
		if err != nil {
			t.Fatal(err)
		}
		shut, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if !strings.Contains(string(open), `"hidden-`+path+`"`) {
				t.Errorf("%s: %s does not travel when it is opened: %s", info.Kind, path, open)
			}
			if strings.Contains(string(shut), "hidden-") || strings.Contains(fmt.Sprintf("%+v", r), "hidden-") {
				t.Errorf("%s shows its secrets after a copy of it was opened: %s", info.Kind, shut)
			}
		}
	}
	if total < 6 {
		t.Errorf("only %d secrets are known: the check is hollow", total)
	}
}

func TestACopyHasSecretsOfItsOwn(t *testing.T) {
	t.Parallel()
	c := goodConnection()
	c.Signing.Previous = []PreviousSecret{{Secret: NewSecret("old")}}
	c.Auth = Auth{Type: AuthBearer, Token: NewSecret("token")}
	before := fmt.Sprint(c)
	if err := EachSecret(CopySecrets(c), func(_ string, s *Secret) error { *s = NewSecret("other"); return nil }); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(c) != before || c.Signing.Previous[0].Secret.Reveal() != "old" || c.Auth.Token.Reveal() != "token" {
		t.Error("the original was changed")
	}
	stop := errors.New("stop")
	n := 0
	if err := EachSecret(c, func(string, *Secret) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("visited %d after an error, %v", n, err)
	}
	if p := goodPool(); CopySecrets(p) != Resource(p) {
		t.Error("a pool, which has no secrets, is copied")
	}
}

func TestAuthTypesAreReadByAllTheirNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"type":"BEARER_TOKEN"}`: AuthBearer, `{"authType":"BEARER_TOKEN"}`: AuthBearer, `{"type":"bearer"}`: AuthBearer,
		`{"authType":"BASIC_AUTH"}`: AuthBasic, `{"type":"basic"}`: AuthBasic, `{"authType":"API_KEY"}`: AuthAPIKey, `{"type":"api_key"}`: AuthAPIKey,
		`{"type":"oauth2"}`: AuthOAuth2, `{"type":"OAUTH2_CLIENT_CREDENTIALS"}`: AuthOAuth2, `{"authType":"NONE"}`: AuthNone, `{}`: "", `{"type":"magic"}`: "MAGIC",
	} {
		var a Auth
		if err := json.Unmarshal([]byte(in), &a); err != nil || a.Type != want {
			t.Errorf("%s is read as %q, %v", in, a.Type, err)
		}
	}
}

func TestDefaultsDropWhatBelongsToNoOrAnotherType(t *testing.T) {
	t.Parallel()
	all := Auth{Token: NewSecret("t"), Username: "u", Password: NewSecret("p"), Key: NewSecret("k"), TokenURL: "https://login.example.com", ClientID: "c", ClientSecret: NewSecret("s")}
	for kind, want := range map[string]int{"": 0, AuthNone: 0, AuthBearer: 1, AuthBasic: 1, AuthAPIKey: 1, AuthOAuth2: 1} {
		c := goodConnection()
		c.Auth = all
		c.Auth.Type = kind
		c.TLS.Key = NewSecret("k")
		c.Signing = Signing{Scheme: SchemeNone, Secret: NewSecret("s")}
		c.Defaults()
		n := 0
		if err := EachSecret(c, func(_ string, s *Secret) error {
			if !s.IsZero() {
				n++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if n != want || (want == 0) != c.Auth.IsZero() {
			t.Errorf("%q keeps %d secrets: %+v", kind, n, c.Auth)
		}
	}
}
