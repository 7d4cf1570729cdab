package courier

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// foreign carries through net/http what wire does not speak: HTTP/2, and hosts
// whose names must be translated first. Each way has its own, since a
// transport shares connections among all that go to one address.
type foreign struct {
	transport *http.Transport
	dial      *dialer
	config    *tls.Config
	speaks    hostSet // HTTP/2
}

// newForeign makes a transport. It follows nothing, decompresses nothing, and
// knows no proxy but that of the egress rules.
func newForeign(dial *dialer, config *tls.Config) *foreign {
	f := &foreign{dial: dial, config: config}
	f.transport = &http.Transport{
		Proxy:                  f.proxy,
		DialContext:            f.dialPlain,
		DialTLSContext:         f.dialTLS,
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           idleInAll,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// A peer that vanished without a word would otherwise take every
		// request of its one HTTP/2 connection with it.
		HTTP2:           &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second, WriteByteTimeout: 30 * time.Second},
		WriteBufferSize: 8 << 10,
	}
	return f
}

// proxy is where a request goes that can not have a tunnel; dialTLS makes the
// tunnels by itself.
func (f *foreign) proxy(r *http.Request) (*url.URL, error) {
	e := f.dial.egress
	if e.Proxy == nil || r.URL.Scheme == "https" {
		return nil, nil
	}
	return e.Proxy, e.checkName(r.Context(), r.URL.Hostname())
}

// dialPlain connects to a target, or to the proxy before it, whose address the
// transport gives then.
func (f *foreign) dialPlain(ctx context.Context, network, addr string) (net.Conn, error) {
	bounded, cancel, mark := connecting(ctx)
	defer cancel()
	if p := f.dial.egress.Proxy; p != nil {
		conn, err := f.dial.plain.DialContext(bounded, network, addr)
		if err != nil {
			err = &proxyError{"can not be reached: " + brief(err), err}
		}
		return conn, mark(err)
	}
	conn, err := f.dial.dial(bounded, addr, false)
	return conn, mark(err)
}

// dialTLS gives the transport the connection on which HTTP/2 was found, or
// makes a new one. A host that speaks HTTP/1.1 there is none of ours any more.
func (f *foreign) dialTLS(ctx context.Context, _, addr string) (net.Conn, error) {
	if c := callOf(ctx); c != nil {
		if tc := c.ready.Swap(nil); tc != nil {
			c.taken.Store(tc)
			return tc, nil
		}
	}
	bounded, cancel, mark := connecting(ctx)
	defer cancel()
	conn, err := f.dial.dial(bounded, addr, true)
	if err != nil {
		return nil, mark(err)
	}
	tc, err := handshake(bounded, conn, addr, f.config)
	if err != nil {
		return nil, mark(err)
	}
	if tc.ConnectionState().NegotiatedProtocol != http2Name {
		f.speaks.remove("https://" + addr)
	}
	if c := callOf(ctx); c != nil {
		c.taken.Store(tc)
	}
	return tc, nil
}

