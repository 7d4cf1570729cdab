package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Prefix begins every sealed value.
const Prefix = "encrypted:"

// ErrOpen says that a sealed value cannot be opened: it was sealed with
// another key or for another place, or it was altered. Which one it was cannot
// be told.
var ErrOpen = errors.New("the value was sealed with another key or for another place, or was altered")

// ErrFormat says that a value is not a sealed one at all.
var ErrFormat = errors.New("the value is not of the form " + Prefix + "BASE64")

// A Box seals and opens values. It may be used by many goroutines at once.
type Box struct {
	aead  cipher.AEAD
	mac   []byte // key of fingerprints
	place []byte // associated data
}

// NewBox returns a box that seals with this key.
func NewBox(k Key) (*Box, error) {
	if len(k.b) != KeyBytes {
		return nil, fmt.Errorf("a box needs a key of %d bytes", KeyBytes)
	}
	block, err := aes.NewCipher(k.b)
	if err != nil {
		return nil, fmt.Errorf("new box: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("new box: %w", err)
	}
	mac, err := hkdf.Key(sha256.New, k.b, nil, "flowcatalyst fingerprint", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("new box: %w", err)
	}
	return &Box{aead: aead, mac: mac}, nil
}

// Format implements fmt.Formatter, so that no verb prints the keys.
func (b Box) Format(f fmt.State, _ rune) { fmt.Fprint(f, "(box)") }

// Bind returns a box for one place, such as "connection/con_1/signing". What
// is sealed for one place does not open in another, so that whoever can write
// to the database cannot move a secret to where it is sent out.
func (b *Box) Bind(place string) *Box {
	bound := *b
	bound.place = []byte(place)
	return &bound
}

// Seal encrypts a value. Two seals of one value differ.
func (b *Box) Seal(plain string) (string, error) {
	n := b.aead.NonceSize()
	sealed := make([]byte, n, n+len(plain)+b.aead.Overhead())
	if _, err := rand.Read(sealed); err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	sealed = b.aead.Seal(sealed, sealed, []byte(plain), b.place)
	return Prefix + base64.StdEncoding.EncodeToString(sealed), nil
}

// Open decrypts what Seal made, with the same key and for the same place. The
// error wraps ErrFormat or ErrOpen.
func (b *Box) Open(sealed string) (string, error) {
	encoded, ok := strings.CutPrefix(sealed, Prefix)
	if !ok {
		return "", fmt.Errorf("open: %w", ErrFormat)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	n := b.aead.NonceSize()
	if err != nil || len(raw) < n+b.aead.Overhead() {
		return "", fmt.Errorf("open: %w", ErrFormat)
	}
	plain, err := b.aead.Open(nil, raw[:n], raw[n:], b.place)
	if err != nil {
		return "", fmt.Errorf("open: %w", ErrOpen)
	}
	return string(plain), nil
}

// Fingerprint tells two secrets apart without telling what they are. Without
// the key it cannot be computed, so it does not help to guess a short secret.
// It is the same for every place.
func (b *Box) Fingerprint(plain string) string {
	h := hmac.New(sha256.New, b.mac)
	h.Write([]byte(plain))
	return hex.EncodeToString(h.Sum(nil)[:8])
}
