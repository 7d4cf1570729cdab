package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/api/coding"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// budget bounds the bytes of bodies that are worked on at once: large batches
// from many sides must not cost the process its memory.
type budget struct {
	limit int64
	taken atomic.Int64
}

// take asks for room. One body always finds it, however large.
func (b *budget) take(n int64) bool {
	if now := b.taken.Add(n); now > b.limit && now != n {
		b.taken.Add(-n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.taken.Add(-n) }

// buffers are for bodies and answers; what grew too large is not kept.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 8<<10)
	return &b
}}

const keptBuffer = 1 << 20

func takeBuffer() *[]byte { return buffers.Get().(*[]byte) }

func giveBuffer(b *[]byte) {
	if cap(*b) <= keptBuffer {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// withBody reads a body of at most limit bytes and hands it to do, which must
// not keep it.
func (s *server) withBody(w http.ResponseWriter, r *http.Request, limit int64, do func(body []byte) error) error {
	size := r.ContentLength
	if size > limit {
		return tooLarge(limit)
	}
	if size < 0 {
		// Nobody knows how long it is: it takes its room as it comes.
		m := metered{from: r.Body, b: &s.bodies}
		defer m.end()
		r.Body = &m
	} else if !s.bodies.take(size) {
		return errTooMuch()
	} else {
		defer s.bodies.give(size)
	}
	buf := takeBuffer()
	defer giveBuffer(buf)
	if err := readBody(w, r, limit, buf); err != nil {
		return bodyProblem(err, limit)
	}
	if len(bytes.TrimSpace(*buf)) == 0 {
		return newProblem(http.StatusBadRequest, string(platform.CodeInvalid), "the body is empty; it must be JSON")
	}
	return do(*buf)
}

// readBody reads a body into an empty buffer. The server ends a body where
// its length was announced, so only one of unknown length needs watching.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, buf *[]byte) error {
	if r.ContentLength >= 0 {
		*buf = slices.Grow(*buf, int(r.ContentLength))[:r.ContentLength]
		_, err := io.ReadFull(r.Body, *buf)
		return err
	}
	b := bytes.NewBuffer(*buf)
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	*buf = b.Bytes()
	return err
}

// bodyProblem says what was wrong with reading a body.
func bodyProblem(err error, limit int64) error {
	var large *http.MaxBytesError
	var said *Problem
	switch {
	case errors.As(err, &large):
		return tooLarge(limit)
	case errors.As(err, &said):
		return said
	case errors.Is(err, coding.ErrBroken):
		return newProblem(http.StatusBadRequest, string(platform.CodeInvalid), err.Error()+", which its Content-Encoding says it is")
	}
	return newProblem(http.StatusBadRequest, string(platform.CodeInvalid), "the body did not arrive whole")
}

// metered is a body that takes room of a budget while it is read.
type metered struct {
	from  io.ReadCloser
	b     *budget
	taken int64
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	if !m.b.take(int64(n)) {
		return 0, errTooMuch()
	}
	m.taken += int64(n)
	return n, err
}

// Close implements io.Closer.
func (m *metered) Close() error { return m.from.Close() }

func (m *metered) end() { m.b.give(m.taken) }

func errTooMuch() *Problem {
	return newProblem(http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "too much is being published at once, and nothing of this was accepted; try again").after(time.Second)
}

func nothing() {}

// expand puts the plain text of a compressed body in its place, read as it is
// needed, and returns what to do when the request is over. A route that
// anybody may call takes none: its bodies are small, and decoders are not.
func (s *server) expand(w http.ResponseWriter, r *http.Request, needs string) (done func(), err error) {
	header := r.Header["Content-Encoding"]
	if len(header) == 0 {
		return nothing, nil
	}
	c, err := coding.Of(header)
	if c == coding.Identity && err == nil {
		return nothing, nil
	}
	if err != nil || needs == public {
		w.Header().Set("Accept-Encoding", coding.Supported)
		detail := "the body comes in a coding that is not read here; send it in one of " + coding.Supported + ", or as it is"
		if needs == public {
			w.Header().Set("Accept-Encoding", "identity")
			detail = "the body must not be compressed here"
		}
		return nothing, newProblem(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", detail)
	}
	if r.ContentLength > s.o.MaxBatch {
		return nothing, tooLarge(s.o.MaxBatch)
	}
	if !s.bodies.take(c.Memory()) {
		return nothing, errTooMuch()
	}
	expanded := coding.NewReader(http.MaxBytesReader(w, r.Body, s.o.MaxBatch), c)
	r.Body, r.ContentLength = expanded, -1
	r.Header.Del("Content-Encoding")
	r.Header.Del("Content-Length")
	return func() {
		s.bodies.give(c.Memory())
		_ = expanded.Close() // it closes nothing that could fail
	}, nil
}

// readAhead reads a body that was compressed, for huma, which could say only
// that something is wrong here.
func (s *server) readAhead(w http.ResponseWriter, r *http.Request) error {
	var buf []byte
	if err := readBody(w, r, maxOther, &buf); err != nil {
		return bodyProblem(err, maxOther)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(buf)), int64(len(buf))
	return nil
}

func tooLarge(limit int64) error {
	return newProblem(http.StatusRequestEntityTooLarge, "TOO_LARGE", fmt.Sprintf("the body is larger than %d bytes", limit))
}
