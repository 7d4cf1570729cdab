package cmd

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
)

// platform is a server that logs in, refreshes, and says which tokens it got.
type platform struct {
	*httptest.Server
	mu     sync.Mutex
	good   map[string]bool
	tokens []string
	logins int
}

func newPlatform(t *testing.T, good ...string) *platform {
	t.Helper()
	p := &platform{good: map[string]bool{}}
	for _, g := range good {
		p.good[g] = true
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/auth/login":
			var in struct{ Email, Password string }
			b, _ := io.ReadAll(r.Body)
			if json.Unmarshal(b, &in) != nil || in.Password != "correct horse" {
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"code":"INVALID_CREDENTIALS","detail":"the email address or the password is wrong"}`)
				return
			}
			p.logins++
			p.good["login-token"] = true
			_, _ = io.WriteString(w, `{"accessToken":"login-token","refreshToken":"refresh-1","expiresIn":3600,"email":"`+in.Email+`"}`)
		case "/auth/refresh":
			p.good["fresh-token"] = true
			_, _ = io.WriteString(w, `{"accessToken":"fresh-token","refreshToken":"refresh-2","expiresIn":3600}`)
		default:
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			p.tokens = append(p.tokens, token)
			if !p.good[token] {
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"code":"UNAUTHENTICATED","detail":"the token has run out"}`)
				return
			}
			_, _ = io.WriteString(w, `{"subscriptions":[],"items":[],"hasMore":false}`)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// last is the token of the last request.
func (p *platform) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tokens) == 0 {
		return "(no request)"
	}
	return p.tokens[len(p.tokens)-1]
}

func write(t *testing.T, path string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPrecedence(t *testing.T) {
	prod, stage, dev := newPlatform(t, "prod-token", "given"), newPlatform(t, "stage-token", "given"), newPlatform(t, "dev-token", "given")
	later := time.Now().Add(time.Hour)
	for name, tc := range map[string]struct {
		env     []string
		args    string
		current string
		noDev   bool
		asks    *platform
		token   string
	}{
		"a running fcd dev comes last":              {asks: dev, token: "dev-token"},
		"the current context beats fcd dev":         {current: "prod", asks: prod, token: "prod-token"},
		"the built-in context dev can be current":   {current: "dev", asks: dev, token: "dev-token"},
		"FCCTL_CONTEXT beats the current one":       {current: "prod", env: []string{"FCCTL_CONTEXT", "stage"}, asks: stage, token: "stage-token"},
		"FCCTL_URL beats contexts":                  {current: "prod", env: []string{"FCCTL_URL", stage.URL, "FCCTL_TOKEN", "given", "FCCTL_CONTEXT", "prod"}, asks: stage, token: "given"},
		"--context beats the environment":           {env: []string{"FCCTL_URL", prod.URL}, args: "--context stage", asks: stage, token: "stage-token"},
		"--url beats everything":                    {current: "prod", env: []string{"FCCTL_URL", prod.URL}, args: "--token given --url " + stage.URL, asks: stage, token: "given"},
		"--token goes to the context's server":      {current: "prod", args: "--token given", asks: prod, token: "given"},
		"a URL finds its own session":               {args: "--url " + stage.URL + "/", asks: stage, token: "stage-token"},
		"a URL finds the running fcd dev":           {current: "prod", args: "--url " + dev.URL, asks: dev, token: "dev-token"},
		"--context dev is a running fcd dev":        {current: "prod", args: "--context dev", asks: dev, token: "dev-token"},
		"a session never goes to another server":    {current: "prod", args: "--url " + dev.URL, noDev: true, asks: dev, token: ""},
		"FCCTL_TOKEN wins over a context's session": {current: "prod", env: []string{"FCCTL_TOKEN", "given"}, asks: prod, token: "given"},
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			a, _, talk := fcctl(t, append(tc.env, "XDG_STATE_HOME", state, "XDG_CONFIG_HOME", state)...)
			write(t, filepath.Join(state, "flowcatalyst", "fcctl.json"), session.File{Current: tc.current, Contexts: map[string]*session.Account{
				"prod":  {URL: prod.URL, Session: &session.Stored{AccessToken: "prod-token", RefreshToken: "r", Expires: later}},
				"stage": {URL: stage.URL, Session: &session.Stored{AccessToken: "stage-token", RefreshToken: "r", Expires: later}},
			}})
			if !tc.noDev {
				write(t, filepath.Join(state, "flowcatalyst", "dev.json"), session.Dev{URL: dev.URL, AccessToken: "dev-token"})
			}
			code := Run(context.Background(), a, append([]string{"get", "subscriptions"}, strings.Fields(tc.args)...))
			if want := map[bool]int{true: fault.Refused}[tc.token == ""]; code != want {
				t.Errorf("exit %d: %s", code, talk)
			}
			if got := tc.asks.last(); got != tc.token {
				t.Errorf("the token was %q, not %q", got, tc.token)
			}
		})
	}
}

