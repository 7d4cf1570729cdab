package wire

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	const form, doc = "application/x-www-form-urlencoded", "application/json"
	for _, tt := range []struct{ name, kind, body, want string }{
		{"a member", doc, `{"accessToken":"abc","email":"jo@example.com"}`, `{"accessToken":"(hidden)","email":"jo@example.com"}`},
		{"a list of them", doc, `{"secrets":["a",{"value":"b"}],"active":true}`, `{"active":true,"secrets":["(hidden)",{"value":"(hidden)"}]}`},
		{"deep, in any spelling", doc, `[{"auth":{"API-Key":"k","key":"l","Client_Secret":7}}]`, `[{"auth":{"API-Key":"(hidden)","Client_Secret":"(hidden)","key":"(hidden)"}}]`},
		{"headers of a connection", doc, `{"headers":{"X-Shop":"v"}}`, `{"headers":{"X-Shop":"(hidden)"}}`},
		{"JSON in a text", doc, `{"payload":"{\"password\":\"p\"}"}`, `{"payload":"{\"password\":\"(hidden)\"}"}`},
		{"by its look", doc, `{"note":"use whsec_YWJj or Bearer abc.def"}`, `{"note":"use (hidden) or (hidden)"}`},
		{"an address", doc, `{"link":"https://x.example.com/device?user_code=ABCD-EFGH"}`, `{"link":"https://x.example.com/device?user_code=(hidden)"}`},
		{"what the request had", doc, `{"detail":"sesame-123 is wrong"}`, `{"detail":"(hidden) is wrong"}`},
		{"a form", form, "grant_type=authorization_code&code=xyz&client_id=bi", "client_id=bi&code=(hidden)&grant_type=authorization_code"},
	} {
		m := newMask(&http.Request{Header: http.Header{"Authorization": {"Bearer sesame-123"}}})
		if got, ok := m.body([]byte(tt.body), tt.kind); !ok || got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := show([]byte("<p>password: p"), "text/html", new(mask)); got != "(14 bytes of text/html, which are not shown)" {
		t.Error(got)
	}
	long := `{"note":"` + strings.Repeat("ä", maxShown) + `"}`
	if got := show([]byte(long), doc, new(mask)); len(got) > maxShown+40 || !strings.HasSuffix(got, "bytes more)") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-30:])
	}
}

func TestAServerIsTrustedByTheFile(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	s.Config.ErrorLog = nil
	s.StartTLS()
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		o  Options
		ok bool
	}{"nobody": {Options{}, false}, "the file": {Options{CAFile: ca}, true}, "anybody": {Options{Insecure: true}, true}} {
		var seen bytes.Buffer
		tt.o.Debug = &seen
		c, err := Client(tt.o)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Post(s.URL+"/x?access_token=abc", "application/json", strings.NewReader(`{"password":"p"}`))
		if (err == nil) != tt.ok {
			t.Errorf("trusting %s: %v", name, err)
		}
		if err == nil {
			if b, err := io.ReadAll(res.Body); string(b) != `{"password":"p"}` || err != nil {
				t.Errorf("trusting %s: the answer is %s (%v)", name, b, err)
			}
			_ = res.Body.Close()
		}
		if got := seen.String(); !strings.HasPrefix(got, "> POST "+s.URL+"/x?access_token=(hidden)\n") || strings.Contains(got, `"p"`) || strings.Count(got, "< ") < 1 {
			t.Errorf("trusting %s:\n%s", name, got)
		}
	}
}
