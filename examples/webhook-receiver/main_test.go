package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/webhook"
)

const secret = "whsec_Zm9yLXlvdXItb3duLW1hY2hpbmUtb25seQ=="

// deliver sends what FlowCatalyst would send, signed with a secret.
func deliver(t *testing.T, h http.Handler, scheme webhook.Scheme, with, job, data string) int {
	t.Helper()
	s, err := webhook.NewSigner(scheme, webhook.ISOMillis, with)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"id":"0HZXEQ5Y8JY50","type":"shop:sales:order:placed","data":` + data + `,"dispatchJobId":"` + job + `","attemptNumber":1}`
	r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(body))
	s.SignHeader(r.Header, job, time.Now(), []byte(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestEachDeliveryIsTakenOnce(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	h := newReceiver(secret, &out)
	for _, scheme := range []webhook.Scheme{webhook.StandardWebhooks, webhook.FlowCatalyst, webhook.StandardWebhooks} {
		if code := deliver(t, h, scheme, secret, "0HZXEQ5Y8JY5Z", `{"order":1}`); code != http.StatusOK {
			t.Errorf("%s: %d", scheme, code)
		}
	}
	if code := deliver(t, h, webhook.StandardWebhooks, secret, "0HZXEQ5Y8JY60", `{"order":2}`); code != http.StatusOK {
		t.Error(code)
	}
	const want = "shop:sales:order:placed (attempt 1): {\"order\":1}\nshop:sales:order:placed (attempt 1): {\"order\":2}\n"
	if out.String() != want {
		t.Errorf("got %s", out.String())
	}
}

func TestAWrongSignatureIsRefused(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	h := newReceiver(secret, &out)
	if code := deliver(t, h, webhook.StandardWebhooks, "whsec_c29tZWJvZHkgZWxzZQ==", "0HZXEQ5Y8JY5Z", `{}`); code != http.StatusUnauthorized || out.Len() > 0 {
		t.Errorf("%d, %q", code, out.String())
	}
}

// full is an output that cannot take any more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestADeliveryThatWasNotHandledComesAgain(t *testing.T) {
	t.Parallel()
	h := newReceiver(secret, full{})
	for range 2 {
		if code := deliver(t, h, webhook.StandardWebhooks, secret, "0HZXEQ5Y8JY5Z", `{}`); code != http.StatusInternalServerError {
			t.Errorf("answered %d", code)
		}
	}
}
