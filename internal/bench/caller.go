package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// newTransport returns the transport of n callers: connections are kept alive,
// and nothing is done per request that need not be.
func newTransport(n int) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxIdleConnsPerHost: n,
		DisableCompression:  true,
		WriteBufferSize:     8 << 10,
	}
}

// A caller posts to one URL again and again, one request at a time, and reuses
// what it can: callers share the processors with what they measure.
type caller struct {
	transport *http.Transport
	req       *http.Request
	body      bytes.Reader
	answer    []byte
	later     time.Duration // what the last answer's Retry-After asked for
	pushed    int           // answers that asked to come again later
}

// newCaller returns a caller of target. The token may be empty.
func newCaller(ctx context.Context, tr *http.Transport, target, token string) (*caller, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"flowcatalyst-bench"}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	req := &http.Request{Method: http.MethodPost, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header}
	return &caller{transport: tr, req: req.WithContext(ctx), answer: make([]byte, 0, 16<<10)}, nil
}

// post sends body and returns the status and the answer, which is valid until
// the next call.
func (c *caller) post(body []byte) (int, []byte, error) {
	c.body.Reset(body)
	c.req.Body = io.NopCloser(&c.body)
	c.req.ContentLength = int64(len(body))
	res, err := c.transport.RoundTrip(c.req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	c.later = 0
	if v := res.Header["Retry-After"]; len(v) > 0 {
		if s, err := strconv.Atoi(v[0]); err == nil {
			c.later = time.Duration(s) * time.Second
		}
	}
	buf := bytes.NewBuffer(c.answer[:0])
	if _, err := buf.ReadFrom(res.Body); err != nil {
		return 0, nil, fmt.Errorf("read the answer: %w", err)
	}
	c.answer = buf.Bytes()
	return res.StatusCode, c.answer, nil
}

// publish posts body until it is taken. Overload (429, 503) accepted nothing
// and is a reason to come again when it says so, as any client would; every
// other answer ends the run.
func (c *caller) publish(body []byte) ([]byte, error) {
	for {
		status, answer, err := c.post(body)
		switch {
		case err != nil:
			return nil, fmt.Errorf("publish: %w", err)
		case status/100 == 2:
			return answer, nil
		case status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable:
			return nil, fmt.Errorf("publish: status %d: %.300s", status, answer)
		}
		c.pushed++
		if err := pause(c.req.Context(), max(c.later, 10*time.Millisecond)); err != nil {
			return nil, err
		}
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
