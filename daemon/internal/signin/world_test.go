package signin

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/mail"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/secrets"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
)

const (
	adaEmail = "ada@example.com"
	goodWord = "six unlikely words in a row"
	newWord  = "another five words entirely"
)

// keys are made once: RSA takes its time.
var keys = sync.OnceValue(func() *auth.Keys {
	dir, err := os.MkdirTemp("", "fc-signin-keys")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	k, err := auth.OpenKeys(dir, time.Now())
	if err != nil {
		panic(err)
	}
	return k
})

// world is sign-in on a store of its own, with a clock that tests move.
type world struct {
	t   *testing.T
	st  store.Store
	p   *platform.Platform
	s   *Service
	dir *iam.Cache
	pw  *auth.Passwords
	log *bytes.Buffer

	mu     sync.Mutex
	now    time.Time
	posted []func(context.Context) (mail.Message, error)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Post implements Poster: what is posted waits for the test.
func (w *world) Post(compose func(context.Context) (mail.Message, error)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.posted = append(w.posted, compose)
	return true
}

func setup(t *testing.T) *world {
	t.Helper()
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "fc.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	// Tokens go by the real clock, so this one begins there.
	w := &world{t: t, st: st, pw: auth.NewPasswords(2), log: new(bytes.Buffer), now: time.Now().Truncate(time.Millisecond)}
	key, err := secrets.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secrets.NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.NewTokens(keys(), auth.TokenOptions{Issuer: "https://events.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	cat := catalog.New(st, box)
	w.dir = iam.NewCache(cat)
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	revoked, err := iam.OpenRevoked(t.Context(), st, logger, w.clock)
	if err != nil {
		t.Fatal(err)
	}
	sessions := iam.NewSessions(iam.SessionOptions{Store: st, Directory: w.dir, Tokens: tokens, Revoked: revoked, Now: w.clock})
	w.p, err = platform.New(platform.Options{Store: st, Sealer: box, Catalog: cat, Directory: w.dir, Passwords: w.pw, Sessions: sessions, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	w.s, err = New(Options{Platform: w.p, Store: st, Directory: w.dir, Sessions: sessions, Passwords: w.pw, Mail: w, PublicURL: "https://events.example.com", Logger: logger, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// person makes somebody; an empty password is none.
func (w *world) person(email, password string) *resource.Principal {
	w.t.Helper()
	body := `{"email":"` + email + `","name":"Somebody","scope":"ANCHOR"`
	if password != "" {
		body += `,"password":"` + password + `"`
	}
	c, err := w.p.CreateUser(w.t.Context(), platform.System(), []byte(body+"}"))
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Resource.(*resource.Principal)
}

// federate makes somebody one who signs in through a provider, past the rules.
func (w *world) federate(who *resource.Principal) {
	w.t.Helper()
	docs, version, err := w.st.Documents(w.t.Context(), string(resource.KindPrincipal))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range docs {
		if d.ID == who.ID {
			d.Body = bytes.Replace(d.Body, []byte(`"idpType":"INTERNAL"`), []byte(`"idpType":"OIDC"`), 1)
			d.Revision++
			if _, err := w.st.Write(w.t.Context(), store.WriteSet{IfVersion: version, Put: []store.Document{d}}, w.clock()); err != nil {
				w.t.Fatal(err)
			}
			return
		}
	}
	w.t.Fatal("nobody to federate")
}

func (w *world) login(email, password string) (iam.Tokens, error) {
	return w.s.Login(w.t.Context(), Attempt{Email: email, Password: password, Address: "192.0.2.1"})
}

// mails are what the posted messages come to.
func (w *world) mails() []mail.Message {
	w.t.Helper()
	w.mu.Lock()
	posted := w.posted
	w.posted = nil
	w.mu.Unlock()
	var all []mail.Message
	for _, compose := range posted {
		m, err := compose(w.t.Context())
		if errors.Is(err, mail.ErrNothing) {
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

var linkToken = regexp.MustCompile(`https://events\.example\.com/auth/password-reset\?token=([A-Z2-7]+)\n`)

// link is the token of a link for somebody.
func (w *world) link(email string) string {
	w.t.Helper()
	if err := w.s.RequestReset(email, "192.0.2.1"); err != nil {
		w.t.Fatal(err)
	}
	all := w.mails()
	if len(all) != 1 || all[0].To != email || !all[0].Private {
		w.t.Fatalf("mail %+v", all)
	}
	m := linkToken.FindStringSubmatch(all[0].Text)
	if m == nil {
		w.t.Fatalf("no link in %s", all[0].Text)
	}
	return m[1]
}

func (w *world) reset(token, password string) error {
	return w.s.Reset(w.t.Context(), "req-1", token, password, "192.0.2.1")
}

// code is that of a refusal.
func code(err error) platform.Code {
	var e *platform.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
