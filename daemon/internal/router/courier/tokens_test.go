package courier

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// issuer is a token endpoint. Its tokens are t1, t2 and so on.
type issuer struct {
	*httptest.Server
	n      atomic.Int64
	answer func(n int64, w http.ResponseWriter, r *http.Request) // nil: as it should be
}

func newIssuer(t *testing.T, answer func(n int64, w http.ResponseWriter, r *http.Request)) *issuer {
	t.Helper()
	s := &issuer{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := s.n.Add(1)
		if s.answer != nil {
			s.answer(n, w, r)
			return
		}
		grant(w, n, 3600)
	}))
	t.Cleanup(s.Close)
	return s
}

func grant(w http.ResponseWriter, n, seconds int64) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":"t%d","token_type":"Bearer","expires_in":%d}`, n, seconds)
}

func oauth(tokenURL string) func(*resource.Connection) {
	return func(c *resource.Connection) {
		c.Auth = resource.Auth{Type: resource.AuthOAuth2, TokenURL: tokenURL, ClientID: "fc:1", ClientSecret: resource.NewSecret("s3cret/+"),
			Scopes: []string{"a", "b"}, Audience: "https://hooks.example.com"}
	}
}

// clock is a clock that is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

func newClock() (*clock, func(*Options)) {
	c := &clock{now: time.Now()}
	return c, func(o *Options) { o.Now = c.Now }
}

func TestATokenIsAskedForOnceAndServesUntilNearItsEnd(t *testing.T) {
	t.Parallel()
	asked := make(chan url.Values, 10)
	s := newIssuer(t, func(n int64, w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		user, password, _ := r.BasicAuth()
		r.PostForm.Set("basic", user+" "+password)
		asked <- r.PostForm
		grant(w, n, 600)
	})
	hooks, seen := receiver(t, always(200))
	ticks, at := newClock()
	o, c := to(t, hooks, oauth(s.URL), at)
	deliver := func(want string) {
		t.Helper()
		var w Desk
		if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Delivered {
			t.Fatal(a.Error)
		}
		if got := (<-seen).Get("Authorization"); got != "Bearer "+want {
			t.Errorf("Authorization is %q, want %s", got, want)
		}
	}
	deliver("t1")
	form := <-asked
	want := url.Values{"grant_type": {"client_credentials"}, "scope": {"a b"}, "audience": {"https://hooks.example.com"}, "basic": {"fc%3A1 s3cret%2F%2B"}}
	if form.Encode() != want.Encode() {
		t.Errorf("asked with %v, want %v", form, want)
	}
	deliver("t1")
	c.Forget() // the catalog changed elsewhere
	deliver("t1")
	ticks.forward(9 * time.Minute) // a minute is left: it serves, and is renewed
	deliver("t1")
	<-asked
	eventually(t, "the new token", func() bool {
		c.prepared.mu.RLock()
		defer c.prepared.mu.RUnlock()
		for _, p := range c.prepared.byKey {
			p.tokens.mu.Lock()
			defer p.tokens.mu.Unlock()
			return p.tokens.fetch == nil
		}
		return false
	})
	deliver("t2")
	if n := s.n.Load(); n != 2 {
		t.Errorf("%d tokens were asked for", n)
	}
}

func TestTheClientsCredentialsCanGoInTheForm(t *testing.T) {
	t.Parallel()
	asked := make(chan *http.Request, 1)
	s := newIssuer(t, func(n int64, w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		asked <- r
		grant(w, n, 600)
	})
	hooks, _ := receiver(t, always(200))
	o, c := to(t, hooks, func(con *resource.Connection) { oauth(s.URL)(con); con.Auth.ClientAuth = "body" })
	var w Desk
	if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Delivered {
		t.Fatal(a.Error)
	}
	r := <-asked
	if r.PostForm.Get("client_id") != "fc:1" || r.PostForm.Get("client_secret") != "s3cret/+" || r.Header.Get("Authorization") != "" {
		t.Errorf("asked with %v, %v", r.PostForm, r.Header)
	}
}