// carry implements carrier. A connection may be ready for it.
func (f *foreign) carry(ctx context.Context, q *request, ready *tls.Conn, w *Desk, a *flow.Attempt, x *flow.Exchange) {
	bounded, cancel := context.WithDeadline(ctx, q.began.Add(q.timeout))
	defer cancel()
	waiting := q.awaitFirstByte(bounded)
	defer waiting.stop()
	t := &call{Context: waiting.ctx, began: time.Now(), limit: q.route.connect, seen: q.seen}
	if ready != nil {
		t.ready.Store(ready)
		defer func() {
			if tc := t.ready.Swap(nil); tc != nil {
				_ = tc.Close() // there was another one
			}
		}()
	}
	// The transport may still write the bytes after an early answer, so they
	// are its own.
	content := bytes.Clone(q.body)
	req := http.Request{
		Method: http.MethodPost, URL: q.route.url, Host: q.route.url.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: q.header(), ContentLength: int64(len(content)), Body: http.NoBody,
		Close: q.route.closes,
		// Lets the transport go on with a new connection when the kept one
		// was closed before a byte was written; it never sends twice.
		GetBody: func() (io.ReadCloser, error) { return newPayload(content), nil },
	}
	if len(content) > 0 {
		req.Body = newPayload(content)
	}
	resp, err := f.transport.RoundTrip(req.WithContext(t))
	if ready == nil {
		a.Timing = t.timing()
	}
	if err != nil {
		x.Failure, x.Problem = fault(cause(bounded, waiting.cause(t.alert(err))), q)
		return
	}
	waiting.stop()
	a.Timing.FirstByte = time.Since(q.began)
	defer func() { _ = resp.Body.Close() }() // all that mattered was read
	if a.Header = keepHeaders(resp.Header); resp.StatusCode == http.StatusSwitchingProtocols {
		x.Status = resp.StatusCode
		return
	}
	x.RetryAfter, x.Location = resp.Header.Get("Retry-After"), resp.Header.Get("Location")
	length := resp.ContentLength
	if resp.Body == http.NoBody {
		length = 0
	}
	rest := &foreignBody{Reader: resp.Body, cancel: cancel}
	err = w.read(rest, length, resp.StatusCode, x)
	if rest.timer != nil {
		rest.timer.Stop()
	}
	a.Body = keepBody(x.Body)
	if err != nil {
		brokeOff(x, resp.StatusCode, cause(bounded, err), q)
		return
	}
	x.Status = resp.StatusCode
}

// alert prefers the receiver's own reason for ending a new connection to what
// the transport says of a connection that is gone. A TLS connection remembers
// it, so that nothing is read from the network for it.
func (c *call) alert(err error) error {
	tc := c.taken.Load()
	if tc == nil || !lost(err) {
		return err
	}
	_ = tc.SetReadDeadline(past) // it is closed, or will be
	if _, e := tc.Read(make([]byte, 1)); isAlert(e) {
		return e
	}
	return err
}

// foreignBody is the body of an answer that net/http reads.
type foreignBody struct {
	io.Reader
	cancel context.CancelFunc
	timer  *time.Timer
}

func (b *foreignBody) hurry() { b.timer = time.AfterFunc(patience, b.cancel) }

// header is the request's head in net/http's form.
func (q *request) header() http.Header {
	lines := strings.Split(string(q.head), "\r\n")
	h := make(http.Header, len(lines))
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case !ok, name == "Host", name == "Content-Length", name == "Connection", name == "Proxy-Authorization":
			// The transport's own.
		default:
			h.Add(name, value)
		}
	}
	return h
}

// payload is a request's body.
type payload struct{ bytes.Reader }

func (*payload) Close() error { return nil }

func newPayload(b []byte) *payload {
	p := &payload{}
	p.Reset(b)
	return p
}

// cause prefers the end of the deadline to what a transport made of it.
func cause(ctx context.Context, err error) error {
	if e := ctx.Err(); e != nil && !errors.Is(err, e) {
		return fmt.Errorf("%w: %w", e, err)
	}
	return err
}

// hostSet is a small set that is read far more often than changed.
type hostSet struct {
	mu  sync.Mutex
	set atomic.Pointer[map[string]struct{}]
}

// mostHosts bounds the set. Those it forgets are found again.
const mostHosts = 4096

func (s *hostSet) has(host string) bool {
	m := s.set.Load()
	if m == nil {
		return false
	}
	_, ok := (*m)[host]
	return ok
}

func (s *hostSet) add(host string) {
	s.change(host, func(m map[string]struct{}) {
		if len(m) >= mostHosts {
			clear(m)
		}
		m[host] = struct{}{}
	}, true)
}

func (s *hostSet) remove(host string) {
	s.change(host, func(m map[string]struct{}) { delete(m, host) }, false)
}

func (s *hostSet) change(host string, do func(map[string]struct{}), to bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has(host) == to {
		return
	}
	m := map[string]struct{}{}
	if old := s.set.Load(); old != nil {
		maps.Copy(m, *old)
	}
	do(m)
	s.set.Store(&m)
}
