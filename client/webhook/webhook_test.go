package webhook_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/flowcatalyst/fc/client/webhook"
)

const (
	plain  = "k4yf0rw4rehouse"
	marked = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // the specification's example
	other  = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	jobID  = "0HZXEQ5Y8JY5Z"
)

var (
	at   = time.Date(2026, 1, 2, 15, 4, 5, 678_000_000, time.UTC)
	body = []byte(`{"id":"0HZXEQ5Y8JY50","data":{"total":12}}`)
)

func signer(t testing.TB, scheme webhook.Scheme, f webhook.TimestampFormat, secrets ...string) *webhook.Signer {
	t.Helper()
	s, err := webhook.NewSigner(scheme, f, secrets...)
	if err != nil {
		t.Fatalf("new signer: %v", err)
	}
	return s
}

func signed(t testing.TB, s *webhook.Signer) http.Header {
	t.Helper()
	h := http.Header{}
	s.SignHeader(h, jobID, at, body)
	return h
}

func clock(now time.Time) func() time.Time { return func() time.Time { return now } }

func TestFlowCatalystSignatureIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	// printf '%s' '2026-01-02T15:04:05.678Z{"id":…}' | openssl dgst -sha256 -hmac k4yf0rw4rehouse
	got := signer(t, webhook.FlowCatalyst, webhook.ISOMillis, plain).Sign(jobID, at, body)
	want := webhook.Signature{
		ID: jobID, Timestamp: "2026-01-02T15:04:05.678Z",
		Value: "3073a05f3cb10b93e04bb011767e5e08e5ff2f8e07d560c72c7bcc4bff2764dc",
	}
	if got != want {
		t.Errorf("signed %+v, want %+v", got, want)
	}
	got = signer(t, webhook.FlowCatalyst, webhook.UnixSeconds, plain).Sign(jobID, at, body)
	want = webhook.Signature{
		ID: jobID, Timestamp: "1767366245",
		Value: "24f7a5f14ff4f387f8eaa31d5b1ed663cf98baec87651d2157caeec944c97c5d",
	}
	if got != want {
		t.Errorf("signed %+v, want %+v", got, want)
	}
}

func TestFlowCatalystTimestampAlwaysHasMillis(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CET", 3600)
	got := signer(t, webhook.FlowCatalyst, webhook.ISOMillis, plain).
		Sign(jobID, time.Date(2026, 1, 2, 0, 0, 0, 0, zone), body).Timestamp
	if want := "2026-01-01T23:00:00.000Z"; got != want {
		t.Errorf("timestamp %q, want %q", got, want)
	}
}

func TestWhatIsSignedVerifies(t *testing.T) {
	t.Parallel()
	cases := map[string]*webhook.Signer{
		"flowcatalyst with milliseconds":       signer(t, webhook.FlowCatalyst, webhook.ISOMillis, plain),
		"flowcatalyst with seconds":            signer(t, webhook.FlowCatalyst, webhook.UnixSeconds, plain),
		"flowcatalyst takes whsec_ as it is":   signer(t, webhook.FlowCatalyst, webhook.ISOMillis, marked),
		"standard webhooks":                    signer(t, webhook.StandardWebhooks, 0, marked),
		"standard webhooks with a bare secret": signer(t, webhook.StandardWebhooks, 0, plain),
		"standard webhooks, old and new":       signer(t, webhook.StandardWebhooks, 0, other, marked),
	}
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := signed(t, s)
			v := webhook.Verifier{Secrets: []string{plain, marked}, Now: clock(at)}
			if err := v.Verify(h, body); err != nil {
				t.Errorf("verify: %v", err)
			}
			for i := range body {
				altered := bytes.Clone(body)
				altered[i] ^= 1
				if err := v.Verify(h, altered); !errors.Is(err, webhook.ErrMismatch) {
					t.Fatalf("a body altered at %d: %v, want a mismatch", i, err)
				}
			}
			v.Secrets = []string{"another"}
			if err := v.Verify(h, body); !errors.Is(err, webhook.ErrMismatch) {
				t.Errorf("another secret: %v, want a mismatch", err)
			}
		})
	}
}

func TestTheStandardLibraryOfStandardWebhooksAgrees(t *testing.T) {
	t.Parallel()
	now := time.Now() // that library has no other clock
	h := http.Header{}
	signer(t, webhook.StandardWebhooks, 0, other, marked).SignHeader(h, jobID, now, body)
	for _, secret := range []string{marked, other} {
		theirs, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := theirs.Verify(body, h); err != nil {
			t.Errorf("their library refuses our signature: %v", err)
		}
		sig, err := theirs.Sign(jobID, now, body)
		if err != nil {
			t.Fatal(err)
		}
		th := http.Header{}
		th.Set("webhook-id", jobID)
		th.Set("webhook-timestamp", fmt.Sprint(now.Unix()))
		th.Set("webhook-signature", "v1a,bm90IG91cnM= "+sig)
		if err := webhook.Verify(th, body, secret); err != nil {
			t.Errorf("we refuse their signature: %v", err)
		}
	}
}