func TestManyDeliveriesWaitForOneToken(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	s := newIssuer(t, func(n int64, w http.ResponseWriter, _ *http.Request) {
		<-gate
		grant(w, n, 600)
	})
	hooks, seen := receiver(t, always(200))
	o, c := to(t, hooks, oauth(s.URL))
	var workers sync.WaitGroup
	for range 20 {
		workers.Go(func() {
			var w Desk
			if a := c.Exchange(context.Background(), o, &w); a.Verdict != flow.Delivered {
				t.Error(a.Error)
			}
		})
	}
	eventually(t, "the request for a token", func() bool { return s.n.Load() > 0 })
	close(gate)
	workers.Wait()
	if n := s.n.Load(); n != 1 || len(seen) != 20 {
		t.Errorf("%d tokens were asked for, %d deliveries made", n, len(seen))
	}
}

func TestAfterA401ThereIsOneMoreTryWithAFreshToken(t *testing.T) {
	t.Parallel()
	s := newIssuer(t, nil)
	var good atomic.Value
	good.Store("Bearer t1")
	hooks, seen := receiver(t, func(r *http.Request) int {
		if r.Header.Get("Authorization") != good.Load() {
			return 401
		}
		return 200
	})
	ticks, at := newClock()
	o, c := to(t, hooks, oauth(s.URL), at)
	var w Desk
	exchange := func(verdict flow.Verdict, requests int) flow.Attempt {
		t.Helper()
		a := c.Exchange(t.Context(), o, &w)
		if a.Verdict != verdict || len(seen) != requests {
			t.Fatalf("%s after %d requests: %s", a.Verdict, len(seen), a.Error)
		}
		for len(seen) > 0 {
			<-seen
		}
		return a
	}
	exchange(flow.Delivered, 1)
	good.Store("Bearer t2") // the issuer was restarted, say
	ticks.forward(time.Minute)
	exchange(flow.Delivered, 2)
	// An endpoint that accepts nothing costs one more request now and then,
	// and not a token for each delivery.
	good.Store("none")
	exchange(flow.Retry, 1) // the token is younger than ten seconds
	ticks.forward(time.Minute)
	a := exchange(flow.Retry, 2)
	if a.Status != 401 || !strings.Contains(a.Error, "401") {
		t.Errorf("attempt %d: %s", a.Status, a.Error)
	}
	exchange(flow.Retry, 1)
	if n := s.n.Load(); n != 3 {
		t.Errorf("%d tokens were asked for", n)
	}
}

