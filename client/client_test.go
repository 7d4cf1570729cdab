package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// request is what a fake server saw.
type request struct {
	method, path, query, body string
	header                    http.Header
}

// server answers requests in turn and remembers them.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []request
	pauses []time.Duration
}

// requests is what the server saw so far.
func (s *server) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// answer is one canned answer.
type answer struct {
	status int
	body   string
	header map[string]string
	cut    bool // close the connection without an answer
}

// serve starts a fake server and a client that does not wait between
// attempts. After the last answer the last one is repeated.
func serve(t *testing.T, o Options, answers ...answer) (*server, *Client) {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, request{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(b), r.Header})
		a := answers[min(len(s.seen), len(answers))-1]
		s.mu.Unlock()
		if a.cut {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(s.Close)
	o.URL = s.URL
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.sleep = func(ctx context.Context, d time.Duration) error {
		s.pauses = append(s.pauses, d)
		return ctx.Err()
	}
	return s, c
}

func TestPublishIsRepeatedWithTheSameIdentity(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]answer{
		"after 429": {status: 429}, "after 502": {status: 502}, "after 503": {status: 503},
		"after 504": {status: 504}, "after a cut connection": {cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := serve(t, Options{}, first, first, answer{status: 200, body: `{"id":"0HZXEQ5Y8JY50","duplicate":true}`})
			p, err := c.Events.Publish(t.Context(), NewEvent{Type: "shop:sales:order:placed", Data: map[string]int{"total": 3}})
			if err != nil || !p.Duplicate || p.ID != "0HZXEQ5Y8JY50" {
				t.Fatalf("published %+v, %v", p, err)
			}
			if len(s.requests()) != 3 || len(s.pauses) != 2 {
				t.Fatalf("%d requests with %d pauses", len(s.requests()), len(s.pauses))
			}
			var sent NewEvent
			if err := json.Unmarshal([]byte(s.requests()[0].body), &sent); err != nil || sent.DeduplicationID == "" {
				t.Fatalf("first body %s: %v", s.requests()[0].body, err)
			}
			for _, r := range s.requests()[1:] {
				if r.body != s.requests()[0].body || r.header.Get("Idempotency-Key") != s.requests()[0].header.Get("Idempotency-Key") {
					t.Errorf("the repetition differs: %+v", r)
				}
			}
		})
	}
}

func TestWhatIsNotRepeated(t *testing.T) {
	t.Parallel()
	connection := &resource.Connection{Code: "hooks", URL: "https://hooks.example.com"}
	for name, tc := range map[string]struct {
		first answer
		do    func(*Client) error
	}{
		"an apply whose answer was lost": {answer{cut: true}, func(c *Client) error {
			_, err := c.Apply(context.Background(), ApplyRequest{Manifest: "orders"})
			return err
		}},
		"an apply behind a broken gateway": {answer{status: 504}, func(c *Client) error {
			_, err := c.Apply(context.Background(), ApplyRequest{Manifest: "orders"})
			return err
		}},
		"a conditional update whose answer was lost": {answer{cut: true}, func(c *Client) error {
			_, err := c.Resources(resource.KindConnection).Update(context.Background(), "hooks", connection, 3)
			return err
		}},
		"a bad request": {answer{status: 400}, func(c *Client) error {
			_, err := c.Events.Publish(context.Background(), NewEvent{})
			return err
		}},
		"a wait of an hour": {answer{status: 503, header: map[string]string{"Retry-After": "3600"}}, func(c *Client) error {
			_, err := c.Events.Get(context.Background(), "1")
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := serve(t, Options{}, tc.first)
			if err := tc.do(c); err == nil {
				t.Fatal("no error")
			}
			// net/http itself repeats a GET on a connection that was cut.
			if len(s.requests()) != 1 {
				t.Errorf("%d requests", len(s.requests()))
			}
		})
	}
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{Retries: 3}, answer{status: 503, header: map[string]string{"Retry-After": "7"}})
	_, err := c.Events.Get(t.Context(), "1")
	var e *Error
	if !errors.As(err, &e) || e.Status != 503 || e.RetryAfter != 7*time.Second {
		t.Fatalf("got %v", err)
	}
	if len(s.requests()) != 4 || len(s.pauses) != 3 {
		t.Fatalf("%d requests, pauses %v", len(s.requests()), s.pauses)
	}
	for _, d := range s.pauses {
		if d < 7*time.Second {
			t.Errorf("waited %s, less than Retry-After", d)
		}
	}
	s, c = serve(t, Options{Retries: -1}, answer{status: 503})
	if _, err := c.Events.Get(t.Context(), "1"); err == nil || len(s.requests()) != 1 {
		t.Errorf("without retries: %d requests, %v", len(s.requests()), err)
	}
}

