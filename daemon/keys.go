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
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/secrets"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// What the data directory holds besides the databases.
const (
	// SecretKeyFile seals the secrets in the store. Who loses it has to give
	// every connection its secret again.
	SecretKeyFile = "secret.key"
	// KeysDir has the keys that sign tokens.
	KeysDir = "keys"
	// InitialPasswordFile is written once, on an empty store.
	InitialPasswordFile = "initial-admin-password"
	// AdminEmail is the first administrator's.
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

// seed makes the first administrator.
func (d *Daemon) seed(ctx context.Context, p *parts, accounts *platform.Accounts) error {
	password := rand.Text()
	if d.dev {
		return d.seedDev(ctx, accounts, password)
	}
	people, _, err := p.store.Documents(ctx, "principal")
	if err != nil {
		return fmt.Errorf("look for an administrator: %w", err)
	}
	if len(people) > 0 {
		return nil
	}
	// The file comes first: an administrator whose password nobody knows
	// would lock everyone out for good. One that a crash left is replaced.
	file := p.file(InitialPasswordFile)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replace %s: %w", file, err)
	}
	if err := secrets.WriteNew(file, []byte(password+"\n")); err != nil {
		return fmt.Errorf("write the first administrator's password: %w", err)
	}
	if _, err := accounts.Bootstrap(ctx, AdminEmail, password); err != nil {
		return err
	}
	d.log.Info("made the first administrator; the password is in the file, for you to keep and to delete", "email", AdminEmail, "file", file)
	return nil
}

// seedDev gives the administrator a new password and logs in.
func (d *Daemon) seedDev(ctx context.Context, accounts *platform.Accounts, password string) error {
	created, err := accounts.Bootstrap(ctx, AdminEmail, password)
	if err == nil && !created {
		err = accounts.SetPassword(ctx, AdminEmail, password)
	}
	if err != nil {
		return err
	}
	s, err := accounts.Login(ctx, AdminEmail, password, "local")
	if err != nil {
		return fmt.Errorf("log in as %s: %w", AdminEmail, err)
	}
	d.mu.Lock()
	d.credentials = Credentials{Email: AdminEmail, Password: password, AccessToken: s.AccessToken}
	d.mu.Unlock()
	return nil
}
