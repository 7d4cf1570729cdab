package cmd

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// script answers paths with what stands for them, in turn; the last answer is
// repeated. It remembers the requests.
type script struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]string
	seen    []string // "PATH body"
	tokens  []string
}

func newScript(t *testing.T, answers map[string][]string) *script {
	t.Helper()
	s := &script{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, strings.TrimSpace(r.URL.Path+" "+string(body)))
		s.tokens = append(s.tokens, r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "application/json")
		left := s.answers[r.URL.Path]
		if len(left) == 0 {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if len(left) > 1 {
			s.answers[r.URL.Path] = left[1:]
		}
		if strings.Contains(left[0], `"error"`) {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, left[0])
	}))
	t.Cleanup(s.Close)
	return s
}

const jo = `{"principalId":"prn_1","type":"USER","scope":"ANCHOR","name":"Jo","email":"jo@example.com","roles":["platform:admin"],"clients":["*"]}`

func TestLoginFromABrowser(t *testing.T) {
	s := newScript(t, map[string][]string{
		"/oauth/device_authorization": {`{"device_code":"dc","user_code":"WDJB-MJHT","verification_uri":"https://events.example.com/device","verification_uri_complete":"https://events.example.com/device?user_code=WDJB-MJHT","expires_in":900,"interval":1}`},
		"/oauth/token":                {`{"access_token":"access","refresh_token":"refresh","expires_in":3600}`},
		"/auth/me":                    {jo},
		"/oauth/revoke":               {`{}`},
	})
	home := t.TempDir()
	run := func(terminal bool, args string) (code int, out, talk string, opened []string) {
		a, o, e := fcctl(t, "HOME", home)
		a.Terminal, a.In = terminal, strings.NewReader("")
		a.Browse = func(url string) error { opened = append(opened, url); return nil }
		code = Run(context.Background(), a, strings.Fields(args))
		return code, o.String(), e.String(), opened
	}
	code, _, talk, opened := run(true, "login --device --context prod --url "+s.URL)
	if code != 0 || strings.Join(opened, " ") != "https://events.example.com/device?user_code=WDJB-MJHT" {
		t.Fatalf("exit %d, opened %v: %s", code, opened, talk)
	}
	for _, want := range []string{"Open https://events.example.com/device\n", "enter the code WDJB-MJHT", "as jo@example.com (context \"prod\")"} {
		if !strings.Contains(talk, want) {
			t.Errorf("does not say %q: %s", want, talk)
		}
	}
	if _, _, _, opened := run(true, "login --device --no-browser --url "+s.URL); len(opened) > 0 {
		t.Errorf("opened %v in spite of --no-browser", opened)
	}
	if code, out, talk, _ := run(false, "whoami"); code != 0 || !strings.Contains(out, "Jo <jo@example.com>") || !strings.Contains(out, "clients  all") || !strings.Contains(out, "prod") {
		t.Errorf("exit %d: %s%s", code, out, talk)
	}
	if code, _, talk, _ := run(false, "logout"); code != 0 || !strings.Contains(talk, "Logged out") {
		t.Errorf("exit %d: %s", code, talk)
	}
	if last := s.seen[len(s.seen)-1]; last != "/oauth/revoke client_id=fcctl&token=refresh&token_type_hint=refresh_token" {
		t.Errorf("the last request is %s", last)
	}
	b, err := os.ReadFile(filepath.Join(home, ".config", "flowcatalyst", "fcctl.json"))
	if err != nil || strings.Contains(string(b), "refresh") || !strings.Contains(string(b), s.URL) {
		t.Errorf("kept %s, %v", b, err)
	}
	if code, _, talk, _ := run(false, "whoami"); code != 3 || !strings.Contains(talk, "Try: fcctl login") {
		t.Errorf("afterwards: exit %d: %s", code, talk)
	}
}

func TestABrowserOpensPagesOnly(t *testing.T) {
	s := newScript(t, map[string][]string{
		"/oauth/device_authorization": {`{"device_code":"dc","user_code":"C","verification_uri":"file:///etc/passwd","expires_in":900,"interval":1}`},
		"/oauth/token":                {`{"error":"access_denied"}`},
	})
	a, _, talk := fcctl(t)
	a.Terminal = true
	a.Browse = func(url string) error { t.Errorf("opened %s", url); return nil }
	if code := Run(context.Background(), a, []string{"login", "--device", "--url", s.URL}); code != 3 || !strings.Contains(talk.String(), "refused in the browser") {
		t.Errorf("exit %d: %s", code, talk)
	}
}

