package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A seed of 32 zeros has this key pair (RFC 8032's arithmetic, known to every
// implementation).
var (
	zeroSeed    = "whsk_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	zeroPrivate = "whsk_" + base64.StdEncoding.EncodeToString(ed25519.NewKeyFromSeed(make([]byte, 32)))
	zeroPublic  = "whpk_O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="
)

func signed(t *testing.T, scheme Scheme, body []byte, secrets ...string) http.Header {
	t.Helper()
	s, err := NewSigner(scheme, ISOMillis, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	s.SignHeader(h, "job-1", time.Now(), body)
	return h
}

func TestAKeyPairSignsAndItsPublicHalfVerifies(t *testing.T) {
	t.Parallel()
	body := []byte(`{"total":12.50}`)
	for _, private := range []string{zeroSeed, zeroPrivate} {
		h := signed(t, StandardWebhooks, body, private)
		encoded, ok := strings.CutPrefix(h.Get(HeaderWebhookSignature), "v1a,")
		sig, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil {
			t.Fatalf("signature %q", h.Get(HeaderWebhookSignature))
		}
		public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(zeroPublic, "whpk_"))
		if err != nil {
			t.Fatal(err)
		}
		if !ed25519.Verify(public, []byte("job-1."+h.Get(HeaderWebhookTimestamp)+"."+string(body)), sig) {
			t.Error("the signature is not over id, timestamp and body")
		}
		if got, err := PublicKey(private); err != nil || got != zeroPublic {
			t.Errorf("public key %s, %v", got, err)
		}
		for _, secret := range []string{zeroPublic, private} {
			if err := Verify(h, body, secret); err != nil {
				t.Error(err)
			}
		}
		if err := Verify(h, []byte(`{"total":0}`), zeroPublic); !errors.Is(err, ErrMismatch) {
			t.Errorf("another body: %v", err)
		}
	}
	private, public, err := NewKeyPair()
	if err != nil || !IsPrivateKey(private) || IsPrivateKey(public) {
		t.Fatal(private, public, err)
	}
	h := signed(t, StandardWebhooks, body, private)
	if err := Verify(h, body, public); err != nil {
		t.Error(err)
	}
	if err := Verify(h, body, zeroPublic); !errors.Is(err, ErrMismatch) {
		t.Errorf("another's key: %v", err)
	}
}

func TestBothKindsStandInOneHeaderDuringAChange(t *testing.T) {
	t.Parallel()
	secret := NewSecret()
	body := []byte("{}")
	h := signed(t, StandardWebhooks, body, zeroPrivate, secret)
	sigs := strings.Fields(h.Get(HeaderWebhookSignature))
	if len(sigs) != 2 || !strings.HasPrefix(sigs[0], "v1a,") || !strings.HasPrefix(sigs[1], "v1,") {
		t.Fatalf("signatures %q", sigs)
	}
	for _, one := range []string{secret, zeroPublic} {
		if err := Verify(h, body, one); err != nil {
			t.Errorf("a receiver with one of the two: %v", err)
		}
	}
	if NewSecret() == secret || !strings.HasPrefix(secret, "whsec_") {
		t.Error("new secrets are not new")
	}
}

// A public key is known to all: what is signed with its text as an HMAC key
// must not verify, whatever scheme the request claims.
func TestAPublicKeyIsNoHMACKey(t *testing.T) {
	t.Parallel()
	body := []byte("{}")
	raw := strings.TrimPrefix(zeroPublic, "whpk_")
	for name, forged := range map[string]http.Header{
		"flowcatalyst by its text": signed(t, FlowCatalyst, body, "x"+zeroPublic), // a signer refuses the text itself
		"v1 by its bytes":          signed(t, StandardWebhooks, body, "whsec_"+raw),
		"v1 by its base64":         signed(t, StandardWebhooks, body, raw),
	} {
		if err := Verify(forged, body, zeroPublic); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewSigner(FlowCatalyst, ISOMillis, zeroPublic); !errors.Is(err, ErrSecret) {
		t.Errorf("flowcatalyst with a public key: %v", err)
	}
	if _, err := NewSigner(FlowCatalyst, ISOMillis, zeroPrivate); !errors.Is(err, ErrSecret) {
		t.Errorf("flowcatalyst with a private key: %v", err)
	}
	// A receiver that knows both kinds goes on to verify the older scheme.
	if err := Verify(signed(t, FlowCatalyst, body, "s3cret"), body, zeroPublic, "s3cret"); err != nil {
		t.Error(err)
	}
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString
	wrong := append(make([]byte, 32), []byte(strings.Repeat("x", 32))...)
	for name, secret := range map[string]string{
		"a public key": zeroPublic, "nothing": "whsk_", "no base64": "whsk_!!", "too short": "whsk_" + b64(make([]byte, 31)),
		"a key that is not one": "whsk_" + b64(wrong),
	} {
		if _, err := NewSigner(StandardWebhooks, ISOMillis, secret); !errors.Is(err, ErrSecret) || strings.Contains(err.Error(), secret) && len(secret) > 5 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := PublicKey("whsec_" + b64(make([]byte, 32))); !errors.Is(err, ErrSecret) {
		t.Errorf("the public key of a symmetric secret: %v", err)
	}
	h := signed(t, StandardWebhooks, nil, zeroPrivate)
	if err := Verify(h, nil, "whpk_"+b64(make([]byte, 31))); !errors.Is(err, ErrSecret) {
		t.Errorf("a public key of the wrong length: %v", err)
	}
	h.Set(HeaderWebhookSignature, "v1a,"+b64(make([]byte, 63)))
	if err := Verify(h, nil, zeroPublic); !errors.Is(err, ErrMalformed) {
		t.Errorf("a signature of the wrong length: %v", err)
	}
	h.Set(HeaderWebhookSignature, "v1a,"+b64(make([]byte, 64)))
	if err := Verify(h, nil, zeroPublic); !errors.Is(err, ErrMismatch) {
		t.Errorf("a signature of zeros: %v", err)
	}
}