func TestATokenEndpointInTroubleIsTheConnectionsProblem(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, tt := range map[string]struct {
		answer func(n int64, w http.ResponseWriter, r *http.Request)
		url    string
		kind   flow.ErrorType
		text   string
	}{
		"refuses the client": {func(_ int64, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(401)
			_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"s3cret/+ is wrong"}`)
		}, "", flow.ErrorConnection, "401 invalid_client"},
		"fails":            {func(_ int64, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "", flow.ErrorConnection, "answered 500"},
		"redirects":        {func(_ int64, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) }, "", flow.ErrorConnection, "answered 302"},
		"answers a page":   {func(_ int64, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "", flow.ErrorConnection, "no access_token"},
		"answers no token": {func(_ int64, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }, "", flow.ErrorConnection, "no access_token"},
		"gives a MAC token": {func(_ int64, w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"access_token":"x","token_type":"mac"}`)
		}, "", flow.ErrorConnection, "no bearer"},
		"gives a line break": {func(_ int64, w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"access_token":"x\r\nX-Evil: 1"}`)
		}, "", flow.ErrorConnection, "header"},
		"is not there": {nil, closed.URL, flow.ErrorConnection, "refused"},
		"hangs": {func(_ int64, _ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, "", flow.ErrorConnection, "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newIssuer(t, tt.answer)
			tokenURL := s.URL
			if tt.url != "" {
				tokenURL = tt.url
			}
			hooks, seen := receiver(t, always(200))
			o, c := to(t, hooks, oauth(tokenURL))
			o.Job.Policy.Timeout = 5 * time.Second
			if name == "hangs" {
				o.Job.Policy.Timeout = 50 * time.Millisecond
			}
			var w Desk
			a := c.Exchange(t.Context(), o, &w)
			if a.Verdict != flow.Retry || a.ErrorType != tt.kind || !strings.Contains(a.Error, tt.text) || !strings.Contains(a.Error, "warehouse") {
				t.Errorf("%s %s: %s", a.Verdict, a.ErrorType, a.Error)
			}
			if strings.Contains(a.Error, "s3cret") || strings.ContainsAny(a.Error, "\r\n") {
				t.Errorf("the error says too much: %q", a.Error)
			}
			// It is not asked again by the next delivery, which does not wait either.
			asked := s.n.Load()
			if b := c.Exchange(t.Context(), o, &w); b.Verdict != flow.Retry || s.n.Load() != asked || b.Duration > 3*time.Second {
				t.Errorf("the second delivery: %s after %s, %d requests", b.Error, b.Duration, s.n.Load()-asked)
			}
			// Others go on.
			other, oc := to(t, hooks, func(*resource.Connection) {})
			if b := oc.Exchange(t.Context(), other, &w); b.Verdict != flow.Delivered || len(seen) != 1 {
				t.Errorf("another connection: %s; %d deliveries seen", b.Error, len(seen))
			}
		})
	}
}

func TestATokenEndpointThatRecoversIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := newIssuer(t, func(n int64, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(503)
			return
		}
		grant(w, n, 600)
	})
	hooks, _ := receiver(t, always(200))
	ticks, at := newClock()
	o, c := to(t, hooks, oauth(s.URL), at)
	var w Desk
	if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Retry {
		t.Fatal(a.Verdict)
	}
	ticks.forward(tokenPause)
	if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Delivered {
		t.Fatal(a.Error)
	}
}

func TestRequestsForTokensKeepTheEgressRules(t *testing.T) {
	t.Parallel()
	s := newIssuer(t, nil)
	for _, e := range []Egress{{DenyPrivate: true}, {HTTPSOnly: true}} {
		hooks := "https://192.0.2.1/hooks"
		o, c := to(t, hooks, oauth(s.URL), func(o *Options) { o.Egress = e })
		var w Desk
		if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Reject || a.ErrorType != flow.ErrorEgressDenied || !strings.Contains(a.Error, "token_url") {
			t.Errorf("%+v: %s %s: %s", e, a.Verdict, a.ErrorType, a.Error)
		}
	}
	if s.n.Load() != 0 {
		t.Error("the token endpoint was reached")
	}
}

func TestConnectionsDoNotShareTokens(t *testing.T) {
	t.Parallel()
	s := newIssuer(t, nil)
	hooks, seen := receiver(t, always(200))
	o, c := to(t, hooks, oauth(s.URL))
	var w Desk
	for _, change := range []func(*resource.Connection){
		func(*resource.Connection) {},
		func(con *resource.Connection) { con.ID = "con_2" },
		func(con *resource.Connection) { con.Auth.ClientSecret = resource.NewSecret("other") },
		func(con *resource.Connection) { con.Auth.Scopes = nil },
	} {
		con := *o.Route.Connection
		change(&con)
		again := *o
		again.Route.Connection = &con
		if a := c.Exchange(t.Context(), &again, &w); a.Verdict != flow.Delivered {
			t.Fatal(a.Error)
		}
	}
	for n := range 4 {
		if got := (<-seen).Get("Authorization"); got != fmt.Sprint("Bearer t", n+1) {
			t.Errorf("delivery %d had %q", n, got)
		}
	}
	c.tokens.expire(time.Now().Add(time.Hour))
	if n := len(c.tokens.all); n != 0 {
		t.Errorf("%d tokens are remembered for ever", n)
	}
}

func TestATokenEndpointMayHaveTheConnectionsAuthority(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	issuer := a.server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		discard(w, r)
		grant(w, 1, 600)
	}), "localhost", time.Now().Add(time.Hour), nil)
	url := strings.Replace(issuer.URL, "127.0.0.1", "localhost", 1)
	hooks, seen := receiver(t, always(200))
	var w Desk
	for ca, text := range map[string]string{a.text: "", "": "signed by nobody we trust", newAuthority(t).text: "signed by nobody we trust"} {
		o, c := to(t, hooks, func(con *resource.Connection) { oauth(url)(con); con.TLS.CA = ca })
		if at := c.Exchange(t.Context(), o, &w); (at.Verdict == flow.Delivered) != (text == "") || !strings.Contains(at.Error, text) {
			t.Errorf("%s: %s", at.Verdict, at.Error)
		}
	}
	if len(seen) != 1 {
		t.Errorf("%d deliveries", len(seen))
	}
}

func TestTheLifeOfATokenIsReadHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]time.Duration{
		"3600": time.Hour, `"60"`: time.Minute, "": tokenLife, "null": time.Second, `"soon"`: tokenLife, "-5": time.Second, "0": time.Second, "1e300": 30 * 24 * time.Hour, "[]": tokenLife,
	} {
		if got := lifeOf(json.RawMessage(raw)); got != want {
			t.Errorf("expires_in %s is %s, want %s", raw, got, want)
		}
	}
}
