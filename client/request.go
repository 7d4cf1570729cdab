package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The bounds of a call.
const (
	// maxAnswer is the most that is read of an answer.
	maxAnswer = 64 << 20
	// firstPause is the middle of the first pause; each is twice the last.
	firstPause = 250 * time.Millisecond
	maxPause   = 10 * time.Second
	// maxRetryAfter is the longest Retry-After that is waited for; beyond it
	// the caller decides.
	maxRetryAfter = time.Minute
)

// A call is one request, as often as it has to be sent.
type call struct {
	method string
	path   string // below the base, escaped
	query  url.Values
	body   any // JSON, if not nil
	// form is a body of the kind that OAuth endpoints take, instead of JSON.
	form url.Values
	// user and secret are for HTTP Basic, if user is not empty.
	user, secret string
	// key is an Idempotency-Key: it makes a POST repeatable.
	key string
	// match is an If-Match.
	match string
	// also is a status besides 2xx that brings what was asked for.
	also int
	// open says that the route takes no token.
	open bool
}

// repeatable says that the request may be sent again although the server may
// have acted on it.
func (k call) repeatable() bool {
	switch k.method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodPut, http.MethodDelete:
		return k.match == ""
	}
	return k.key != ""
}

// do sends the request, repeats it where that helps, and decodes a 2xx into
// out if out is not nil. The header is the answer's.
func (c *Client) do(ctx context.Context, k call, out any) (http.Header, error) {
	var body []byte
	if k.body != nil {
		var err error
		if body, err = encode(k.body); err != nil {
			return nil, fmt.Errorf("%s %s: encode the body: %w", k.method, k.path, err)
		}
	}
	if k.form != nil {
		body = []byte(k.form.Encode())
	}
	renewed := false
	for n := 0; ; n++ {
		token, err := c.token(ctx, k)
		if err != nil {
			return nil, err
		}
		h, err := c.once(ctx, k, body, token, out)
		if err == nil {
			return h, nil
		}
		var refused *Error
		if errors.As(err, &refused) && refused.Status == http.StatusUnauthorized && token != "" && !renewed {
			// A token may have run out on the way. A source that can get
			// another is asked once.
			renewed = true
			c.tokens.Reject(token)
			again, terr := c.tokens.Token(ctx)
			switch {
			case terr == nil && again != token:
				continue
			case terr != nil && !errors.Is(terr, ErrSessionOver):
				return nil, fmt.Errorf("get another token: %w", terr)
			}
			return nil, err
		}
		wait, again := c.pause(k, n, err)
		if !again {
			return nil, err
		}
		if serr := c.sleep(ctx, wait); serr != nil {
			return nil, fmt.Errorf("%w; gave up waiting to repeat it: %w", err, serr)
		}
	}
}

func (c *Client) token(ctx context.Context, k call) (string, error) {
	if k.open || c.tokens == nil {
		return "", nil
	}
	token, err := c.tokens.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("get a token: %w", err)
	}
	return token, nil
}

// pause says whether and after how long to repeat a request that failed for
// the n-th time, counted from 0.
func (c *Client) pause(k call, n int, err error) (time.Duration, bool) {
	if n >= c.retries || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return 0, false
	}
	backoff := min(firstPause<<min(n, 10), maxPause)
	// From half to one and a half: many clients must not return in step.
	backoff = backoff/2 + mathrand.N(backoff)

	var refused *Error
	if !errors.As(err, &refused) {
		var lost *connectionError
		return backoff, errors.As(err, &lost) && (k.repeatable() || lost.unsent())
	}
	switch refused.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		if !k.repeatable() {
			return 0, false
		}
	default:
		return 0, false
	}
	return max(backoff, refused.RetryAfter), refused.RetryAfter <= maxRetryAfter
}

// once sends the request once.
func (c *Client) once(ctx context.Context, k call, body []byte, token string, out any) (http.Header, error) {
	u := c.base.String() + k.path
	if len(k.query) > 0 {
		u += "?" + k.query.Encode()
	}
	var r io.Reader
	if body != nil {
		r = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, u, r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", k.method, k.path, err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.agent)
	switch {
	case k.form != nil:
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case body != nil:
		req.Header.Set("Content-Type", "application/json")
	}
	if k.user != "" {
		req.SetBasicAuth(k.user, k.secret)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if k.key != "" {
		req.Header.Set("Idempotency-Key", k.key)
	}
	if k.match != "" {
		req.Header.Set("If-Match", k.match)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, &connectionError{k.method, u, err}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, &connectionError{k.method, u, fmt.Errorf("read the answer: %w", err)}
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("%s %s: the answer is larger than %d MiB", k.method, k.path, maxAnswer>>20)
	case res.StatusCode == k.also && json.Unmarshal(answer, out) == nil:
		return res.Header, nil
	case res.StatusCode < 200 || res.StatusCode > 299:
		return nil, newError(k, res, answer)
	case out == nil || len(answer) == 0:
		return res.Header, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fmt.Errorf("%s %s: the answer is not what it should be; is %s a FlowCatalyst platform? %w", k.method, k.path, c.base, err)
	}
	return res.Header, nil
}

// encode is json.Marshal without HTML escapes, which are only noise in a
// payload that people read.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// newKey makes an id that is never made twice.
func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	return "sdk-" + hex.EncodeToString(b[:])
}

// revisionOf reads an ETag, which is the quoted revision.
func revisionOf(h http.Header) int64 {
	s := h.Get("ETag")
	if len(s) < 2 {
		return 0
	}
	n, err := strconv.ParseInt(s[1:len(s)-1], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func etag(revision int64) string {
	if revision == 0 {
		return ""
	}
	return strconv.Quote(strconv.FormatInt(revision, 10))
}
