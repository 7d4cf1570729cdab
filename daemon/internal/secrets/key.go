package secrets

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// KeyBytes is the length of a key: AES-256.
const KeyBytes = 32

// Key is what a Box seals with. No verb of fmt prints it.
type Key struct{ b []byte }

// Format implements fmt.Formatter.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, "(key)") }

// ParseKey reads a key as people write it: 32 bytes in base64, as
// `openssl rand -base64 32` prints them.
func ParseKey(s string) (Key, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return Key{}, errors.New("the key is not base64. Try: openssl rand -base64 32")
	}
	if len(b) != KeyBytes {
		return Key{}, fmt.Errorf("the key has %d bytes, not %d. Try: openssl rand -base64 %d", len(b), KeyBytes, KeyBytes)
	}
	return Key{b}, nil
}

// NewKey makes a key.
func NewKey() (Key, error) {
	b := make([]byte, KeyBytes)
	if _, err := rand.Read(b); err != nil {
		return Key{}, fmt.Errorf("make key: %w", err)
	}
	return Key{b}, nil
}

// LoadKey reads the key in a file, in the form of ParseKey. If there is no
// such file it makes one (0600), and made is true: then nothing can have been
// sealed with it, and a database that has sealed secrets needs another. A file
// without a key in it is an error and is left alone.
func LoadKey(file string) (k Key, made bool, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		k, err = makeKeyFile(file)
		if !errors.Is(err, fs.ErrExist) {
			return k, err == nil, err
		}
		// Another process was faster: its key is the key.
		b, err = os.ReadFile(file)
	}
	if err != nil {
		return Key{}, false, fmt.Errorf("load key: %w", err)
	}
	if k, err = ParseKey(string(b)); err != nil {
		return Key{}, false, fmt.Errorf("load key from %s: %w", file, err)
	}
	return k, false, nil
}

func makeKeyFile(file string) (Key, error) {
	k, err := NewKey()
	if err == nil {
		err = WriteNew(file, []byte(base64.StdEncoding.EncodeToString(k.b)+"\n"))
	}
	if err != nil {
		return Key{}, fmt.Errorf("make key file: %w", err)
	}
	return k, nil
}
