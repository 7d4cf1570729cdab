package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultTolerance is how far a timestamp may be from the receiver's clock, in
// either direction.
const DefaultTolerance = 5 * time.Minute

// Why a request was not accepted. Each comes wrapped in a [VerificationError].
var (
	// ErrUnsigned: the request has no signature, no timestamp, or (under
	// StandardWebhooks) no webhook-id.
	ErrUnsigned = errors.New("the request is not signed")
	// ErrMalformed: a signature header is there and cannot be read.
	ErrMalformed = errors.New("the signature headers cannot be read")
	// ErrTooOld: the timestamp is further back than the tolerance. Either a
	// clock is wrong or somebody is replaying an old request.
	ErrTooOld = errors.New("the timestamp is too old")
	// ErrTooNew: the timestamp is further ahead than the tolerance.
	ErrTooNew = errors.New("the timestamp is too far in the future")
	// ErrMismatch: no signature was made with one of the secrets over this
	// body.
	ErrMismatch = errors.New("no signature matches")
)

// VerificationError says that a request cannot be trusted. It wraps one of the
// errors above.
type VerificationError struct {
	Scheme Scheme // empty if the request has the headers of neither scheme
	Err    error
}

// Error implements error.
func (e *VerificationError) Error() string {
	if e.Scheme == "" {
		return "verify webhook: " + e.Err.Error()
	}
	return "verify webhook (" + string(e.Scheme) + "): " + e.Err.Error()
}

// Unwrap gives the reason.
func (e *VerificationError) Unwrap() error { return e.Err }

// A Verifier decides whether a request was signed with one of its secrets. Its
// zero value refuses everything for want of a secret. It may be used by many
// goroutines at once.
type Verifier struct {
	// Secrets are those that may sign; more than one during a rotation. A
	// public key ("whpk_…") verifies what its private one signed.
	Secrets []string
	// Scheme, if set, is the only one accepted. Empty accepts both.
	Scheme Scheme
	// Tolerance is how far the timestamp may be from now; 0 means
	// DefaultTolerance.
	Tolerance time.Duration
	// MaxBytes bounds the body that Parse and Handler read; 0 means
	// DefaultMaxBytes.
	MaxBytes int64
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Format implements fmt.Formatter, so that no verb prints the secrets.
func (v Verifier) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "webhook.Verifier(%d secrets)", len(v.Secrets))
}

// Verify checks body against the signature in h, with the default tolerance.
func Verify(h http.Header, body []byte, secrets ...string) error {
	return Verifier{Secrets: secrets}.Verify(h, body)
}

// Verify checks body against the signature in h. Signatures are compared in
// constant time. The error is a [*VerificationError] if the request is at
// fault, and wraps [ErrSecret] if the verifier is.
func (v Verifier) Verify(h http.Header, body []byte) error {
	c, err := v.claim(h)
	if err != nil {
		return err
	}
	return v.check(c, body)
}

// A claim is what the headers of a request assert.
type claim struct {
	scheme     Scheme
	at         time.Time
	prefix     string   // what is signed before the body
	signatures [][]byte // raw, of the right length
	pairs      [][]byte // those made with a private key, likewise
}

// claim reads the headers and judges all that can be judged without the body,
// so that junk is refused before its body is read.
func (v Verifier) claim(h http.Header) (claim, error) {
	scheme := v.Scheme
	if scheme == "" {
		switch {
		case h.Get(HeaderWebhookSignature) != "":
			scheme = StandardWebhooks
		case h.Get(HeaderSignature) != "":
			scheme = FlowCatalyst
		default:
			return claim{}, &VerificationError{Err: ErrUnsigned}
		}
	}
	var c claim
	var err error
	switch scheme {
	case StandardWebhooks:
		c, err = standardClaim(h)
	case FlowCatalyst:
		c, err = flowCatalystClaim(h)
	default:
		return claim{}, fmt.Errorf("unknown signing scheme %q", scheme)
	}
	if err == nil {
		err = v.inTime(c.at)
	}
	if err != nil {
		return claim{}, &VerificationError{Scheme: scheme, Err: err}
	}
	return c, nil
}

