package secrets

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const plain = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func newBox(t testing.TB) *Box {
	t.Helper()
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewBox(k)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func seal(t testing.TB, b *Box, s string) string {
	t.Helper()
	sealed, err := b.Seal(s)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestWhatIsSealedOpens(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	for _, s := range []string{"", "x", plain, strings.Repeat("long ", 10_000), "\x00\xff"} {
		sealed := seal(t, b, s)
		if s != "" && len(s) > 1 && strings.Contains(sealed, s) {
			t.Errorf("%.40q shows through", s)
		}
		if got, err := b.Open(sealed); err != nil || got != s {
			t.Errorf("%.40q came back as %.40q, %v", s, got, err)
		}
	}
	first, second := seal(t, b, plain), seal(t, b, plain)
	if first == second {
		t.Error("two seals are equal: the nonce was used twice")
	}
}

// Test case 14 of "The Galois/Counter Mode of Operation" (McGrew, Viega): all
// zeros. The layout is that of the wire contract.
func TestTheFormatIsNonceCiphertextTag(t *testing.T) {
	t.Parallel()
	k, err := ParseKey(base64.StdEncoding.EncodeToString(make([]byte, KeyBytes)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewBox(k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString("000000000000000000000000" + "cea7403d4d606b6e074ec5d3baf39d18" + "d0d1c8a799996bf0265b98b5d48ab919")
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Open(Prefix + base64.StdEncoding.EncodeToString(raw))
	if err != nil || got != strings.Repeat("\x00", 16) {
		t.Errorf("opened %q, %v", got, err)
	}
}

func TestWhatDoesNotOpen(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	sealed := seal(t, b, plain)
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sealed, Prefix))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newBox(t).Open(sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("with another key: %v, want ErrOpen", err)
	}
	for i := range raw {
		raw[i] ^= 0x80
		if _, err := b.Open(Prefix + base64.StdEncoding.EncodeToString(raw)); !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d of %d altered: %v, want ErrOpen", i, len(raw), err)
		}
		raw[i] ^= 0x80
	}
	for n := range raw {
		_, err := b.Open(Prefix + base64.StdEncoding.EncodeToString(raw[:n]))
		want := ErrOpen
		if n < 12+16 {
			want = ErrFormat
		}
		if !errors.Is(err, want) {
			t.Errorf("cut to %d bytes: %v, want %v", n, err, want)
		}
	}
	for _, s := range []string{"", plain, "encrypted", Prefix, Prefix + "*", sealed + "\n*", strings.ToUpper(sealed)} {
		if _, err := b.Open(s); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v, want ErrFormat", s, err)
		}
	}
}

func TestASecretOpensOnlyInItsPlace(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	here := b.Bind("connection/con_1/signing")
	sealed := seal(t, here, plain)
	if got, err := b.Bind("connection/con_1/signing").Open(sealed); err != nil || got != plain {
		t.Errorf("in its place: %q, %v", got, err)
	}
	for name, other := range map[string]*Box{
		"elsewhere": b.Bind("connection/con_2/signing"), "nowhere": b, "twice bound": here.Bind("connection/con_2/signing"),
	} {
		if _, err := other.Open(sealed); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v, want ErrOpen", name, err)
		}
	}
	if _, err := here.Open(seal(t, b, plain)); !errors.Is(err, ErrOpen) {
		t.Errorf("what has no place opened in one: %v", err)
	}
	if b.Fingerprint(plain) != here.Fingerprint(plain) || b.Fingerprint(plain) == b.Fingerprint(plain+"x") ||
		b.Fingerprint(plain) == newBox(t).Fingerprint(plain) {
		t.Error("a fingerprint depends on the key and the secret, and on nothing else")
	}
}

func TestNothingPrintsAKey(t *testing.T) {
	t.Parallel()
	k, err := ParseKey(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("K", KeyBytes))))
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewBox(k)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, x := range []any{k, &k, b, *b} {
			if out := fmt.Sprintf(verb, x); strings.ContainsAny(out, "K[{457") {
				t.Errorf("%s of %T prints %s", verb, x, out)
			}
		}
	}
}

