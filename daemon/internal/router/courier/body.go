package courier

import (
	"bufio"
	"io"
	"net/http/httputil"
	"slices"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// body is the body of an answer.
type body struct {
	r      *bufio.Reader
	conn   *conn
	head   *answer
	left   int64     // with a length
	chunks io.Reader // in chunks
	whole  bool      // read to its end, so that the next answer may follow
}

// source is where an answer's body comes from. It is told once that its
// meaning is known, and then has no more than patience for the rest.
type source interface {
	io.Reader
	hurry()
}

func newBody(r *bufio.Reader, h *answer) body {
	b := body{r: r, head: h, left: h.length}
	if h.chunks {
		b.chunks = httputil.NewChunkedReader(r)
	}
	b.whole = b.left == 0
	return b
}

func (b *body) hurry() { b.conn.hurried = true }

// Read implements io.Reader.
func (b *body) Read(p []byte) (n int, err error) {
	switch {
	case b.chunks != nil:
		if n, err = b.chunks.Read(p); err == io.EOF {
			b.whole = b.trailer()
		}
		return n, err
	case b.left < 0:
		n, err = b.r.Read(p)
		b.whole = err == io.EOF
		return n, err
	case b.left == 0:
		return 0, io.EOF
	}
	n, err = b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case b.left == 0:
		b.whole = true
		return n, io.EOF
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// maxTrailer bounds what may follow the last chunk.
const maxTrailer = 4 << 10

// trailer skips what follows the last chunk. Trailers are of no use here; if
// they are broken or do not come, the body is whole and the connection is not
// used again. Since the next answer would begin here, lines must end as the
// standard says.
func (b *body) trailer() bool {
	h := b.head
	h.text, h.fields, h.left, h.strict = h.text[:0], h.fields[:0], maxTrailer, true
	return h.readFields(b.r) == nil
}

// read reads of an answer what its meaning needs, and of the rest so much
// that most connections can be used again. The error is nil when the meaning
// is known, however the rest went.
func (w *Desk) read(r source, length int64, status int, x *flow.Exchange) error {
	if length == 0 {
		x.Complete = true
		return nil
	}
	if cap(w.buf) > keptBody || w.buf == nil {
		w.buf = make([]byte, 0, 1<<10) // a large answer's buffer is not kept
	}
	b := w.buf[:0]
	defer func() { w.buf = b }()
	success := status >= 200 && status < 300
	for hurried := false; ; {
		known := !success || !flow.MayDefer(b)
		if known && !hurried {
			hurried = true
			r.hurry()
		}
		if len(b) >= readBody || known && len(b) >= keptBody && length > readBody {
			x.Body = b
			return nil
		}
		if len(b) == cap(b) {
			b = slices.Grow(b, min(4*cap(b), readBody)-len(b))
		}
		n, err := r.Read(b[len(b):min(cap(b), readBody)])
		b = b[:len(b)+n]
		x.Body = b
		switch {
		case err == io.EOF:
			x.Complete = true
			return nil
		case err != nil && success && flow.MayDefer(b):
			return err // it could have been ack:false
		case err != nil:
			return nil
		}
	}
}
