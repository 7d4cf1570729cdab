package courier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

const (
	// tokenTimeout bounds one request for a token.
	tokenTimeout = 10 * time.Second
	// tokenPause is how long a failure is remembered, so that a token
	// endpoint in trouble is not asked by each delivery, and no delivery
	// waits for what just failed.
	tokenPause = 5 * time.Second
	// tokenAhead is how long before its end a token is renewed, at most: a
	// fifth of a short life.
	tokenAhead = time.Minute
	// tokenLife is that of a token whose endpoint does not say.
	tokenLife = 5 * time.Minute
	// tokenYoung is the age below which a 401 is not the token's fault.
	tokenYoung = 10 * time.Second
	// tokensKept is how long tokens that nobody uses are remembered.
	tokensKept = 30 * time.Minute
	// tokenAnswer bounds what is read of a token endpoint's answer.
	tokenAnswer = 64 << 10
)

// tokenStock has the tokens of all connections with OAuth2 client credentials.
// A catalog that changes elsewhere leaves them as they are.
type tokenStock struct {
	ways   *ways
	egress *Egress
	agent  string
	now    func() time.Time
	life   context.Context // of the requests for tokens

	mu  sync.Mutex
	all map[string]*tokens
}

// tokens are those of one connection with one set of credentials.
type tokens struct {
	stock *tokenStock
	send  *http.Transport // to the token endpoint
	own   bool            // which is of these tokens alone
	auth  resource.Auth
	code  string // of the connection

	mu      sync.Mutex
	current *bearer
	fetch   *fetch // the one that is under way
	failure error
	resting time.Time // until when failure is the answer
	used    time.Time
}

// bearer is an access token. It is not changed.
type bearer struct {
	header           string // the value of Authorization
	got, renew, ends time.Time
}

// fetch is one request for a token, which any number of deliveries wait for.
type fetch struct {
	done  chan struct{}
	token *bearer
	err   error
}

// tokenError is why there is no token. It says nothing secret.
type tokenError struct {
	code string // of the connection
	kind flow.ErrorType
	text string
}

func (e *tokenError) Error() string {
	return "there is no token for the connection " + e.code + ": " + e.text
}

// of returns the tokens of a connection.
func (s *tokenStock) of(c *resource.Connection, now time.Time) *tokens {
	key := c.ID + "#" + identity(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.all[key]
	if t == nil {
		t = &tokens{stock: s, auth: c.Auth, code: c.Code}
		t.send, t.own = s.ways.toIssuer(&c.TLS, now)
		if s.all == nil {
			s.all = map[string]*tokens{}
		}
		s.all[key] = t
	}
	t.use(now)
	return t
}

// expire forgets what nobody has used since a time.
func (s *tokenStock) expire(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, t := range s.all {
		if t.idle(before) {
			delete(s.all, key)
			if t.own {
				t.send.CloseIdleConnections()
			}
		}
	}
}

func (t *tokens) use(now time.Time) {
	t.mu.Lock()
	t.used = now
	t.mu.Unlock()
}

func (t *tokens) idle(before time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used.Before(before) && t.fetch == nil
}

// get returns a token that is good, waiting for one if it must. A token near
// its end is renewed while it still serves.
func (t *tokens) get(ctx context.Context) (*bearer, error) {
	now := t.stock.now()
	t.mu.Lock()
	t.used = now
	resting := now.Before(t.resting)
	if k := t.current; k != nil && now.Before(k.ends) {
		if !now.Before(k.renew) && t.fetch == nil && !resting {
			t.begin()
		}
		t.mu.Unlock()
		return k, nil
	}
	if resting && t.fetch == nil {
		err := t.failure
		t.mu.Unlock()
		return nil, err
	}
	if t.fetch == nil {
		t.begin()
	}
	f := t.fetch
	t.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return nil, &tokenError{t.code, flow.ErrorConnection, "the token endpoint did not answer in time. Check token_url and the load there"}
	}
}

// refused takes a token that the endpoint answered with 401 out of use. It is
// false if a fresh one would not be better.
func (t *tokens) refused(k *bearer) bool {
	now := t.stock.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == k {
		if now.Sub(k.got) < tokenYoung {
			return false
		}
		t.current = nil
	}
	return true
}

