package daemon

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/secrets"
	"github.com/flowcatalyst/fc/daemon/internal/signin"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// What the data directory holds besides the databases.
const (
	// SecretKeyFile seals the secrets in the store. Who loses it has to give
	// every connection its secret again.
	SecretKeyFile = "secret.key"
	// KeysDir has the keys that sign tokens.
	KeysDir = "keys"
	// AdminEmail is the administrator's of fcd dev.
	AdminEmail = "admin@example.com"
)

// Credentials let somebody in as the administrator.
type Credentials struct {
	Email       string
	Password    string
	AccessToken string
}

// openKeys begins to open the keys that sign tokens. The first of them takes a
// while to find, which the rest of the start need not wait for.
func (d *Daemon) openKeys(p *parts) {
	p.keys = sync.OnceValues(func() (*auth.Keys, error) { return auth.OpenKeys(p.file(KeysDir), time.Now()) })
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		_, _ = p.keys() // whoever needs them gets the error
	}()
	d.undo.add("signing keys", func() error { <-looked; return nil })
}

// openSecrets loads the key that secrets are sealed with. A new one is made
// only where nothing was sealed with another.
func (d *Daemon) openSecrets(ctx context.Context, p *parts) error {
	file := p.file(SecretKeyFile)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		sealed, err := anySealed(ctx, p.store)
		if err != nil {
			return err
		}
		if sealed {
			return fmt.Errorf("open secrets: the store has secrets that were sealed with a key, and %s is gone. Try: put the key back from your backup", file)
		}
	}
	key, made, err := secrets.LoadKey(file)
	if err != nil {
		return fmt.Errorf("open secrets: %w", err)
	}
	if made {
		d.log.Info("made the key that seals secrets in the store; back it up, but not beside the database", "file", file)
	}
	box, err := secrets.NewBox(key)
	if err != nil {
		return fmt.Errorf("open secrets: %w", err)
	}
	p.catalog = catalog.New(p.store, box)
	p.sealer = box
	cat, err := p.catalog.Get(ctx)
	if err != nil {
		return err
	}
	if n := len(cat.Broken); n > 0 {
		d.log.Error("some resources can not be read; what needs them waits", "count", n, "first", cat.Broken[0])
	}
	return nil
}

// anySealed says whether a document in the store has a sealed secret.
func anySealed(ctx context.Context, st store.Resources) (bool, error) {
	docs, _, err := st.Documents(ctx, string(resource.KindConnection))
	if err != nil {
		return false, fmt.Errorf("look for sealed secrets: %w", err)
	}
	for _, doc := range docs {
		if bytes.Contains(doc.Body, []byte(`"`+secrets.Prefix)) {
			return true, nil
		}
	}
	return false, nil
}

// seed lets the first administrator in: fcd dev makes one, and fcd run says
// how to become one, at each start until there is one.
func (d *Daemon) seed(ctx context.Context, rules *platform.Platform, people *signin.Service, publicURL string) error {
	if d.dev {
		return d.seedDev(ctx, rules, people)
	}
	token, err := people.Bootstrap(ctx)
	if err != nil || token == "" {
		return err
	}
	// The issue of a token is for whoever reads the log: it is good once, for
	// a day, and until the next start.
	d.log.Warn("there is no administrator yet; whoever has this link makes the first, once and within 24 hours", "link", publicURL+signin.BootstrapPath+"?token="+token,
		"try", "open the link in a browser, or POST its token with your email, name and password to "+signin.BootstrapPath)
	return nil
}

// seedDev gives the administrator a new password and logs in. Where example.com
// has an identity provider there is no password, and only the session.
func (d *Daemon) seedDev(ctx context.Context, rules *platform.Platform, people *signin.Service) error {
	password := rand.Text()
	who, err := rules.MakeAdministrator(ctx, AdminEmail, "Administrator", password, true)
	if err != nil {
		return fmt.Errorf("make %s: %w", AdminEmail, err)
	}
	dir, err := rules.Directory(ctx)
	if err != nil {
		return err
	}
	var t iam.Tokens
	if dir.Provider(who) == resource.IdpInternal {
		t, err = people.Login(ctx, signin.Attempt{Email: AdminEmail, Password: password, Address: "local"})
	} else {
		password = ""
		t, err = people.Sessions().Start(ctx, dir.Subject(who.ID), iam.Session{Method: "bootstrap", Address: "local"})
	}
	if err != nil {
		return fmt.Errorf("log in as %s: %w", AdminEmail, err)
	}
	d.mu.Lock()
	d.credentials = Credentials{Email: AdminEmail, Password: password, AccessToken: t.Access}
	d.mu.Unlock()
	return nil
}