// maxPairs bounds how many asymmetric signatures of a request are looked at:
// each costs far more than an HMAC, and no sender rotates among so many keys.
const maxPairs = 8

func standardClaim(h http.Header) (claim, error) {
	id, ts, sigs := h.Get(HeaderWebhookID), h.Get(HeaderWebhookTimestamp), h.Get(HeaderWebhookSignature)
	if id == "" || ts == "" || sigs == "" {
		return claim{}, ErrUnsigned
	}
	at, ok := parseUnixSeconds(ts)
	if !ok {
		return claim{}, ErrMalformed
	}
	c := claim{scheme: StandardWebhooks, at: at, prefix: id + "." + ts + "."}
	for s := range strings.FieldsSeq(sigs) {
		// Versions that we do not know may stand beside ours.
		version, encoded, _ := strings.Cut(s, ",")
		size := map[string]int{"v1": sha256.Size, "v1a": ed25519.SignatureSize}[version]
		if size == 0 || len(encoded) != base64.StdEncoding.EncodedLen(size) {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(encoded)
		switch {
		case err != nil || len(b) != size:
		case version == "v1":
			c.signatures = append(c.signatures, b)
		case len(c.pairs) < maxPairs:
			c.pairs = append(c.pairs, b)
		}
	}
	if len(c.signatures)+len(c.pairs) == 0 {
		return claim{}, ErrMalformed
	}
	return c, nil
}

func flowCatalystClaim(h http.Header) (claim, error) {
	ts, sig := h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	if ts == "" || sig == "" {
		return claim{}, ErrUnsigned
	}
	at, ok := parseUnixSeconds(ts)
	if !ok {
		var err error
		if at, err = time.Parse(time.RFC3339, ts); err != nil {
			return claim{}, ErrMalformed
		}
	}
	b, err := hex.DecodeString(sig)
	if err != nil || len(b) != sha256.Size {
		return claim{}, ErrMalformed
	}
	return claim{scheme: FlowCatalyst, at: at, prefix: ts, signatures: [][]byte{b}}, nil
}

// parseUnixSeconds takes digits only. Nothing stands between the timestamp and
// the body under FlowCatalyst, so that a digit could move from one to the
// other; that makes another time by a factor of ten, which inTime refuses.
func parseUnixSeconds(s string) (time.Time, bool) {
	if len(s) == 0 || len(s) > 12 {
		return time.Time{}, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return time.Time{}, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(n, 0), err == nil
}

func (v Verifier) inTime(at time.Time) error {
	now, tolerance := time.Now, v.Tolerance
	if v.Now != nil {
		now = v.Now
	}
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	switch age := now().Sub(at); {
	case age > tolerance:
		return ErrTooOld
	case age < -tolerance:
		return ErrTooNew
	}
	return nil
}

func (v Verifier) check(c claim, body []byte) error {
	secrets := v.Secrets
	if c.scheme != StandardWebhooks {
		// The request chose the scheme. That a key pair does not serve for it
		// is the request's mistake, unless nothing else would do either.
		secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool {
			return strings.HasPrefix(s, privatePrefix) || strings.HasPrefix(s, publicPrefix)
		})
		if len(secrets) == 0 && len(v.Secrets) > 0 {
			return &VerificationError{Scheme: c.scheme, Err: ErrMismatch}
		}
	}
	ks, err := parseKeys(c.scheme, secrets)
	if err != nil {
		return err
	}
	matched := false
	var sum [sha256.Size]byte
	var message []byte
	for _, k := range ks {
		if k.public != nil {
			if message == nil && len(c.pairs) > 0 {
				message = append([]byte(c.prefix), body...)
			}
			for _, s := range c.pairs {
				if ed25519.Verify(k.public, message, s) {
					matched = true
				}
			}
			continue
		}
		mac := hmac.New(sha256.New, k.hmac)
		mac.Write([]byte(c.prefix))
		mac.Write(body)
		expected := mac.Sum(sum[:0])
		for _, s := range c.signatures {
			// Every pair is compared: how long it takes does not tell which
			// secret signed.
			if hmac.Equal(expected, s) {
				matched = true
			}
		}
	}
	if !matched {
		return &VerificationError{Scheme: c.scheme, Err: ErrMismatch}
	}
	return nil
}