// begin starts a fetch. The lock is held.
func (t *tokens) begin() {
	f := &fetch{done: make(chan struct{})}
	t.fetch = f
	go func() {
		defer close(f.done)
		ctx, cancel := context.WithTimeout(t.stock.life, tokenTimeout)
		defer cancel()
		f.token, f.err = t.request(ctx)
		now := t.stock.now()
		t.mu.Lock()
		defer t.mu.Unlock()
		t.fetch = nil
		if f.err != nil {
			t.failure, t.resting = f.err, now.Add(tokenPause)
			return
		}
		t.current, t.failure, t.resting = f.token, nil, time.Time{}
	}()
}

// request asks the token endpoint, RFC 6749 §4.4.
func (t *tokens) request(ctx context.Context) (k *bearer, err error) {
	fail := func(kind flow.ErrorType, format string, args ...any) (*bearer, error) {
		return nil, &tokenError{t.code, kind, fmt.Sprintf(format, args...)}
	}
	defer func() { // nobody else would catch it
		if p := recover(); p != nil {
			k, err = fail(flow.ErrorUnknown, "the request for it failed in the router")
		}
	}()
	a := &t.auth
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(a.Scopes) > 0 {
		form.Set("scope", strings.Join(a.Scopes, " "))
	}
	if a.Audience != "" {
		form.Set("audience", a.Audience)
	}
	if a.ClientAuth == "body" {
		form.Set("client_id", a.ClientID)
		form.Set("client_secret", a.ClientSecret.Reveal())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return fail(flow.ErrorConfiguration, "token_url is not a URL")
	}
	if t.stock.egress.HTTPSOnly && r.URL.Scheme != "https" {
		return fail(flow.ErrorEgressDenied, "the router's egress block has https_only, and token_url begins with http://")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", t.stock.agent)
	if a.ClientAuth != "body" {
		// RFC 6749 §2.3.1: both parts are form-encoded first.
		r.Header.Set("Authorization", basic(url.QueryEscape(a.ClientID), url.QueryEscape(a.ClientSecret.Reveal())))
	}
	began := t.stock.now()
	resp, err := t.send.RoundTrip(r)
	if err != nil {
		var egress *egressError
		if errors.As(err, &egress) {
			return fail(flow.ErrorEgressDenied, "token_url: %s", egress)
		}
		if ctx.Err() != nil {
			return fail(flow.ErrorConnection, "the token endpoint did not answer within %s. Check token_url and the load there", tokenTimeout)
		}
		_, text := fault(err, &request{timeout: tokenTimeout})
		return fail(flow.ErrorConnection, "at the token endpoint, %s", text)
	}
	defer func() { _ = resp.Body.Close() }() // all that matters was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, tokenAnswer))
	if err != nil {
		return fail(flow.ErrorConnection, "the token endpoint's answer broke off")
	}
	var answer struct {
		AccessToken string          `json:"access_token"`
		TokenType   string          `json:"token_type"`
		ExpiresIn   json.RawMessage `json:"expires_in"`
		Error       string          `json:"error"`
	}
	unreadable := json.Unmarshal(body, &answer)
	switch {
	case resp.StatusCode != http.StatusOK && answer.Error != "":
		return fail(flow.ErrorConnection, "the token endpoint answered %d %s. Check client_id, client_secret and scopes in the connection's auth block", resp.StatusCode, brief(errors.New(answer.Error)))
	case resp.StatusCode != http.StatusOK:
		return fail(flow.ErrorConnection, "the token endpoint answered %d. Check token_url, client_id and client_secret in the connection's auth block", resp.StatusCode)
	case unreadable != nil, answer.AccessToken == "":
		return fail(flow.ErrorConnection, "the token endpoint's answer has no access_token. Check token_url")
	case answer.TokenType != "" && !strings.EqualFold(answer.TokenType, "bearer"):
		return fail(flow.ErrorConnection, "the token endpoint gives tokens that are no bearer tokens")
	case !plainValue(answer.AccessToken) || strings.ContainsAny(answer.AccessToken, " \t") || len(answer.AccessToken) > 32<<10:
		return fail(flow.ErrorConnection, "the token endpoint's token can not stand in a header")
	}
	life := lifeOf(answer.ExpiresIn)
	return &bearer{
		header: "Bearer " + answer.AccessToken, got: began,
		renew: began.Add(life - min(life/5, tokenAhead)), ends: began.Add(life),
	}, nil
}

// lifeOf reads expires_in: seconds, which some endpoints write as text.
func lifeOf(raw json.RawMessage) time.Duration {
	var seconds float64
	if err := json.Unmarshal([]byte(strings.Trim(string(raw), `"`)), &seconds); err != nil {
		return tokenLife
	}
	const longest = 30 * 24 * 60 * 60
	return time.Duration(min(max(seconds, 1), longest) * float64(time.Second))
}
