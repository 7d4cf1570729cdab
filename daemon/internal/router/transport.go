package router

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	connectTimeout   = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	maxHeaderBytes   = 64 << 10
)

// call is the context of one exchange. It also gathers where the time of the
// dialling went: the transport passes a context's values to its dialler, which
// is far cheaper than a trace with a closure for each event.
type call struct {
	context.Context
	began             time.Time
	dns, connect, tls atomic.Int64 // ns; written by the dialling goroutine
}

type callKey struct{}

// Value implements context.Context.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// resolved notes that the name is resolved: the first address is dialled.
func (c *call) resolved() { c.dns.CompareAndSwap(0, int64(max(time.Since(c.began), 1))) }

// newTransport makes the one transport of a router. It goes through no proxy,
// follows nothing and decompresses nothing.
func newTransport(e *Egress, roots *x509.CertPool) *http.Transport {
	d := &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second, ControlContext: e.control}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		began := time.Now()
		conn, err := d.DialContext(ctx, network, addr)
		if c := callOf(ctx); c != nil {
			// Before the dial the time went by in waiting for it.
			c.connect.Store(int64(max(time.Since(began)-time.Duration(c.dns.Load()), 0)))
		}
		return conn, err
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: roots,
		NextProtos:         []string{"h2", "http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(256),
	}
	return &http.Transport{
		DialContext: dial,
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return handshake(ctx, conn, addr, config)
		},
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        45 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// A peer that vanished without a word would otherwise take every
		// request of its one HTTP/2 connection with it.
		HTTP2:           &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second, WriteByteTimeout: 30 * time.Second},
		WriteBufferSize: 8 << 10,
	}
}

func handshake(ctx context.Context, conn net.Conn, addr string, base *tls.Config) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	config := base.Clone()
	config.ServerName = host
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	began := time.Now()
	tc := tls.Client(conn, config)
	err = tc.HandshakeContext(ctx)
	if c := callOf(ctx); c != nil {
		c.tls.Store(int64(time.Since(began)))
	}
	if err != nil {
		_ = conn.Close() // the handshake's error is the one that counts
		return nil, &tlsError{err}
	}
	return tc, nil
}

// tlsError marks what went wrong in a handshake, whatever its type.
type tlsError struct{ err error }

func (e *tlsError) Error() string { return "TLS handshake: " + e.err.Error() }
func (e *tlsError) Unwrap() error { return e.err }