func TestWhoseProviderSignsThemInAreAskedForNoPassword(t *testing.T) {
	s := newScript(t, map[string][]string{
		"/auth/check-domain":          {`{"domain":"example.com","authMethod":"OIDC"}`},
		"/oauth/device_authorization": {`{"error":"invalid_client","error_description":"nobody may"}`},
	})
	a, _, talk := fcctl(t)
	a.Terminal, a.In = true, strings.NewReader("jo@example.com\n")
	a.ReadPassword = func() (string, error) { t.Error("it asks for a password"); return "", nil }
	if code := Run(context.Background(), a, []string{"login", "--url", s.URL}); code == 0 || !strings.Contains(talk.String(), "its provider") {
		t.Errorf("exit %d: %s", code, talk)
	}
}

func TestClientCredentialsNeedNoLogin(t *testing.T) {
	s := newScript(t, map[string][]string{
		"/oauth/token":       {`{"access_token":"machine","expires_in":3600}`},
		"/auth/me":           {`{"principalId":"prn_2","type":"SERVICE","scope":"CLIENT","name":"Billing","roles":[],"clients":["clt_1"]}`},
		"/api/clients/clt_1": {`{"id":"clt_1","identifier":"acme"}`},
	})
	home := t.TempDir()
	a, out, talk := fcctl(t, "HOME", home, "FCCTL_URL", s.URL, "FCCTL_CLIENT_ID", "billing", "FCCTL_CLIENT_SECRET", "hush")
	if code := Run(context.Background(), a, []string{"whoami"}); code != 0 {
		t.Fatalf("exit %d: %s", code, talk)
	}
	for _, want := range []string{"Billing", "service, scope CLIENT", "acme", "(none: nothing is allowed)", "FCCTL_CLIENT_ID"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("does not say %q: %s", want, out)
		}
	}
	if s.tokens[0] != "Basic "+base64.StdEncoding.EncodeToString([]byte("billing:hush")) || s.tokens[1] != "Bearer machine" {
		t.Errorf("Authorization: %q", s.tokens)
	}
	if names, _ := os.ReadDir(home); len(names) > 0 {
		t.Errorf("left behind %v", names)
	}

	a, _, talk = fcctl(t, "FCCTL_URL", s.URL, "FCCTL_CLIENT_ID", "billing")
	if code := Run(context.Background(), a, []string{"whoami"}); code != 64 || !strings.Contains(talk.String(), "FCCTL_CLIENT_SECRET") {
		t.Errorf("without a secret: exit %d: %s", code, talk)
	}
	a, _, talk = fcctl(t, "FCCTL_URL", s.URL, "FCCTL_CLIENT_ID", "billing", "FCCTL_CLIENT_SECRET", "hush", "FCCTL_TOKEN", "given")
	if code := Run(context.Background(), a, []string{"whoami"}); code != 0 || s.tokens[len(s.tokens)-1] != "Bearer given" {
		t.Errorf("a token beside them: exit %d, %s: %s", code, s.tokens[len(s.tokens)-1], talk)
	}
}

func TestATokenIsKeptOnceTheServerKnowsIt(t *testing.T) {
	s := newScript(t, map[string][]string{"/auth/me": {jo}})
	home := t.TempDir()
	a, _, talk := fcctl(t, "HOME", home)
	a.In = strings.NewReader("fc_0123456789\n")
	if code := Run(context.Background(), a, []string{"login", "--token-stdin", "--url", s.URL}); code != 0 || s.tokens[0] != "Bearer fc_0123456789" || strings.Contains(talk.String(), "fc_0") {
		t.Fatalf("exit %d, %v: %s", code, s.tokens, talk)
	}
	a, out, talk := fcctl(t, "HOME", home)
	if code := Run(context.Background(), a, []string{"token"}); code != 0 || out.String() != "fc_0123456789\n" {
		t.Errorf("exit %d, %s: %s", code, out, talk)
	}
	unknown := newScript(t, map[string][]string{"/auth/me": {`{"error":"UNAUTHENTICATED"}`}})
	a, _, _ = fcctl(t, "HOME", home)
	a.In = strings.NewReader("fc_9\n")
	if code := Run(context.Background(), a, []string{"login", "--token-stdin", "--url", unknown.URL}); code == 0 {
		t.Error("a token that the server does not know is kept")
	}
}
