package courier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

const (
	connectTimeout   = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	maxHeaderBytes   = 64 << 10
)

// call is the context of one dialling. It also gathers where the time went.
type call struct {
	context.Context
	began             time.Time
	dns, connect, tls atomic.Int64 // ns; written by the dialling goroutine

	ready atomic.Pointer[tls.Conn] // made already; see foreign
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

func (c *call) timing() flow.Timing {
	return flow.Timing{DNS: time.Duration(c.dns.Load()), Connect: time.Duration(c.connect.Load()), TLS: time.Duration(c.tls.Load())}
}

// dialer connects to where the egress rules let it.
type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

func newDialer(e *Egress) dialer {
	d := &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second, ControlContext: e.control}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		began := time.Now()
		conn, err := d.DialContext(ctx, network, addr)
		if c := callOf(ctx); c != nil {
			// Before the dial the time went by in waiting for it.
			c.connect.Store(int64(max(time.Since(began)-time.Duration(c.dns.Load()), 0)))
		}
		return conn, err
	}
}

func newTLSConfig(roots *x509.CertPool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: roots,
		NextProtos:         []string{http2, "http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(256),
	}
}

// http2 is the protocol's name in a TLS handshake, RFC 9113 §3.1.
const http2 = "h2"

func handshake(ctx context.Context, conn net.Conn, addr string, base *tls.Config) (*tls.Conn, error) {
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