func TestPausesGrowAndScatter(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{Retries: 8}, answer{status: 503})
	_, _ = c.Events.Get(t.Context(), "1")
	for n, d := range s.pauses {
		middle := min(firstPause<<n, maxPause)
		if d < middle/2 || d > middle*3/2 {
			t.Errorf("pause %d is %s, not about %s", n, d, middle)
		}
	}
}

func TestCancelledContextEndsTheWait(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, c := serve(t, Options{}, answer{status: 503})
	c.sleep = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	_, err := c.Events.Get(ctx, "1")
	if !errors.Is(err, context.Canceled) || StatusOf(err) != 503 || len(s.requests()) != 1 {
		t.Errorf("%d requests: %v", len(s.requests()), err)
	}
}

func TestErrorCarriesTheProblem(t *testing.T) {
	t.Parallel()
	_, c := serve(t, Options{}, answer{status: 409, body: `{"type":"https://flowcatalyst.example.com/problems/stale-plan","title":"Stale plan",
		"status":409,"detail":"1 resource has changed since the plan: url: must be an absolute URL (try: https://hooks.example.com/orders)","code":"STALE_PLAN","message":"1 resource has changed","error":"STALE_PLAN","requestId":"req-1",
		"conflicts":[{"kind":"connection","code":"hooks","detail":"is at revision 4, not 3"}],
		"problems":[{"kind":"connection","code":"hooks","field":"url","detail":"must be an absolute URL","try":"https://hooks.example.com/orders"}]}`})
	_, err := c.Apply(t.Context(), ApplyRequest{})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if e.Code != CodeStalePlan || e.RequestID != "req-1" || len(e.Conflicts) != 1 || len(e.Problems) != 1 || e.Message != "1 resource has changed since the plan" {
		t.Errorf("%+v", e)
	}
	const want = "POST /api/apply: 409 STALE_PLAN: 1 resource has changed since the plan; connection hooks: url: must be an absolute URL (try: https://hooks.example.com/orders); connection hooks: is at revision 4, not 3 (request req-1)"
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
}

func TestErrorOfAProxyHasNoProblem(t *testing.T) {
	t.Parallel()
	_, c := serve(t, Options{Retries: -1}, answer{status: 502, body: "<html>Bad gateway</html>"})
	_, err := c.Events.Get(t.Context(), "1")
	if err == nil || err.Error() != "GET /api/events/1: 502: Bad Gateway" {
		t.Error(err)
	}
}

func TestRefusedConnectionSaysSoOnce(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{Retries: -1}, answer{status: 200})
	s.Close()
	_, err := c.Events.Get(t.Context(), "1")
	if err == nil || strings.Count(err.Error(), s.URL) != 1 || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
}

