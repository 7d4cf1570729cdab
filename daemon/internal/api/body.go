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
	switch {
	case size > limit:
		return tooLarge(limit)
	case size < 0:
		size = limit // nobody knows
	}
	if !s.bodies.take(size) {
		return newProblem(http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "too much is being published at once, and nothing of this was accepted; try again").after(time.Second)
	}
	defer s.bodies.give(size)
	buf := takeBuffer()
	defer giveBuffer(buf)
	if err := readBody(w, r, limit, buf); err != nil {
		if large := new(http.MaxBytesError); errors.As(err, &large) {
			return tooLarge(limit)
		}
		return newProblem(http.StatusBadRequest, string(platform.CodeInvalid), "the body did not arrive whole")
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

func tooLarge(limit int64) error {
	return newProblem(http.StatusRequestEntityTooLarge, "TOO_LARGE", fmt.Sprintf("the body is larger than %d bytes", limit))
}
