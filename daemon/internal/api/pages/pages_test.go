package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"
)

func show(t *testing.T, name string, data interface{ page() Page }) (body string, rec *httptest.ResponseRecorder) {
	t.Helper()
	rec = httptest.NewRecorder()
	if err := Render(rec, 400, name, data); err != nil {
		t.Fatal(err)
	}
	if rec.Code != 400 {
		t.Errorf("status %d", rec.Code)
	}
	return rec.Body.String(), rec
}

// Browsers compare the style with the policy byte by byte: a template that
// changes it leaves the page without one.
func TestTheStyleIsTheOneThatThePolicyAllows(t *testing.T) {
	body, rec := show(t, MessagePage, Message{Page: Page{Title: "Done"}})
	_, rest, _ := strings.Cut(body, "<style>")
	css, _, found := strings.Cut(rest, "</style>")
	if !found {
		t.Fatalf("no style in %s", body)
	}
	sum := sha256.Sum256([]byte(css))
	want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if got := rec.Header().Get("Content-Security-Policy"); !strings.Contains(got, want) {
		t.Errorf("the policy %q has no %q", got, want)
	}
}

func TestTextsOfStrangersStayTexts(t *testing.T) {
	const evil = `"><script>alert(1)</script>`
	body, _ := show(t, FormPage, Form{
		Page: Page{Title: evil, Lead: evil, Alert: evil}, Action: "javascript:alert(1)", Submit: evil,
		Hidden: []Hidden{{evil, evil}},
		Fields: []Field{{Name: evil, Label: evil, Type: "text", Value: evil, Autocomplete: evil, Error: evil}, {Name: "b", Label: "B", Hint: evil}},
		Links:  []Link{{evil, "javascript:alert(1)"}},
	})
	for _, bad := range []string{"<script", `="javascript:`} {
		if strings.Contains(body, bad) {
			t.Errorf("%s in\n%s", bad, body)
		}
	}
}

func TestAFormMayRedirectWhereItSaysAndNowhereElse(t *testing.T) {
	for _, c := range []struct{ redirect, want string }{
		{"", "form-action 'self';"},
		{"https://app.example.com/callback?x=1", "form-action 'self' https://app.example.com;"},
		{"http://127.0.0.1:49152/cb", "form-action 'self' http://127.0.0.1:49152;"},
		{"com.example.app:/cb", "form-action 'self' com.example.app:;"},
		{"https://a.example.com;script-src *", "form-action 'self';"},
		{"https://*/cb", "form-action 'self';"},
		{"javascript:alert(1)", "form-action 'self';"},
		{"data:text/html,x", "form-action 'self';"},
	} {
		_, rec := show(t, MessagePage, Message{Page: Page{Title: "x", Redirects: []string{c.redirect}}})
		if got := rec.Header().Get("Content-Security-Policy"); !strings.Contains(got, c.want) {
			t.Errorf("%q: %s", c.redirect, got)
		}
	}
}

func TestPagesKeepTheirAddressesToThemselves(t *testing.T) {
	_, rec := show(t, MessagePage, Message{Page: Page{Title: "x"}})
	for name, want := range map[string]string{
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
	} {
		if got := rec.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if policy := rec.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("policy %q", policy)
	}
	if err := Render(httptest.NewRecorder(), 200, "nothing", Message{}); err == nil {
		t.Error("a page that is not there was rendered")
	}
}
