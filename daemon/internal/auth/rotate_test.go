package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// late is after everything that a test does to keys.
var late = epoch.Add(100_000 * time.Hour)

func TestKeysAreReplacedAsTheyAge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Two processes share the directory: one rotates, the other only looks.
	mine, theirs := openKeys(t, dir), openKeys(t, dir)
	now := epoch
	clock := func() time.Time { return now }
	r := NewRotation(RotationOptions{Keys: mine, After: 90 * day, Now: clock})
	other := NewRotation(RotationOptions{Keys: theirs, After: 90 * day, Now: clock})
	tokens, elsewhere := newTokens(t, mine, &now), newTokens(t, theirs, &now)
	look := func(at time.Duration) {
		t.Helper()
		now = epoch.Add(at)
		if err := r.look(); err != nil {
			t.Fatal(err)
		}
	}
	first := mine.signing(now).id
	look(89*day - time.Minute)
	if n := len(files(t, dir)); n != 1 {
		t.Fatalf("%d keys before it is time, want 1", n)
	}
	look(89 * day)
	look(89*day + time.Hour)
	if n := len(files(t, dir)); n != 2 {
		t.Fatalf("%d keys a day before it is time, want 2", n)
	}
	next := mine.newest().id
	if mine.signing(now).id != first || !strings.Contains(string(mine.JWKS()), next) {
		t.Fatal("the next key signs already, or is not published")
	}
	before, err := tokens.Issue(alice, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.look(); err != nil {
		t.Fatal(err)
	}
	now = epoch.Add(90 * day) // nobody has looked since
	if mine.signing(now).id != next || theirs.signing(now).id != next {
		t.Error("it is time, and the next key does not sign everywhere")
	}
	after, err := tokens.Issue(alice, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := elsewhere.Verify(after); err != nil {
		t.Errorf("the other process, about a token of the new key: %v", err)
	}
	now = epoch.Add(89*day + 90*time.Minute)
	if _, err := elsewhere.Verify(before); err != nil {
		t.Errorf("the other process, about a token of the old key: %v", err)
	}
	look(91 * day)
	if _, there := mine.public(first); !there {
		t.Error("the old key went within the overlap")
	}
	look(91*day + time.Second)
	if _, there := mine.public(first); there || len(files(t, dir)) != 1 {
		t.Error("the old key stayed beyond the overlap")
	}
	look(179 * day)
	if n := len(files(t, dir)); n != 2 {
		t.Errorf("%d keys after the next age, want 2", n)
	}
}

func TestAProcessThatSleptThroughARotationMakesOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := openKeys(t, dir)
	now := epoch.Add(1000 * day)
	r := NewRotation(RotationOptions{Keys: keys, After: 2 * day, Now: func() time.Time { return now }})
	for range 3 {
		if err := r.look(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(files(t, dir)); n != 2 {
		t.Fatalf("%d keys, want 2", n)
	}
	if got := keys.newest().from.Sub(now); got != 12*time.Hour {
		t.Errorf("the next key signs after %v, want a quarter of its life", got)
	}
}

func TestNothingIsRotatedThatIsNotAsked(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	own := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})
	for name, c := range map[string]struct {
		own   string
		after time.Duration
		want  int
	}{
		"never":                     {"", 0, 1},
		"a key of one's own signs":  {"own.pem", day, 1},
		"with an older one of ours": {"own.pem", day, 2},
	} {
		dir := t.TempDir()
		if c.want == 2 {
			openKeys(t, dir)
		}
		if c.own != "" {
			if err := os.WriteFile(filepath.Join(dir, c.own), own, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		keys := openKeys(t, dir)
		r := NewRotation(RotationOptions{Keys: keys, After: c.after, Now: func() time.Time { return late }})
		if err := r.look(); err != nil {
			t.Fatal(err)
		}
		if n := len(files(t, dir)); n != c.want {
			t.Errorf("%s: %d keys, want %d", name, n, c.want)
		}
	}
}

func TestADirectoryThatCanNotBeReadLeavesTheKeysInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := openKeys(t, dir)
	id := keys.signing(late).id
	if err := os.WriteFile(filepath.Join(dir, "zz.pem"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := NewRotation(RotationOptions{Keys: keys, After: day, Now: func() time.Time { return late }})
	if err := r.look(); err == nil {
		t.Error("garbage was taken")
	}
	if keys.signing(late).id != id {
		t.Error("another key signs")
	}
}
