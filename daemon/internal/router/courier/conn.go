package courier

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is a connection to a receiver. One goroutine at a time has it.
type conn struct {
	net.Conn          // what requests are written to: TCP, or TLS upon it
	tcp      net.Conn // what is beneath
	r        *bufio.Reader
	used     bool // has had an exchange
	ended    bool // a read failed, perhaps with the last bytes of an answer
	cut      *atomic.Bool

	whole   time.Time // the end of the exchange
	hurried bool      // nothing that is still to come matters much
	armed   bool      // and the deadline says so

	raw   syscall.RawConn
	look  func(fd uintptr)
	quiet bool // what look found

	// The places of an idle connection, guarded by the pool.
	host         *host
	since        time.Time
	newer, older *conn
}

func newConn(c, tcp net.Conn, cut *atomic.Bool) *conn {
	cn := &conn{Conn: c, tcp: tcp, cut: cut}
	cn.r = bufio.NewReaderSize(cn, 4<<10)
	if sc, ok := tcp.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			cn.raw = raw
			cn.look = func(fd uintptr) { cn.quiet = quiet(fd) }
		}
	}
	return cn
}

// Read reads for the bufio.Reader. The deadline of what does not matter much
// is set only here, when the kernel is asked for more: most answers came whole
// with their head.
func (c *conn) Read(b []byte) (int, error) {
	if c.hurried && !c.armed {
		c.armed = true
		c.limit(time.Now().Add(patience))
	}
	n, err := c.Conn.Read(b)
	c.ended = c.ended || err != nil
	return n, err
}

// begin sets the end of an exchange.
func (c *conn) begin(whole time.Time) {
	c.whole, c.hurried, c.armed = whole, false, false
	_ = c.SetDeadline(whole) // a closed connection says so when it is used
	c.checkCut()
}

// limit brings the end of reading forward. It may be called while another
// goroutine reads.
func (c *conn) limit(t time.Time) {
	if t.Before(c.whole) {
		_ = c.SetReadDeadline(t)
		c.checkCut()
	}
}

// firstByte waits for the beginning of an answer, no longer than a limit, if
// there is one. Once the request could not be sent whole, what is still to come
// has a limit already.
func (c *conn) firstByte(limit *limitError, sent bool) error {
	if limit == nil || !sent {
		return nil
	}
	end := time.Now().Add(limit.after)
	if !end.Before(c.whole) {
		return nil
	}
	c.limit(end)
	_, err := c.r.Peek(1)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) && !c.cut.Load() {
			e := *limit
			e.err = err
			return &e
		}
		return err
	}
	_ = c.SetReadDeadline(c.whole)
	c.checkCut()
	return nil
}

// checkCut comes after every deadline: who cuts sets the mark first and the
// deadlines then, so that no order of the two loses the cut.
func (c *conn) checkCut() {
	if c.cut.Load() {
		_ = c.SetDeadline(past)
	}
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// alive says whether a kept connection may be written to: the peer has
// neither closed it nor said anything since. What has come unasked on TLS
// would nearly always be its end, too.
func (c *conn) alive() bool {
	if c.ended || c.r.Buffered() > 0 {
		return false
	}
	if c.raw == nil {
		return true
	}
	c.quiet = false
	return c.raw.Control(c.look) == nil && c.quiet
}
