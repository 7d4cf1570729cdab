package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// DevContext is the name of the built-in context of a running `fcd dev`.
const DevContext = "dev"

// Dev is what a running `fcd dev` leaves for the same user.
type Dev struct {
	URL         string `json:"url"`
	RouterURL   string `json:"routerUrl"`
	AdminURL    string `json:"adminUrl"`
	Email       string `json:"email"`
	Password    string `json:"password"`
	AccessToken string `json:"accessToken"`
}

// devPath is where `fcd dev` says that it runs.
func (k *Keeper) devPath() (string, error) { return k.StatePath("dev.json") }

// StatePath is where something is kept that lasts longer than a command and is
// no configuration (XDG Base Directory).
func (k *Keeper) StatePath(elements ...string) (string, error) {
	dir := k.env("XDG_STATE_HOME")
	if dir == "" {
		home, err := k.home()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(append([]string{dir, "flowcatalyst"}, elements...)...), nil
}

// Running reads that file; nil if there is none.
func (k *Keeper) Running() (*Dev, error) {
	path, err := k.devPath()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a running fcd dev: %w", err)
	}
	d := new(Dev)
	if err := json.Unmarshal(b, d); err != nil || d.URL == "" {
		return nil, fault.New(fault.Failed, "fcd dev, which writes it anew", "%s is damaged", path)
	}
	return d, nil
}

// devTokens logs in again when the token of a running `fcd dev` has run out:
// its file has the password as well.
type devTokens struct {
	client *client.Client
	dev    *Dev
	mu     sync.Mutex
	token  string
}

// Token implements client.TokenSource.
func (d *devTokens) Token(ctx context.Context) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.token == "" {
		s, err := d.client.Login(ctx, d.dev.Email, d.dev.Password)
		if err != nil {
			return "", err
		}
		d.token = s.AccessToken
	}
	return d.token, nil
}

// Reject implements client.TokenSource.
func (d *devTokens) Reject(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.token == token {
		d.token = ""
	}
}
