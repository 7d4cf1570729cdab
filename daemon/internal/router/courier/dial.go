package courier

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

const (
	// connectTimeout is how long connecting may take where the connection
	// says nothing: dialling, the proxy's answer, and the TLS handshake.
	connectTimeout = 10 * time.Second
	maxHeaderBytes = 64 << 10
)

// call is the context of one dialling. It also gathers where the time went.
type call struct {
	context.Context
	began             time.Time
	limit             time.Duration // to connect
	dns, connect, tls atomic.Int64  // ns; written by the dialling goroutine

	ready atomic.Pointer[tls.Conn] // made already; see foreign
	taken atomic.Pointer[tls.Conn] // what the transport got for this call

	seen *sight // of a trial; nil for deliveries
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

// limitError says that a limit of a part of the exchange was reached before
// that of the whole.
type limitError struct {
	what  string // "no connection" or "no first byte of the answer"
	after time.Duration
	try   string
	err   error
}

func (e *limitError) Error() string {
	return fmt.Sprintf("%s within %s. %s", e.what, e.after, e.try)
}
func (e *limitError) Unwrap() error { return e.err }

// connecting bounds the making of a connection. The error of what was done
// within it goes through mark, which tells this limit from that of the whole.
func connecting(ctx context.Context) (bounded context.Context, cancel context.CancelFunc, mark func(error) error) {
	limit := connectTimeout
	if c := callOf(ctx); c != nil && c.limit > 0 {
		limit = c.limit
	}
	bounded, cancel = context.WithTimeout(ctx, limit)
	return bounded, cancel, func(err error) error {
		if err == nil || ctx.Err() != nil || bounded.Err() == nil {
			return err
		}
		return &limitError{"no connection", limit, "Check whether a firewall drops our packets, or raise the connection's connect_timeout", err}
	}
}

// dialer connects to where the egress rules let it, through the proxy if
// there is one.
type dialer struct {
	egress  *Egress
	guarded net.Dialer // to targets: checks each address
	plain   net.Dialer // to the proxy, whom the operator chose
}

func newDialer(e *Egress) *dialer {
	return &dialer{
		egress:  e,
		guarded: net.Dialer{KeepAlive: 30 * time.Second, ControlContext: e.control},
		plain:   net.Dialer{KeepAlive: 30 * time.Second, ControlContext: noteResolved},
	}
}

// noteResolved is control without the check.
func noteResolved(ctx context.Context, _, _ string, _ syscall.RawConn) error {
	if c := callOf(ctx); c != nil {
		c.resolved()
	}
	return nil
}

// dial connects to a target. With a proxy, a secure one gets a tunnel and one
// that is not gets a connection to the proxy, which wants requests in
// absolute form.
func (d *dialer) dial(ctx context.Context, addr string, secure bool) (net.Conn, error) {
	began := time.Now()
	conn, err := d.reach(ctx, addr, secure)
	if c := callOf(ctx); c != nil {
		// Before the dial the time went by in waiting for it.
		c.connect.Store(int64(max(time.Since(began)-time.Duration(c.dns.Load()), 0)))
		if c.seen != nil && err == nil {
			c.seen.dialled(remote(conn))
		}
	}
	return conn, err
}

func (d *dialer) reach(ctx context.Context, addr string, secure bool) (net.Conn, error) {
	if d.egress.Proxy == nil {
		return d.guarded.DialContext(ctx, "tcp", addr)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if err := d.egress.checkName(ctx, host); err != nil {
		return nil, err
	}
	conn, err := d.plain.DialContext(ctx, "tcp", proxyAddr(d.egress.Proxy))
	if err != nil {
		return nil, &proxyError{"can not be reached: " + brief(err), err}
	}
	if !secure {
		return conn, nil
	}
	if err := tunnel(ctx, conn, addr, d.egress.Proxy); err != nil {
		_ = conn.Close() // the proxy's refusal is the error that counts
		return nil, err
	}
	return conn, nil
}