func TestListWalksThePages(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{},
		answer{status: 200, body: `{"dispatchJobs":[{"id":"3","status":"FAILED"},{"id":"2"}],"nextCursor":"abc","hasMore":true}`},
		answer{status: 200, body: `{"dispatchJobs":[],"nextCursor":"def","hasMore":true,"partial":true}`},
		answer{status: 200, body: `{"dispatchJobs":[{"id":"1"}],"nextCursor":"ghi","hasMore":false}`})
	var ids []string
	since := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for j, err := range c.Jobs.List(t.Context(), JobFilter{Status: []string{JobFailed, JobExpired}, Since: since, PageSize: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, j.ID)
	}
	if !slices.Equal(ids, []string{"3", "2", "1"}) {
		t.Errorf("got %v", ids)
	}
	if q := s.requests()[0].query; q != "limit=2&since=2026-01-02T15%3A04%3A05Z&status=FAILED&status=EXPIRED" {
		t.Errorf("first query %s", q)
	}
	if q := s.requests()[2].query; !strings.HasPrefix(q, "cursor=def&") {
		t.Errorf("third query %s", q)
	}
}

func TestListEndsWithTheErrorOfAPage(t *testing.T) {
	t.Parallel()
	_, c := serve(t, Options{}, answer{status: 200, body: `{"events":[{"id":"1"}],"nextCursor":"a","hasMore":true}`}, answer{status: 403})
	n, last := 0, error(nil)
	for _, err := range c.Events.List(t.Context(), EventFilter{}) {
		n, last = n+1, err
	}
	if n != 2 || StatusOf(last) != 403 {
		t.Errorf("%d items, %v", n, last)
	}
}

func TestBatchIsCutIntoRequests(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sizes []int
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Items []NewEvent }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		mu.Lock()
		sizes = append(sizes, len(body.Items))
		mu.Unlock()
		res := make([]BatchResult, len(body.Items))
		for i, e := range body.Items {
			res[i] = BatchResult{ID: e.Subject, Status: BatchSuccess}
			if e.DeduplicationID == "" {
				t.Error("an item has no deduplication id")
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"results": res})
	}))
	defer srv.Close()
	c, err := New(Options{URL: srv.URL + "/"})
	if err != nil {
		t.Fatal(err)
	}
	events := make([]NewEvent, 2500)
	for i := range events {
		events[i].Subject = string(rune('a' + i%26))
	}
	res, err := c.Events.PublishBatch(t.Context(), events)
	mu.Lock()
	defer mu.Unlock()
	if err != nil || len(res) != 2500 || !slices.Equal(sizes, []int{1000, 1000, 500}) {
		t.Fatalf("%d results of requests %v: %v", len(res), sizes, err)
	}
	for i, r := range res {
		if r.ID != events[i].Subject || !r.OK() {
			t.Fatalf("result %d is %+v", i, r)
		}
	}
	if events[0].DeduplicationID != "" {
		t.Error("the caller's events were changed")
	}
}

func TestBatchKeepsTheResultsBeforeAnError(t *testing.T) {
	t.Parallel()
	first := `{"results":[` + strings.TrimSuffix(strings.Repeat(`{"status":"SUCCESS"},`, MaxBatch), ",") + `]}`
	_, c := serve(t, Options{}, answer{status: 200, body: first}, answer{status: 413})
	res, err := c.Events.PublishBatch(t.Context(), make([]NewEvent, MaxBatch+5))
	if len(res) != MaxBatch || StatusOf(err) != 413 || !strings.Contains(err.Error(), "events 1001 to 1005") {
		t.Errorf("%d results, %v", len(res), err)
	}
}

