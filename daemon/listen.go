package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/flowcatalyst/fc/config"
)

// Bounds of every listener. Reading and writing have long ones, since a batch
// may be 32 MiB over a thin line; what has to be quick is the header.
const (
	headerTimeout  = 10 * time.Second
	bodyTimeout    = 2 * time.Minute
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
	maxConnections = 2048
	// closeTimeout is how long requests under way may go on at most when
	// their listener closes.
	closeTimeout = 10 * time.Second
)

// ListenError says that a listener could not have its address.
type ListenError struct {
	Name    string // "platform", "router" or "admin"
	Address string
	Err     error
}

// Error is a sentence that names the block of the configuration.
func (e *ListenError) Error() string {
	block, env := `service "`+e.Name+`"`, map[string]string{"platform": config.EnvAPIPort, "router": config.EnvRouterPort, "admin": config.EnvMetricsPort}[e.Name]
	if e.Name == "admin" {
		block = "admin"
	}
	switch {
	case errors.Is(e.Err, syscall.EADDRINUSE):
		return fmt.Sprintf("listen on %s for block %s: another process has this port. Try: another listen in that block (or %s=port), or stop the other process", e.Address, block, env)
	case errors.Is(e.Err, fs.ErrPermission):
		return fmt.Sprintf("listen on %s for block %s: this user may not have this port. Try: a port above 1023 in that block (or %s=port)", e.Address, block, env)
	}
	return fmt.Sprintf("listen on %s for block %s: %v", e.Address, block, e.Err)
}

// Unwrap gives the operating system's error.
func (e *ListenError) Unwrap() error { return e.Err }

// listener is a bound address and, once it serves, its server.
type listener struct {
	name   string
	ln     net.Listener
	server *http.Server
	served chan struct{}
}

func (l *listener) addr() string { return l.ln.Addr().String() }

// bind takes an address. Connections wait in the system's backlog until serve.
func (d *Daemon) bind(ctx context.Context, name, address string) (*listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, &ListenError{name, address, err}
	}
	l := &listener{name: name, ln: limit(ln, maxConnections)}
	d.mu.Lock()
	d.listeners[name] = l
	d.mu.Unlock()
	d.undo.add(name+" listener", func() error { return d.closeListener(l) })
	return l, nil
}

// serve answers on a listener from now on.
func (d *Daemon) serve(l *listener, h http.Handler) {
	l.server = &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      bodyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(d.log.With("listener", l.name).Handler(), slog.LevelDebug),
	}
	l.served = make(chan struct{})
	go func() {
		defer close(l.served)
		if err := l.server.Serve(l.ln); !errors.Is(err, http.ErrServerClosed) {
			d.fail(fmt.Errorf("serve %s: %w", l.name, err))
		}
	}()
}

// closeListener stops accepting, lets requests under way end within their
// bounds and closes what is left. A second call does nothing.
func (d *Daemon) closeListener(l *listener) error {
	if l.server == nil {
		if err := l.ln.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(min(time.Until(d.drainBy)/2, closeTimeout), 10*time.Millisecond))
	defer cancel()
	err := l.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		d.log.Warn("requests were cut off: they took longer than the drain allows", "listener", l.name)
		err = l.server.Close()
	}
	<-l.served
	return err
}

// reachable turns an address of every interface into one that can be dialled.
func reachable(addr string) string {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil || !ap.Addr().IsUnspecified() {
		return addr
	}
	return net.JoinHostPort("localhost", fmt.Sprint(ap.Port()))
}

// limitListener accepts no more than so many connections at once; others wait
// in the system's backlog.
type limitListener struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func limit(ln net.Listener, n int) net.Listener {
	return &limitListener{Listener: ln, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitConn{Conn: c, release: func() { <-l.slots }}, nil
}

func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitConn struct {
	net.Conn
	once    sync.Once
	release func()
}

func (c *limitConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.release)
	return err
}
