package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/secrets"
)

const (
	keyBits   = 2048
	keySuffix = ".pem"
	// keyTime names a generated key after the time at which it begins to sign.
	keyTime = "20060102T150405.000Z"
)

// Keys are the RSA keys that sign tokens: the *.pem files of one directory.
// The one whose name sorts last signs, all of them verify. Files that Keys
// makes are named after the time at which they begin to sign, and do not before
// it; files of your own can have any name. Keys may be used by many goroutines
// at once.
type Keys struct {
	dir string
	mu  sync.Mutex // one change of the directory at a time
	set atomic.Pointer[keySet]
}

type keySet struct {
	keys []*signingKey // by name
	byID map[string]*signingKey
	jwks []byte
}

type signingKey struct {
	id      string // RFC 7638 thumbprint
	file    string
	from    time.Time // when it begins to sign; zero if the file's name is not of ours
	private *rsa.PrivateKey
}

// OpenKeys loads the keys in dir. If there are none it makes the directory
// (0700) and a key (0600). A file that cannot be read as a key is an error and
// is left alone.
func OpenKeys(dir string, now time.Time) (*Keys, error) {
	k := &Keys{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open signing keys: %w", err)
	}
	err := k.Reload()
	if errors.Is(err, errNoKeys) {
		err = k.Rotate(now)
	}
	if err != nil {
		return nil, fmt.Errorf("open signing keys: %w", err)
	}
	return k, nil
}

var errNoKeys = errors.New("the directory has no keys")

// Reload reads the directory again, for keys that somebody put there or took
// away. If it fails, the keys in use stay.
func (k *Keys) Reload() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.load()
}

func (k *Keys) load() error {
	files, err := filepath.Glob(filepath.Join(k.dir, "*"+keySuffix))
	if err != nil {
		return err
	}
	slices.Sort(files)
	s := &keySet{byID: make(map[string]*signingKey)}
	for _, file := range files {
		key, err := loadKey(file)
		if err != nil {
			return fmt.Errorf("load %s: %w", file, err)
		}
		s.keys = append(s.keys, key)
		s.byID[key.id] = key
	}
	if len(s.keys) == 0 {
		return fmt.Errorf("%s: %w", k.dir, errNoKeys)
	}
	if s.jwks, err = renderJWKS(s.keys); err != nil {
		return err
	}
	k.set.Store(s)
	return nil
}

func loadKey(file string) (*signingKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("it is not PEM")
	}
	var private *rsa.PrivateKey
	switch block.Type {
	case "PRIVATE KEY":
		any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("it is not a PKCS #8 key")
		}
		var ok bool
		if private, ok = any.(*rsa.PrivateKey); !ok {
			return nil, errors.New("it is not an RSA key")
		}
	case "RSA PRIVATE KEY":
		if private, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return nil, errors.New("it is not a PKCS #1 key")
		}
	default:
		return nil, fmt.Errorf("it is a %q, not a private key", block.Type)
	}
	if bits := private.N.BitLen(); bits < keyBits {
		return nil, fmt.Errorf("it has %d bits, fewer than %d", bits, keyBits)
	}
	key := &signingKey{id: thumbprint(&private.PublicKey), file: file, private: private}
	name := strings.TrimSuffix(filepath.Base(file), keySuffix)
	if from, err := time.Parse(keyTime, name); err == nil {
		key.from = from
	}
	return key, nil
}

// Rotate makes a new key, which signs from the time that is given on; the
// others still verify. The file appears whole or not at all.
func (k *Keys) Rotate(from time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	file := filepath.Join(k.dir, from.UTC().Format(keyTime)+keySuffix)
	if err := secrets.WriteNew(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	return k.load()
}

// Prune removes the keys of our making that stopped signing more than overlap
// ago. The overlap must be at least the life of a token.
func (k *Keys) Prune(now time.Time, overlap time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := k.set.Load().keys
	for i, key := range keys[:len(keys)-1] {
		next := keys[i+1].from
		if key.from.IsZero() || next.IsZero() || now.Sub(next) <= overlap {
			continue
		}
		if err := os.Remove(key.file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("prune signing keys: %w", err)
		}
	}
	return k.load()
}

// JWKS is the JSON Web Key Set (RFC 7517) of the public keys, the newest
// first. Do not change the bytes.
func (k *Keys) JWKS() []byte { return k.set.Load().jwks }

// signing is the newest key that has begun to sign. Where the clock says that
// none has, it is the oldest.
func (k *Keys) signing(now time.Time) *signingKey {
	keys := k.set.Load().keys
	for _, key := range slices.Backward(keys) {
		if !key.from.After(now) {
			return key
		}
	}
	return keys[0]
}

func (k *Keys) public(id string) (*rsa.PublicKey, bool) {
	key, ok := k.set.Load().byID[id]
	if !ok {
		return nil, false
	}
	return &key.private.PublicKey, true
}

type jwk struct {
	KeyType   string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	N         string `json:"n"`
	E         string `json:"e"`
}

func renderJWKS(keys []*signingKey) ([]byte, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	for _, key := range slices.Backward(keys) {
		n, e := parameters(&key.private.PublicKey)
		set.Keys = append(set.Keys, jwk{KeyType: "RSA", Use: "sig", Algorithm: "RS256", ID: key.id, N: n, E: e})
	}
	return json.Marshal(set)
}

func parameters(p *rsa.PublicKey) (n, e string) {
	enc := base64.RawURLEncoding
	return enc.EncodeToString(p.N.Bytes()), enc.EncodeToString(big.NewInt(int64(p.E)).Bytes())
}

// thumbprint is the key's own name, by RFC 7638: it does not depend on files.
func thumbprint(p *rsa.PublicKey) string {
	n, e := parameters(p)
	h := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`))
	return base64.RawURLEncoding.EncodeToString(h[:])
}
