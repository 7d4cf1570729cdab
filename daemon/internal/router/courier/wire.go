package courier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

const (
	// shortBody is up to which length a body goes out in one write with its
	// head.
	shortBody = 64 << 10
	// lastBytes is how long the rest of a long body may take to go out after
	// its answer came, before the connection is given up.
	lastBytes = 50 * time.Millisecond
)

// request is one request, ready to go out.
type request struct {
	route   *prepared
	head    []byte // with its blank line
	body    []byte
	began   time.Time
	timeout time.Duration
	own     bool // the timeout is the connection's, not the policy's
	seen    *sight
}

// carrier carries a request to its receiver and the answer back.
type carrier interface {
	carry(ctx context.Context, q *request, w *Desk, a *flow.Attempt, x *flow.Exchange)
}

// wire speaks HTTP/1.1 with receivers. The worker itself writes the request
// and reads the answer, on a connection of its own for that time: there is
// nobody to hand anything to, so an exchange costs little more than its two
// system calls. Hosts that speak HTTP/2 are left to net/http.
type wire struct {
	stable
	ways ways
}

func newWire(e *Egress, roots *x509.CertPool) *wire {
	return &wire{ways: ways{dial: newDialer(e), roots: roots}}
}

// close ends the connections that are not in use.
func (c *wire) close() {
	c.stable.close()
	c.ways.expire(time.Time{})
}

func (c *wire) carry(ctx context.Context, q *request, w *Desk, a *flow.Attempt, x *flow.Exchange) {
	p := q.route
	f := p.way.foreign
	if p.foreign || p.secure && f.speaks.has(p.origin) {
		f.carry(ctx, q, nil, w, a, x)
		return
	}
	whole := q.began.Add(q.timeout)
	short := len(q.body) <= shortBody
	if short {
		w.head = append(w.head, q.body...)
	}
	for {
		var cn *conn
		if !p.closes {
			cn = c.take(p.key)
		}
		if cn == nil {
			nc, err := c.connect(ctx, q, a)
			if err != nil {
				x.Failure, x.Problem = fault(err, q)
				return
			}
			if tc, ok := nc.(*tls.Conn); ok && tc.ConnectionState().NegotiatedProtocol == http2Name {
				f.speaks.add(p.origin)
				f.carry(ctx, q, tc, w, a, x)
				return
			}
			cn = newConn(nc, beneath(nc), &c.cut)
			c.add(cn, p.key)
		}
		if again := c.exchange(cn, q, short, whole, w, a, x); !again {
			return
		}
	}
}

func beneath(c net.Conn) net.Conn {
	if tc, ok := c.(*tls.Conn); ok {
		return tc.NetConn()
	}
	return c
}

// connect makes a new connection.
func (c *wire) connect(ctx context.Context, q *request, a *flow.Attempt) (net.Conn, error) {
	bounded, cancel := context.WithDeadline(ctx, q.began.Add(q.timeout))
	defer cancel()
	t := &call{Context: bounded, began: time.Now(), limit: q.route.connect, seen: q.seen}
	soon, stop, mark := connecting(t)
	defer stop()
	nc, err := c.ways.dial.dial(soon, q.route.addr, q.route.secure)
	if err == nil && q.route.secure {
		var tc *tls.Conn
		if tc, err = handshake(soon, nc, q.route.addr, q.route.way.config); err == nil {
			nc = tc
		}
	}
	a.Timing = t.timing()
	if err != nil {
		return nil, cause(bounded, mark(err))
	}
	return nc, nil
}

// exchange makes the exchange on a connection. It asks to do so again, on
// another one, if a kept connection turned out to be closed before a byte of
// the request was written. Nothing is ever sent twice.
func (c *wire) exchange(cn *conn, q *request, short bool, whole time.Time, w *Desk, a *flow.Attempt, x *flow.Exchange) (again bool) {
	cn.begin(whole)
	reusable := false
	defer func() { // also when something panics
		if !reusable {
			c.end(cn)
		}
	}()
	var (
		sent    *sending
		written int64
		failed  error // to write
	)
	if short {
		var n int
		n, failed = cn.Write(w.head)
		written = int64(n)
	} else {
		sent = send(cn, q.head, q.body)
		defer sent.stop()
	}
	if failed != nil {
		if written == 0 && cn.used && !errors.Is(failed, os.ErrDeadlineExceeded) {
			return true
		}
		// The receiver may have answered before it had read everything.
		cn.limit(time.Now().Add(patience))
	}
	err := cn.firstByte(q.route.tooLate(), failed == nil)
	if err == nil {
		err = w.answer.read(cn.r)
	}
	if err != nil {
		if sent != nil {
			if written, failed = sent.stop(); failed != nil && written == 0 && cn.used && !errors.Is(failed, os.ErrDeadlineExceeded) {
				return true
			}
		}
		if failed != nil && !isAlert(err) { // which says why the write failed
			err = failed
		}
		x.Failure, x.Problem = fault(err, q)
		return false
	}
	a.Timing.FirstByte = time.Since(q.began)
	cn.used = true
	complete := w.take(cn, q, a, x)
	if !complete || failed != nil || w.answer.close || q.route.closes || cn.ended || cn.r.Buffered() > 0 {
		return false
	}
	if sent != nil && !sent.ended(lastBytes) {
		return false
	}
	reusable = true
	c.keep(cn, q.began.Add(a.Timing.FirstByte))
	return false
}

// take reads the rest of an answer and notes what it says. It is true if
// nothing more of it can come.
func (w *Desk) take(cn *conn, q *request, a *flow.Attempt, x *flow.Exchange) (complete bool) {
	h := &w.answer
	status := h.status
	a.Header = h.kept()
	if status < 200 { // 101; nothing after it is HTTP
		x.Status = status
		return false
	}
	x.RetryAfter, x.Location = h.get("Retry-After"), h.get("Location")
	w.rest = newBody(cn.r, h)
	w.rest.conn = cn
	err := w.read(&w.rest, h.length, status, x)
	a.Body = keepBody(x.Body)
	if err != nil {
		brokeOff(x, status, err, q)
		return false
	}
	x.Status = status
	return w.rest.whole
}

func keepBody(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return slices.Clone(b[:min(len(b), keptBody)])
}

// sending is a long body on its way. It has a goroutine of its own, so that
// an answer that comes early is seen, and nobody waits for a receiver that
// reads no more.
type sending struct {
	cn   *conn
	done chan struct{}
	n    int64
	err  error
}

func send(cn *conn, head, body []byte) *sending {
	s := &sending{cn: cn, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		bufs := net.Buffers{head, body}
		if s.n, s.err = bufs.WriteTo(cn.Conn); s.err != nil {
			cn.limit(time.Now().Add(patience)) // for an answer that came early
		}
	}()
	return s
}

// ended says whether all is sent, or will be soon.
func (s *sending) ended(soon time.Duration) bool {
	select {
	case <-s.done:
		return s.err == nil
	default:
	}
	t := time.NewTimer(soon)
	defer t.Stop()
	select {
	case <-s.done:
		return s.err == nil
	case <-t.C:
		return false
	}
}

// stop ends it; afterwards the buffers are free again.
func (s *sending) stop() (int64, error) {
	select {
	case <-s.done:
	default:
		_ = s.cn.SetWriteDeadline(past)
		<-s.done
	}
	return s.n, s.err
}