func TestTheWebhookIDIsSigned(t *testing.T) {
	t.Parallel()
	h := signed(t, signer(t, webhook.StandardWebhooks, 0, marked))
	h.Set("webhook-id", "0HZXEQ5Y8JY60")
	err := webhook.Verifier{Secrets: []string{marked}, Now: clock(at)}.Verify(h, body)
	if !errors.Is(err, webhook.ErrMismatch) {
		t.Errorf("got %v, want a mismatch", err)
	}
}

func TestTolerance(t *testing.T) {
	t.Parallel()
	iso := signer(t, webhook.FlowCatalyst, webhook.ISOMillis, plain)
	cases := []struct {
		name      string
		now       time.Time
		tolerance time.Duration
		want      error
	}{
		{"five minutes late is in time", at.Add(5 * time.Minute), 0, nil},
		{"a millisecond later is not", at.Add(5*time.Minute + time.Millisecond), 0, webhook.ErrTooOld},
		{"five minutes early is in time", at.Add(-5 * time.Minute), 0, nil},
		{"a millisecond earlier is not", at.Add(-5*time.Minute - time.Millisecond), 0, webhook.ErrTooNew},
		{"a tolerance of one's own", at.Add(2 * time.Second), time.Second, webhook.ErrTooOld},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := webhook.Verifier{Secrets: []string{plain}, Tolerance: c.tolerance, Now: clock(c.now)}
			if err := v.Verify(signed(t, iso), body); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestADigitCannotMoveFromTheBodyToTheTimestamp(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	signer(t, webhook.FlowCatalyst, webhook.UnixSeconds, plain).SignHeader(h, jobID, at, []byte("12"))
	h.Set(webhook.HeaderTimestamp, h.Get(webhook.HeaderTimestamp)+"1")
	err := webhook.Verifier{Secrets: []string{plain}, Now: clock(at)}.Verify(h, []byte("2"))
	if !errors.Is(err, webhook.ErrTooNew) {
		t.Errorf("got %v, want %v", err, webhook.ErrTooNew)
	}
}

func TestHeadersThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	fc := signer(t, webhook.FlowCatalyst, webhook.ISOMillis, marked)
	std := signer(t, webhook.StandardWebhooks, 0, marked)
	cases := []struct {
		name   string
		from   *webhook.Signer
		set    string
		to     string
		scheme webhook.Scheme
		want   error
	}{
		{"no signature", fc, webhook.HeaderSignature, "", "", webhook.ErrUnsigned},
		{"no timestamp", fc, webhook.HeaderTimestamp, "", "", webhook.ErrUnsigned},
		{"no webhook-id", std, webhook.HeaderWebhookID, "", "", webhook.ErrUnsigned},
		{"no webhook-timestamp", std, webhook.HeaderWebhookTimestamp, "", "", webhook.ErrUnsigned},
		{"half a signature", fc, webhook.HeaderSignature, "abcd", "", webhook.ErrMalformed},
		{"a signature that is not hex", fc, webhook.HeaderSignature, strings.Repeat("z", 64), "", webhook.ErrMalformed},
		{"a date that is none", fc, webhook.HeaderTimestamp, "yesterday", "", webhook.ErrMalformed},
		{"a negative time", fc, webhook.HeaderTimestamp, "-1767366245", "", webhook.ErrMalformed},
		{"a time beyond counting", fc, webhook.HeaderTimestamp, strings.Repeat("9", 30), "", webhook.ErrMalformed},
		{"a date where seconds belong", std, webhook.HeaderWebhookTimestamp, "2026-01-02T15:04:05.678Z", "", webhook.ErrMalformed},
		{"an unknown version only", std, webhook.HeaderWebhookSignature, "v1a,bm90IG91cnM=", "", webhook.ErrMalformed},
		{"not base64", std, webhook.HeaderWebhookSignature, "v1," + strings.Repeat("*", 44), "", webhook.ErrMalformed},
		{"another scheme than the one wanted", fc, "X-Unused", "", webhook.StandardWebhooks, webhook.ErrUnsigned},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := signed(t, c.from)
			h.Set(c.set, c.to)
			err := webhook.Verifier{Secrets: []string{marked}, Scheme: c.scheme, Now: clock(at)}.Verify(h, body)
			var unverified *webhook.VerificationError
			if !errors.Is(err, c.want) || !errors.As(err, &unverified) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestSecretsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{
		"none": nil, "an empty one": {""}, "nothing after whsec_": {"whsec_"},
		"no base64 after whsec_": {"whsec_*secret*"}, "the second of two": {marked, "whsec_*secret*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := webhook.NewSigner(webhook.StandardWebhooks, 0, secrets...)
			if !errors.Is(err, webhook.ErrSecret) {
				t.Errorf("new signer: %v, want ErrSecret", err)
			}
			if err != nil && strings.Contains(err.Error(), "*secret*") {
				t.Errorf("the error tells the secret: %v", err)
			}
			h := signed(t, signer(t, webhook.StandardWebhooks, 0, marked))
			err = webhook.Verifier{Secrets: secrets, Now: clock(at)}.Verify(h, body)
			var unverified *webhook.VerificationError
			if !errors.Is(err, webhook.ErrSecret) || errors.As(err, &unverified) {
				t.Errorf("verify: %v, want ErrSecret and no blame on the request", err)
			}
		})
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	s := signer(t, webhook.FlowCatalyst, 0, plain)
	v := webhook.Verifier{Secrets: []string{plain}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, x := range []any{s, v, &v} {
			out := fmt.Sprintf(verb, x)
			if strings.Contains(out, plain) || strings.Contains(out, fmt.Sprintf("%x", plain)) || strings.Contains(out, "107 52 121") {
				t.Errorf("%s prints the secret: %s", verb, out)
			}
		}
	}
}

func TestOneSignerSignsForManyAtOnce(t *testing.T) {
	t.Parallel()
	s := signer(t, webhook.StandardWebhooks, 0, marked, other)
	v := webhook.Verifier{Secrets: []string{other}, Now: clock(at)}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				b := fmt.Appendf(nil, "%d of %d", i, g)
				h := http.Header{}
				s.SignHeader(h, jobID, at, b)
				if err := v.Verify(h, b); err != nil {
					t.Errorf("%s: %v", b, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestHeaderValuesDoNotShareTheirEnds(t *testing.T) {
	t.Parallel()
	h := signed(t, signer(t, webhook.StandardWebhooks, 0, marked))
	h.Add(webhook.HeaderWebhookTimestamp, "added")
	if err := (webhook.Verifier{Secrets: []string{marked}, Now: clock(at)}).Verify(h, body); err != nil {
		t.Errorf("adding to one header changed another: %v", err)
	}
}

func BenchmarkSignHeader(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 1024)
	for _, scheme := range []webhook.Scheme{webhook.FlowCatalyst, webhook.StandardWebhooks} {
		b.Run(string(scheme), func(b *testing.B) {
			s := signer(b, scheme, 0, marked)
			h := make(http.Header, 4)
			b.ReportAllocs()
			for b.Loop() {
				s.SignHeader(h, jobID, at, payload)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	good := http.Header{}
	signer(f, webhook.StandardWebhooks, 0, marked).SignHeader(good, jobID, at, body)
	f.Add(jobID, good.Get(webhook.HeaderWebhookTimestamp), good.Get(webhook.HeaderWebhookSignature), "", "", body)
	signer(f, webhook.FlowCatalyst, 0, marked).SignHeader(good, jobID, at, body)
	f.Add("", "", "", good.Get(webhook.HeaderTimestamp), good.Get(webhook.HeaderSignature), body)
	f.Add("a.1767366245", "1767366245", "v1, v1,=", "1767366245", "00", []byte("{"))
	genuine := map[string]bool{
		good.Get(webhook.HeaderWebhookTimestamp): true,
		good.Get(webhook.HeaderTimestamp):        true,
	}
	f.Fuzz(func(t *testing.T, id, ts, sigs, fcTS, fcSig string, b []byte) {
		h := http.Header{}
		h.Set(webhook.HeaderWebhookID, id)
		h.Set(webhook.HeaderWebhookTimestamp, ts)
		h.Set(webhook.HeaderWebhookSignature, sigs)
		h.Set(webhook.HeaderTimestamp, fcTS)
		h.Set(webhook.HeaderSignature, fcSig)
		err := webhook.Verifier{Secrets: []string{marked}, Now: clock(at)}.Verify(h, b)
		var unverified *webhook.VerificationError
		switch {
		case err == nil && (!bytes.Equal(b, body) || !genuine[ts] && !genuine[fcTS]):
			t.Errorf("accepted what nobody signed: %q %q %q %q %q %q", id, ts, sigs, fcTS, fcSig, b)
		case err != nil && !errors.As(err, &unverified):
			t.Errorf("an error of another kind: %v", err)
		}
	})
}
