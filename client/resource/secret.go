package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
)

// Secret is a string that is not printed: fmt, slog and JSON show only its
// fingerprint. What must carry the value (a request to the server, the
// store's sealed form) asks for it by name: Reveal, or Open before encoding.
//
// The value is behind a pointer because fmt can not call methods on an
// unexported field of another struct: there it prints an address.
type Secret struct {
	value       *string
	fingerprint string
	open        bool
}

// NewSecret wraps a value.
func NewSecret(v string) Secret {
	if v == "" {
		return Secret{}
	}
	sum := sha256.Sum256([]byte(v))
	return Secret{value: &v, fingerprint: "sha256:" + hex.EncodeToString(sum[:6])}
}

// FingerprintOf is the secret of an answer that shows only its fingerprint.
func FingerprintOf(fingerprint string) Secret { return Secret{fingerprint: fingerprint} }

// Reveal returns the value; it is empty for a secret read from an answer,
// which carries only the fingerprint.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Fingerprint identifies the value without telling it: "sha256:" and the
// first 12 hex digits of its SHA-256.
func (s Secret) Fingerprint() string { return s.fingerprint }

// IsZero says that there is neither a value nor a fingerprint.
func (s Secret) IsZero() bool { return s.value == nil && s.fingerprint == "" }

// Known says that the value itself is here.
func (s Secret) Known() bool { return s.value != nil }

// Open returns a copy whose JSON is the value itself.
func (s Secret) Open() Secret { s.open = true; return s }

// Equal compares fingerprints.
func (s Secret) Equal(o Secret) bool { return s.fingerprint == o.fingerprint }

func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return "(secret " + s.fingerprint + ")"
}

// Format keeps every verb of fmt, %#v and %x included, from the value.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue keeps slog from the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

type secretView struct {
	Fingerprint string `json:"fingerprint"`
}

// MarshalJSON writes {"fingerprint": "…"}, or the value after Open.
func (s Secret) MarshalJSON() ([]byte, error) {
	switch {
	case s.IsZero():
		return []byte("null"), nil
	case s.open && s.value != nil:
		return json.Marshal(*s.value)
	}
	return json.Marshal(secretView{s.fingerprint})
}

// UnmarshalJSON reads a string as a value and an object as a fingerprint.
func (s *Secret) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*s = Secret{}
		return nil
	}
	if len(b) > 0 && b[0] == '{' {
		var v secretView
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		*s = Secret{fingerprint: v.Fingerprint}
		return nil
	}
	var v string
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*s = NewSecret(v)
	return nil
}
