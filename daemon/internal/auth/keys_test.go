package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var epoch = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

func openKeys(t testing.TB, dir string) *Keys {
	t.Helper()
	k, err := OpenKeys(dir, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestKeysAreMadeOnceAndPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	first := openKeys(t, dir)
	if got := files(t, dir); len(got) != 1 || got[0] != "20260102T150405.000Z.pem" {
		t.Fatalf("the directory has %v, want one key and nothing left over", got)
	}
	if runtime.GOOS != "windows" {
		for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, files(t, dir)[0]): 0o600} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != want {
				t.Errorf("%s has mode %o, want %o", path, got, want)
			}
		}
	}
	second := openKeys(t, dir)
	if first.signing(late).id != second.signing(late).id {
		t.Error("a second start made another key")
	}
}

func TestRotationOverlaps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := openKeys(t, dir)
	now := epoch
	tokens := newTokens(t, keys, &now)
	before, err := tokens.Issue(alice, 10*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	oldID := keys.signing(late).id

	now = now.Add(time.Hour)
	if err := keys.Rotate(now); err != nil {
		t.Fatal(err)
	}
	if keys.signing(late).id == oldID {
		t.Fatal("the old key still signs")
	}
	fresh := newTokens(t, keys, &now) // has cached nothing
	if _, err := fresh.Verify(before); err != nil {
		t.Errorf("a token of the old key: %v", err)
	}
	if err := keys.Rotate(now); err == nil {
		t.Error("a second key of the same moment replaced the first")
	}

	if err := keys.Prune(now.Add(time.Hour), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, ok := keys.public(oldID); !ok {
		t.Error("the old key went within the overlap")
	}
	if err := keys.Prune(now.Add(time.Hour+time.Second), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, ok := keys.public(oldID); ok {
		t.Error("the old key stayed beyond the overlap")
	}
	for name, v := range map[string]*Tokens{"the one that had cached it": tokens, "the other": fresh} {
		if _, err := v.Verify(before); err == nil {
			t.Errorf("a token of a key that is gone is good for %s", name)
		}
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("the directory has %v, want the new key", got)
	}
	if err := keys.Prune(now.Add(1000*time.Hour), 0); err != nil || keys.signing(late) == nil {
		t.Errorf("pruning took the signing key: %v", err)
	}
}

func TestYourOwnKeyIsNeverPruned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	own := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})
	if err := os.WriteFile(filepath.Join(dir, "00-own.pem"), own, 0o600); err != nil {
		t.Fatal(err)
	}
	keys := openKeys(t, dir)
	if keys.signing(late).private.N.Cmp(private.N) != 0 {
		t.Fatal("another key signs than the one given")
	}
	if err := keys.Rotate(epoch); err != nil {
		t.Fatal(err)
	}
	if err := keys.Prune(epoch.Add(1000*time.Hour), 0); err != nil {
		t.Fatal(err)
	}
	if _, ok := keys.public(thumbprint(&private.PublicKey)); !ok {
		t.Error("a key of one's own was pruned")
	}
}

func TestFilesThatAreNoKeysAreLeftAlone(t *testing.T) {
	t.Parallel()
	weak, err := x509.MarshalPKCS8PrivateKey(weakKey(t))
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":       {nil, "not PEM"},
		"garbage":     {[]byte("garbage"), "not PEM"},
		"certificate": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), "not a private key"},
		"torn":        {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: weak[:50]}), "not a PKCS #8 key"},
		"weak":        {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: weak}), "fewer than 2048"},
		"elliptic":    {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: curve}), "not an RSA key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "key.pem")
			if err := os.WriteFile(file, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := OpenKeys(filepath.Dir(file), epoch)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("got %v, want the file and %q", err, c.want)
			}
			after, err := os.ReadFile(file)
			if err != nil || string(after) != string(c.content) || len(files(t, filepath.Dir(file))) != 1 {
				t.Errorf("the file was touched or another made (%v)", err)
			}
		})
	}
}

// weakKey is a genuine key of 1024 bits.
func weakKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	p, err := rand.Prime(rand.Reader, 512)
	if err != nil {
		t.Fatal(err)
	}
	q, err := rand.Prime(rand.Reader, 512)
	if err != nil {
		t.Fatal(err)
	}
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	d := new(big.Int).ModInverse(big.NewInt(65537), phi)
	if d == nil {
		return weakKey(t)
	}
	k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, D: d, Primes: []*big.Int{p, q}}
	k.Precompute()
	return k
}

func TestAFailedReloadKeepsTheKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := openKeys(t, dir)
	id := keys.signing(late).id
	if err := os.WriteFile(filepath.Join(dir, "zz.pem"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := keys.Reload(); err == nil {
		t.Error("a torn file was no error")
	}
	if keys.signing(late).id != id {
		t.Error("the keys are gone")
	}
}

func TestOthersCanVerifyWithTheJWKS(t *testing.T) {
	t.Parallel()
	keys := openKeys(t, t.TempDir())
	if err := keys.Rotate(epoch.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	now := epoch
	token, err := newTokens(t, keys, &now).Issue(alice, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []struct{ Kty, Use, Alg, Kid, N, E string }
	}
	if err := json.Unmarshal(keys.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 || set.Keys[0].Kid != keys.signing(late).id {
		t.Fatalf("the set is %s, want two keys, the signing one first", keys.JWKS())
	}
	if strings.Contains(string(keys.JWKS()), `"d"`) {
		t.Fatal("the set has a private exponent")
	}
	parsed, err := jwt.Parse(token, func(tok *jwt.Token) (any, error) {
		for _, k := range set.Keys {
			if k.Kid != tok.Header["kid"] || k.Kty != "RSA" || k.Alg != "RS256" || k.Use != "sig" {
				continue
			}
			n, err := base64.RawURLEncoding.DecodeString(k.N)
			if err != nil {
				return nil, err
			}
			e, err := base64.RawURLEncoding.DecodeString(k.E)
			if err != nil {
				return nil, err
			}
			return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
		}
		return nil, jwt.ErrTokenUnverifiable
	}, jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil || !parsed.Valid {
		t.Errorf("verify with the set: %v", err)
	}
}

// The example of RFC 7638, section 3.1.
func TestTheThumbprintIsThatOfTheRFC(t *testing.T) {
	t.Parallel()
	n, err := base64.RawURLEncoding.DecodeString("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw")
	if err != nil {
		t.Fatal(err)
	}
	got := thumbprint(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537})
	if want := "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; got != want {
		t.Errorf("thumbprint %s, want %s", got, want)
	}
}