func TestTheKeyFileIsMadeOnceAndPrivate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret.key")
	first, made, err := LoadKey(file)
	if err != nil || !made {
		t.Fatalf("made: %v, %v", made, err)
	}
	second, made, err := LoadKey(file)
	if err != nil || made || string(first.b) != string(second.b) {
		t.Errorf("the second time: made %v, same %v, %v", made, string(first.b) == string(second.b), err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, want 600", info.Mode().Perm())
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("something is left beside the key: %v, %v", entries, err)
	}
}

func TestManyWhoStartAtOnceShareOneKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret.key")
	keys, made := make([]Key, 16), make([]bool, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], made[i], err = LoadKey(file); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	for i := range keys {
		if string(keys[i].b) != string(keys[0].b) {
			t.Fatal("two keys for one file")
		}
		if made[i] {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d say that they made the key", n)
	}
}

func TestAFileWithoutAKeyIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "not a key", base64.StdEncoding.EncodeToString(make([]byte, 16))} {
		file := filepath.Join(t.TempDir(), "secret.key")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := LoadKey(file)
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v, want the file's name", content, err)
		}
		if after, err := os.ReadFile(file); err != nil || string(after) != content {
			t.Errorf("%q became %q (%v)", content, after, err)
		}
	}
	if _, _, err := LoadKey(filepath.Join(t.TempDir(), "missing", "secret.key")); err == nil {
		t.Error("a key was made in a directory that is not there")
	}
	if _, err := NewBox(Key{}); err == nil {
		t.Error("a box was made without a key")
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file://" + path
	}
	env := map[string]string{"SET": "from the environment", "EMPTY": ""}
	r := Resolver{Box: b, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	for ref, want := range map[string]string{
		"env://SET":                         "from the environment",
		write("plain", "from a file"):       "from a file",
		write("line", "from a file\n"):      "from a file",
		write("dos", "from a file\r\n"):     "from a file",
		write("spaces", " two\nlines \n\n"): " two\nlines \n",
		seal(t, b, "from a box"):            "from a box",
	} {
		if got, err := r.Resolve(ref); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", ref, got, err, want)
		}
		if !IsReference(ref) {
			t.Errorf("%s is a reference", ref)
		}
	}
	for ref, want := range map[string]string{
		"env://UNSET":            "env://UNSET: the variable is not set",
		"env://EMPTY":            "env://EMPTY: the variable is empty",
		"env://":                 "without a name",
		"file://relative":        "not absolute",
		"file://":                "not absolute",
		"file:///does/not/exist": "/does/not/exist",
		write("empty", "\n"):     "the file is empty",
		"file://" + dir:          dir,
		write("huge", strings.Repeat("x", maxFileBytes+1)): "more than 65536 bytes",
		"vault://kv/app#key":              "no provider for vault://",
		"aws-sm://name":                   "no provider for aws-sm://",
		seal(t, newBox(t), "x"):           "another key",
		seal(t, b.Bind("elsewhere"), "x"): "another place",
		"encrypted:x":                     "not of the form",
		"hunter2":                         "not a reference",
	} {
		got, err := r.Resolve(ref)
		if err == nil || got != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %q, %v; want an error with %q", ref, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats what may be the secret: %v", err)
		}
	}
	if _, err := (Resolver{}).Resolve(seal(t, b, "x")); err == nil {
		t.Error("an encrypted reference was resolved without a box")
	}
	if IsReference("hunter2") || IsReference("https://example.com") {
		t.Error("what is no reference is called one")
	}
}

func FuzzOpen(f *testing.F) {
	b := newBox(f)
	good := seal(f, b, plain)
	f.Add(good)
	f.Add(Prefix + "AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := b.Open(s)
		// The decoder skips line breaks, which changes nothing of what opens.
		if err == nil && got != plain {
			t.Errorf("%q opened as %q", s, got)
		}
		if err != nil && !errors.Is(err, ErrOpen) && !errors.Is(err, ErrFormat) {
			t.Errorf("an error of another kind: %v", err)
		}
	})
}