func TestLoginKeepsASessionThatRefreshes(t *testing.T) {
	p := newPlatform(t)
	home := t.TempDir()
	a, out, talk := fcctl(t, "HOME", home)
	run := func(stdin, args string) int {
		out.Reset()
		talk.Reset()
		a.In = strings.NewReader(stdin)
		return Run(context.Background(), a, strings.Fields(args))
	}
	if code := run("wrong\n", "login --email ops@example.com --password-stdin --url "+p.URL); code != fault.Refused || !strings.Contains(talk.String(), "password is wrong") {
		t.Fatalf("exit %d: %s", code, talk)
	}
	if code := run("correct horse\n", "login --email ops@example.com --password-stdin --url "+p.URL+" --context prod"); code != fault.OK {
		t.Fatalf("exit %d: %s", code, talk)
	}
	path := filepath.Join(home, ".config", "flowcatalyst", "fcctl.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if code := run("", "token"); code != fault.OK || out.String() != "login-token\n" {
		t.Errorf("exit %d, %q: %s", code, out, talk)
	}
	p.mu.Lock()
	delete(p.good, "login-token")
	p.mu.Unlock()
	if code := run("", "get subscriptions"); code != fault.OK || p.last() != "fresh-token" {
		t.Errorf("exit %d, token %s: %s", code, p.last(), talk)
	}
	b, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(b), "refresh-2") || strings.Contains(string(b), "correct horse") {
		t.Errorf("kept %s, %v", b, err)
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 2 { // it and its lock
		t.Errorf("left behind: %v, %v", names, err)
	}
}

func TestLoginAsksAtATerminal(t *testing.T) {
	p := newPlatform(t)
	a, out, talk := fcctl(t)
	a.Terminal, a.In = true, strings.NewReader("ops@example.com\n")
	a.ReadPassword = func() (string, error) { return "correct horse", nil }
	if code := Run(context.Background(), a, []string{"login", "--url", p.URL}); code != fault.OK || out.Len() > 0 {
		t.Fatalf("exit %d, %q: %s", code, out, talk)
	}
	if s := talk.String(); strings.Contains(s, "correct") || !strings.Contains(s, "Password of ops@example.com: ") || !strings.Contains(s, "Logged in") {
		t.Errorf("said %q", s)
	}
}

func TestFcdDevIsLoggedInToAgain(t *testing.T) {
	p := newPlatform(t)
	state := t.TempDir()
	a, _, talk := fcctl(t, "XDG_STATE_HOME", state)
	write(t, filepath.Join(state, "flowcatalyst", "dev.json"), session.Dev{URL: p.URL, AccessToken: "ran out", Email: "admin@example.com", Password: "correct horse"})
	if code := Run(context.Background(), a, []string{"get", "event-types"}); code != fault.OK || p.logins != 1 {
		t.Fatalf("exit %d, %d logins: %s", code, p.logins, talk)
	}
	if !slices.Equal(p.tokens, []string{"ran out", "login-token"}) {
		t.Errorf("tokens %v", p.tokens)
	}
}
