package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/webhook"
)

const enveloped = `{"id":"0HZXEQ5Y8JY50","type":"orders:fulfillment:shipment:shipped","source":"/shop",` +
	`"subject":"order/7","time":"2026-01-02T15:04:05.000Z","data":{"total":12.50},"correlationId":"c1",` +
	`"causationId":null,"messageGroup":"order-7","clientId":"clt_0HZXEQ5Y8JY51","specVersion":"1.0",` +
	`"dispatchJobId":"0HZXEQ5Y8JY5Z","attemptNumber":3}`

func request(t *testing.T, scheme webhook.Scheme, payload string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/shipments", strings.NewReader(payload))
	signer(t, scheme, 0, marked).SignHeader(r.Header, jobID, at, []byte(payload))
	return r
}

func verifier() webhook.Verifier {
	return webhook.Verifier{Secrets: []string{marked}, Now: clock(at)}
}

func TestParseReadsTheEnvelope(t *testing.T) {
	t.Parallel()
	for _, scheme := range []webhook.Scheme{webhook.FlowCatalyst, webhook.StandardWebhooks} {
		r := request(t, scheme, enveloped)
		r.Header.Set("X-FlowCatalyst-Event-Id", "forged")
		r.Header.Set("X-FlowCatalyst-Attempt", "99")
		r.Header.Set("X-FlowCatalyst-Subscription-Id", "sub_0HZXEQ5Y8JY52")
		r.Header.Set("X-FlowCatalyst-Replay", "rpl_0HZXEQ5Y8JY53")
		d, err := webhook.Parse(r, verifier())
		if err != nil {
			t.Fatalf("%s: parse: %v", scheme, err)
		}
		got := fmt.Sprint(d.Envelope, d.DispatchJobID, d.Attempt, d.EventID, d.EventType, d.Source, d.Subject,
			d.Time.UnixMilli(), string(d.Data), d.CorrelationID, d.MessageGroup, d.ClientID, d.SubscriptionID, d.Replay)
		want := fmt.Sprint(true, jobID, 3, "0HZXEQ5Y8JY50", "orders:fulfillment:shipment:shipped", "/shop", "order/7",
			at.Truncate(time.Second).UnixMilli(), `{"total":12.50}`, "c1", "order-7", "clt_0HZXEQ5Y8JY51", "sub_0HZXEQ5Y8JY52", true)
		if got != want {
			t.Errorf("%s: parsed\n%s, want\n%s", scheme, got, want)
		}
		if string(d.Body) != enveloped {
			t.Errorf("%s: the body is not what came", scheme)
		}
	}
}

func TestParseReadsBareDataWithItsHeaders(t *testing.T) {
	t.Parallel()
	forwarded := strings.Replace(enveloped, jobID, "0HZXEQ5Y8JY99", 1)
	for _, payload := range []string{`{"total":12.50}`, `[1,2]`, `plain text`, ``, forwarded} {
		r := request(t, webhook.StandardWebhooks, payload)
		r.Header.Set("X-FlowCatalyst-Dispatch-Job-Id", "forged")
		r.Header.Set("X-FlowCatalyst-Event-Id", "0HZXEQ5Y8JY50")
		r.Header.Set("X-FlowCatalyst-Event-Type", "orders:fulfillment:shipment:shipped")
		r.Header.Set("X-FlowCatalyst-Attempt", "2")
		d, err := webhook.Parse(r, verifier())
		if err != nil {
			t.Fatalf("parse %q: %v", payload, err)
		}
		got := fmt.Sprint(d.Envelope, d.DispatchJobID, d.Attempt, d.EventID, d.EventType, string(d.Data))
		want := fmt.Sprint(false, jobID, 2, "0HZXEQ5Y8JY50", "orders:fulfillment:shipment:shipped", payload)
		if got != want {
			t.Errorf("parsed %s, want %s", got, want)
		}
	}
}

// unread fails the test if somebody reads it.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of a request that is refused by its headers was read")
	return 0, io.EOF
}