func TestCreateSendsSecretsAndReadsFingerprints(t *testing.T) {
	t.Parallel()
	conn := &resource.Connection{Code: "hooks", URL: "https://hooks.example.com"}
	conn.Signing = resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret("whsec_aGVsbG8=")}
	s, c := serve(t, Options{Token: "tok"}, answer{status: 201, body: `{"id":"con_1","code":"hooks","revision":1,"signing":{"scheme":"standard-webhooks","secret":{"fingerprint":"sha256:abc"}}}`},
		answer{status: 204, header: map[string]string{"ETag": `"2"`}})
	got, err := c.Resources(resource.KindConnection).Create(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.requests()[0].body, `"whsec_aGVsbG8="`) || s.requests()[0].header.Get("Authorization") != "Bearer tok" {
		t.Errorf("sent %+v", s.requests()[0])
	}
	if sec := got.(*resource.Connection).Signing.Secret; sec.Known() || sec.Fingerprint() != "sha256:abc" || got.Base().ID != "con_1" {
		t.Errorf("got %+v", got)
	}
	rev, err := c.Resources(resource.KindConnection).Update(t.Context(), "a:b/c", map[string]string{"name": "Hooks"}, 1)
	if err != nil || rev != 2 {
		t.Errorf("revision %d, %v", rev, err)
	}
	if r := s.requests()[1]; r.path != "/api/connections/a:b%2Fc" || r.header.Get("If-Match") != `"1"` || r.body != `{"name":"Hooks"}` {
		t.Errorf("sent %+v", r)
	}
}

func TestVerbsOfKinds(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{}, answer{status: 200, body: `{"code":"x"}`})
	for _, k := range []resource.Kind{resource.KindSubscription, resource.KindDispatchPool} {
		if _, err := c.Resources(k).Pause(t.Context(), "x"); err != nil {
			t.Error(err)
		}
		if _, err := c.Resources(k).Resume(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Resources("nonsense").Get(t.Context(), "x"); err == nil {
		t.Error("an unknown kind was read")
	}
	var paths []string
	for _, r := range s.requests() {
		paths = append(paths, strings.TrimPrefix(r.path, "/api"))
		if r.body != "" || r.header.Get("Content-Type") != "" {
			t.Errorf("%s has a body", r.path)
		}
	}
	want := []string{"/subscriptions/x/pause", "/subscriptions/x/resume", "/dispatch-pools/x/suspend", "/dispatch-pools/x/activate", "/nonsense/x"}
	if !slices.Equal(paths, want) {
		t.Errorf("got %v", paths)
	}
}

func TestSessionsRefreshOnceAndAreKept(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	good, refreshes := "old", 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/auth/refresh" {
			refreshes++
			good = "new"
			_, _ = io.WriteString(w, `{"accessToken":"new","refreshToken":"r2","expiresIn":3600}`)
			return
		}
		if r.Header.Get("Authorization") != "Bearer "+good {
			w.WriteHeader(401)
			return
		}
		_, _ = io.WriteString(w, `{"id":"1"}`)
	}))
	defer srv.Close()
	plain, err := New(Options{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	src := NewSessions(plain, Session{AccessToken: "old", RefreshToken: "r1"}, time.Time{})
	var kept []string
	src.Changed = func(s Session) error { kept = append(kept, s.RefreshToken); return nil }
	c, err := New(Options{URL: srv.URL, TokenSource: src})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Events.Get(t.Context(), "1")
	mu.Lock()
	if err != nil || refreshes != 0 {
		t.Fatalf("%d refreshes, %v", refreshes, err)
	}
	good = "none of them" // the old token runs out
	mu.Unlock()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := c.Events.Get(t.Context(), "1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	if refreshes != 1 || !slices.Equal(kept, []string{"r2"}) {
		t.Errorf("%d refreshes, kept %v", refreshes, kept)
	}
}

func TestSessionOver(t *testing.T) {
	t.Parallel()
	_, plain := serve(t, Options{}, answer{status: 401, body: `{"code":"UNAUTHENTICATED","detail":"the refresh token was used before"}`})
	src := NewSessions(plain, Session{AccessToken: "a", RefreshToken: "r"}, time.Now().Add(time.Second))
	if _, err := src.Token(t.Context()); !errors.Is(err, ErrSessionOver) || StatusOf(err) != 401 {
		t.Error(err)
	}
}

func TestNewRefusesBadURLs(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "localhost:8080", "ftp://x.example.com", "http://", "http://user:hunter2@x.example.com"} {
		if _, err := New(Options{URL: u}); err == nil {
			t.Errorf("%q was accepted", u)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}
