package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// File is the file of servers that fcctl knows, with their sessions.
type File struct {
	Current  string              `json:"current,omitempty"`
	Contexts map[string]*Account `json:"contexts"`

	path string
}

// Account is one server and who we are there.
type Account struct {
	URL     string  `json:"url"`
	Email   string  `json:"email,omitempty"`
	Name    string  `json:"name,omitempty"`   // of who has no email address
	CAFile  string  `json:"caFile,omitempty"` // certificates that are trusted besides the system's
	Session *Stored `json:"session,omitempty"`
}

// Who is what people call who is logged in.
func (a *Account) Who() string {
	if a.Email != "" {
		return a.Email
	}
	return a.Name
}

// Stored is a session as it is kept.
type Stored struct {
	AccessToken  string    `json:"accessToken"`
	RefreshToken string    `json:"refreshToken,omitempty"`
	Expires      time.Time `json:"expires,omitzero"` // zero: only the server knows
	Grant        string    `json:"grant,omitempty"`  // how it began; "" with a password
}

// StoredOf is a session as it is kept.
func StoredOf(s client.Session, now time.Time) *Stored {
	stored := &Stored{AccessToken: s.AccessToken, RefreshToken: s.RefreshToken}
	if s.ExpiresIn > 0 {
		stored.Expires = now.Add(time.Duration(s.ExpiresIn) * time.Second)
	}
	return stored
}

// configPath is where the contexts are kept (XDG Base Directory).
func (k *Keeper) configPath() (string, error) {
	dir := k.env("XDG_CONFIG_HOME")
	if dir == "" {
		home, err := k.home()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "flowcatalyst", "fcctl.json"), nil
}

func (k *Keeper) home() (string, error) {
	for _, name := range []string{"HOME", "USERPROFILE"} {
		if h := k.env(name); h != "" {
			return h, nil
		}
	}
	return "", errors.New("there is no home directory: neither HOME nor USERPROFILE is set")
}

// Contexts reads the file; a missing one is empty.
func (k *Keeper) Contexts() (*File, error) {
	path, err := k.configPath()
	if err != nil {
		return nil, err
	}
	cs := &File{Contexts: map[string]*Account{}, path: path}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return cs, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the contexts: %w", err)
	}
	if err := json.Unmarshal(b, cs); err != nil {
		return nil, fault.New(fault.Failed, "mend it, or move it away and log in again", "read the contexts: %s: %w", path, err)
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		k.Warn("fcctl: others may read %s, which holds your sessions. Try: chmod 600 %s", path, path)
	}
	for name, c := range cs.Contexts {
		if c == nil {
			delete(cs.Contexts, name)
		}
	}
	return cs, nil
}

// save replaces the file whole, readable by its owner only.
func (cs *File) save() error {
	b, err := json.MarshalIndent(cs, "", "  ")
	if err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	dir := filepath.Dir(cs.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	return WriteWhole(cs.path, append(b, '\n'), 0o600) // sessions are the owner's alone
}

// WriteWhole writes a file beside its place and moves it there, so that
// nobody ever reads half of it. What a link points to is replaced, not the link; and to what is no file, such as a pipe or
// /dev/null, it is written as it is.
func WriteWhole(path string, b []byte, mode fs.FileMode) error {
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() {
			return writeInto(path, b)
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // it is gone already if all went well
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(f.Name(), mode)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func writeInto(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.Write(b)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