func TestParseRefusesByHeadersBeforeReading(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", unread{t})
	if _, err := webhook.Parse(r, verifier()); !errors.Is(err, webhook.ErrUnsigned) {
		t.Errorf("got %v, want %v", err, webhook.ErrUnsigned)
	}
	r = request(t, webhook.FlowCatalyst, "x")
	r.Body = io.NopCloser(unread{t})
	v := verifier()
	v.Now = clock(at.Add(time.Hour))
	if _, err := webhook.Parse(r, v); !errors.Is(err, webhook.ErrTooOld) {
		t.Errorf("got %v, want %v", err, webhook.ErrTooOld)
	}
}

// endless gives bytes for ever and counts them.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	e.n += len(p)
	return len(p), nil
}

func TestParseReadsNoMoreThanItsBound(t *testing.T) {
	t.Parallel()
	v := verifier()
	v.MaxBytes = 100_000
	for _, announced := range []int64{-1, 10, 1 << 50} {
		body := &endless{}
		r := request(t, webhook.FlowCatalyst, "x")
		r.Body, r.ContentLength = io.NopCloser(body), announced
		if _, err := webhook.Parse(r, v); !errors.Is(err, webhook.ErrTooLarge) {
			t.Errorf("announced %d: %v, want %v", announced, err, webhook.ErrTooLarge)
		}
		if body.n > 100_001 {
			t.Errorf("announced %d: read %d bytes of at most 100001", announced, body.n)
		}
	}
	exact := strings.Repeat("x", 100_000)
	if _, err := webhook.Parse(request(t, webhook.FlowCatalyst, exact), v); err != nil {
		t.Errorf("a body of exactly the bound: %v", err)
	}
}

func TestHandlerAnswers(t *testing.T) {
	t.Parallel()
	good := func(t *testing.T) *http.Request { return request(t, webhook.FlowCatalyst, enveloped) }
	unsigned := func(t *testing.T) *http.Request {
		return httptest.NewRequest(http.MethodPost, "/", strings.NewReader(enveloped))
	}
	small := verifier()
	small.MaxBytes = 10
	cases := []struct {
		name   string
		v      webhook.Verifier
		r      func(*testing.T) *http.Request
		err    error
		status int
		body   string
		called bool
	}{
		{"done", verifier(), good, nil, 200, `{"ack":true}`, true},
		{"not yet", verifier(), good, webhook.Later(90 * time.Second), 200, `{"ack":false,"delaySeconds":90}`, true},
		{"not yet, wrapped", verifier(), good, fmt.Errorf("stock: %w", webhook.Later(1500*time.Millisecond)), 200, `{"ack":false,"delaySeconds":2}`, true},
		{"not yet, at some time", verifier(), good, &webhook.NotYet{}, 200, `{"ack":false}`, true},
		{"not yet, sooner than can be", verifier(), good, webhook.Later(time.Nanosecond), 200, `{"ack":false,"delaySeconds":1}`, true},
		{"not yet, in the past", verifier(), good, webhook.Later(-time.Hour), 200, `{"ack":false,"delaySeconds":1}`, true},
		{"not yet, later than can be", verifier(), good, webhook.Later(100 * time.Hour), 200, `{"ack":false,"delaySeconds":86400}`, true},
		{"failed", verifier(), good, errors.New("password hunter2"), 500, "the delivery was not processed\n", true},
		{"not signed", verifier(), unsigned, nil, 401, "the request is not signed\n", false},
		{"too large", small, good, nil, 413, "the body is too large\n", false},
		{"no secret", webhook.Verifier{Now: clock(at)}, good, nil, 500, "the receiver has no usable signing secret\n", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			called := false
			h := webhook.Handler(c.v, func(context.Context, *webhook.Delivery) error {
				called = true
				return c.err
			})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, c.r(t))
			if w.Code != c.status || w.Body.String() != c.body || called != c.called {
				t.Errorf("answered %d %q (called: %v), want %d %q (%v)", w.Code, w.Body, called, c.status, c.body, c.called)
			}
		})
	}
}

func TestHandlerTakesPostOnly(t *testing.T) {
	t.Parallel()
	h := webhook.Handler(verifier(), func(context.Context, *webhook.Delivery) error {
		t.Error("called")
		return nil
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
		t.Errorf("answered %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestABodyThatBreaksOffIsNotBlamedOnTheSignature(t *testing.T) {
	t.Parallel()
	r := request(t, webhook.FlowCatalyst, enveloped)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), broken{}))
	_, err := webhook.Parse(r, verifier())
	var unverified *webhook.VerificationError
	if !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &unverified) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
