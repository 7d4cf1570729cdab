package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/webhook"
)

func ExampleHandler() {
	secret := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	receiver := webhook.Handler(webhook.Verifier{Secrets: []string{secret}},
		func(_ context.Context, d *webhook.Delivery) error {
			if strings.Contains(string(d.Data), `"stock":0`) {
				return webhook.Later(10 * time.Minute)
			}
			fmt.Printf("%s, attempt %d: %s\n", d.EventType, d.Attempt, d.Data)
			return nil
		})

	// What FlowCatalyst does for each attempt, and a test of a receiver can do.
	signer, err := webhook.NewSigner(webhook.StandardWebhooks, webhook.UnixSeconds, secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, data := range []string{`{"stock":3}`, `{"stock":0}`} {
		body := `{"id":"0HZXEQ5Y8JY50","type":"shop:catalog:article:sold","data":` + data +
			`,"dispatchJobId":"0HZXEQ5Y8JY5Z","attemptNumber":1}`
		r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(body))
		signer.SignHeader(r.Header, "0HZXEQ5Y8JY5Z", time.Now(), []byte(body))
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// shop:catalog:article:sold, attempt 1: {"stock":3}
	// 200 {"ack":true}
	// 200 {"ack":false,"delaySeconds":600}
}

func ExampleVerify() {
	h := http.Header{}
	h.Set("X-FLOWCATALYST-TIMESTAMP", "1767366245")
	h.Set("X-FLOWCATALYST-SIGNATURE", strings.Repeat("00", 32))
	err := webhook.Verify(h, []byte(`{}`), "the secret")
	if errors.Is(err, webhook.ErrTooOld) {
		fmt.Println("not from this year:", err)
	}
	// Output:
	// not from this year: verify webhook (flowcatalyst): the timestamp is too old
}

func ExampleVerifier_rotation() {
	// While the secret changes, both are accepted.
	v := webhook.Verifier{Secrets: []string{"the new secret", "the old secret"}}
	old, err := webhook.NewSigner(webhook.FlowCatalyst, webhook.ISOMillis, "the old secret")
	if err != nil {
		fmt.Println(err)
		return
	}
	h := http.Header{}
	old.SignHeader(h, "", time.Now(), []byte(`{}`))
	fmt.Println(v.Verify(h, []byte(`{}`)))
	// Output:
	// <nil>
}
