package webhook

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Scheme names a way of signing. The values are those of a connection's
// signing block.
type Scheme string

// The schemes that FlowCatalyst knows.
const (
	FlowCatalyst     Scheme = "flowcatalyst"
	StandardWebhooks Scheme = "standard-webhooks"
)

// secretPrefix marks a secret whose rest is base64, by the Standard Webhooks
// specification.
const secretPrefix = "whsec_"

// ErrSecret is what a missing, empty or undecodable secret comes back as. It
// is a mistake in the configuration, never the sender's.
var ErrSecret = errors.New("unusable signing secret")

// The prefixes of the keys of Standard Webhooks' asymmetric signatures ("v1a"):
// the private key that signs and the public key that verifies. After them comes
// base64 of an Ed25519 key.
const (
	privatePrefix = "whsk_"
	publicPrefix  = "whpk_"
)

// secretBytes is the length of a new symmetric secret.
const secretBytes = 32

// NewSecret makes a symmetric secret, "whsec_" and base64 of 32 random bytes.
// It fits both schemes.
func NewSecret() string {
	var b [secretBytes]byte
	_, _ = rand.Read(b[:]) // it never fails, says its documentation
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// NewKeyPair makes an Ed25519 key pair for StandardWebhooks: a private key
// ("whsk_…") to sign with, and the public key ("whpk_…") for those who verify.
func NewKeyPair() (private, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("make a key pair: %w", err)
	}
	return privatePrefix + base64.StdEncoding.EncodeToString(priv), publicPrefix + base64.StdEncoding.EncodeToString(pub), nil
}

// IsPrivateKey says that a secret is the private key of a pair.
func IsPrivateKey(secret string) bool { return strings.HasPrefix(secret, privatePrefix) }

// PublicKey gives the public key ("whpk_…") of a private one ("whsk_…"). The
// error wraps [ErrSecret].
func PublicKey(private string) (string, error) {
	k, err := parseKey(StandardWebhooks, private)
	if err != nil {
		return "", err
	}
	if k.private == nil {
		return "", fmt.Errorf("%w: it does not begin with %s", ErrSecret, privatePrefix)
	}
	return publicPrefix + base64.StdEncoding.EncodeToString(k.public), nil
}

// key is what one secret stands for: the bytes of an HMAC key, or a key pair
// of which the private half may be missing.
type key struct {
	hmac    []byte
	public  ed25519.PublicKey
	private ed25519.PrivateKey
}

// parseKey reads a secret under a scheme. An empty key is refused because
// everyone can sign with it, and so is half of a pair as an HMAC key, since a
// public key is known to all. The error never quotes the secret.
func parseKey(scheme Scheme, secret string) (key, error) {
	if secret == "" {
		return key{}, fmt.Errorf("%w: it is empty", ErrSecret)
	}
	for _, prefix := range []string{privatePrefix, publicPrefix} {
		encoded, marked := strings.CutPrefix(secret, prefix)
		switch {
		case marked && scheme != StandardWebhooks:
			return key{}, fmt.Errorf("%w: %s is for the scheme %q only", ErrSecret, prefix, StandardWebhooks)
		case marked:
			return parseHalf(prefix, encoded)
		}
	}
	encoded, marked := strings.CutPrefix(secret, secretPrefix)
	if scheme != StandardWebhooks || !marked {
		return key{hmac: []byte(secret)}, nil
	}
	b, err := decode(secretPrefix, encoded)
	return key{hmac: b}, err
}

// parseHalf reads a half of a key pair. Private keys go about in two forms:
// the seed alone, and the seed with the public key after it (RFC 8032 §5.1.5).
func parseHalf(prefix, encoded string) (key, error) {
	b, err := decode(prefix, encoded)
	switch {
	case err != nil:
		return key{}, err
	case prefix == publicPrefix && len(b) == ed25519.PublicKeySize:
		return key{public: b}, nil
	case prefix == privatePrefix && (len(b) == ed25519.SeedSize || len(b) == ed25519.PrivateKeySize):
		private := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])
		if len(b) == ed25519.PrivateKeySize && !private.Equal(ed25519.PrivateKey(b)) {
			return key{}, fmt.Errorf("%w: what follows %s is not one key", ErrSecret, prefix)
		}
		return key{private: private, public: private.Public().(ed25519.PublicKey)}, nil
	}
	return key{}, fmt.Errorf("%w: what follows %s does not have the length of an Ed25519 key", ErrSecret, prefix)
}

func decode(prefix, encoded string) ([]byte, error) {
	// Padding is optional, because people lose it when they copy.
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return nil, fmt.Errorf("%w: what follows %s is not base64", ErrSecret, prefix)
	}
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: nothing follows %s", ErrSecret, prefix)
	}
	return b, nil
}

func parseKeys(scheme Scheme, secrets []string) ([]key, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%w: there is none", ErrSecret)
	}
	ks := make([]key, len(secrets))
	for i, s := range secrets {
		k, err := parseKey(scheme, s)
		if err != nil {
			return nil, fmt.Errorf("secret %d of %d: %w", i+1, len(secrets), err)
		}
		ks[i] = k
	}
	return ks, nil
}
