package webhook

import (
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

// key gives the bytes that a secret stands for under a scheme. An empty key is
// refused because everyone can sign with it. The error never quotes the secret.
func key(scheme Scheme, secret string) ([]byte, error) {
	encoded, marked := strings.CutPrefix(secret, secretPrefix)
	if scheme != StandardWebhooks || !marked {
		if secret == "" {
			return nil, fmt.Errorf("%w: it is empty", ErrSecret)
		}
		return []byte(secret), nil
	}
	// Padding is optional, because people lose it when they copy.
	k, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return nil, fmt.Errorf("%w: what follows %s is not base64", ErrSecret, secretPrefix)
	}
	if len(k) == 0 {
		return nil, fmt.Errorf("%w: nothing follows %s", ErrSecret, secretPrefix)
	}
	return k, nil
}

func keys(scheme Scheme, secrets []string) ([][]byte, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%w: there is none", ErrSecret)
	}
	ks := make([][]byte, len(secrets))
	for i, s := range secrets {
		k, err := key(scheme, s)
		if err != nil {
			return nil, fmt.Errorf("secret %d of %d: %w", i+1, len(secrets), err)
		}
		ks[i] = k
	}
	return ks, nil
}
