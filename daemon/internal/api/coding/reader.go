package coding

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Errors of Of and of reading.
var (
	// ErrUnknown says that a body comes in a coding that is not supported, or
	// in several.
	ErrUnknown = errors.New("the content coding is not one of " + Supported)
	// ErrBroken says that a body is not what its coding says.
	ErrBroken = errors.New("the body can not be decompressed")
)

// maxWindow is how far back a body in zstd may refer: what RFC 9659 asks of
// everyone, and no more.
const maxWindow = 8 << 20

// Memory is what a decoder of the coding holds at most, in bytes, besides
// what it was asked for.
func (c Coding) Memory() int64 {
	switch c {
	case Gzip:
		return 64 << 10
	case Zstd:
		return maxWindow
	}
	return 0
}

// Of reads the values of a Content-Encoding header.
func Of(header []string) (Coding, error) {
	found := Identity
	for _, value := range header {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			c, known := named(name)
			if !known || c != Identity && found != Identity {
				return Identity, ErrUnknown
			}
			found = max(found, c)
		}
	}
	return found, nil
}

var decoders = [...]sync.Pool{
	Gzip: {New: func() any { return new(gzip.Reader) }},
	Zstd: {New: func() any {
		// Without concurrency it decodes as it is read, in this goroutine, and
		// needs no closing. What is small would be decoded at once otherwise,
		// whatever it expands to.
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecodeBuffersBelow(0))
		if err != nil {
			panic(err) // only other options could be wrong
		}
		return d
	}},
}

// Reader expands a body. Close gives its decoder back; it does not close the
// body.
type Reader struct {
	from   io.Reader
	coding Coding
	gzip   *gzip.Reader
	zstd   *zstd.Decoder
	err    error
	raw    error // what reading the body itself failed with
}

// NewReader makes a reader of a body in a coding other than Identity.
func NewReader(from io.Reader, c Coding) *Reader { return &Reader{from: from, coding: c} }

// source notes the error of the body, which decoders wrap or replace.
type source struct{ r *Reader }

func (s source) Read(b []byte) (int, error) {
	n, err := s.r.from.Read(b)
	if err != nil && err != io.EOF {
		s.r.raw = err
	}
	return n, err
}

// Read returns what the body expands to. An error of the body itself comes
// through; any other is ErrBroken.
func (r *Reader) Read(b []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.decode(b)
	switch {
	case err == nil, err == io.EOF:
	case r.raw != nil:
		err = r.raw
	default:
		err = fmt.Errorf("%w as %s", ErrBroken, r.coding)
	}
	r.err = err
	return n, err
}

func (r *Reader) decode(b []byte) (int, error) {
	if r.coding == Gzip {
		if r.gzip == nil {
			r.gzip = decoders[Gzip].Get().(*gzip.Reader)
			if err := r.gzip.Reset(source{r}); err != nil {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF // an empty body is no gzip
				}
				return 0, err
			}
		}
		return r.gzip.Read(b)
	}
	if r.zstd == nil {
		r.zstd = decoders[Zstd].Get().(*zstd.Decoder)
		if err := r.zstd.Reset(source{r}); err != nil {
			return 0, err
		}
	}
	return r.zstd.Read(b)
}

// Close gives the decoder back. Reading afterwards fails.
func (r *Reader) Close() error {
	if r.gzip != nil {
		_ = r.gzip.Reset(http.NoBody) // it must not keep the body; an empty one is EOF
		decoders[Gzip].Put(r.gzip)
		r.gzip = nil
	}
	if r.zstd != nil {
		if err := r.zstd.Reset(nil); err == nil {
			decoders[Zstd].Put(r.zstd)
		}
		r.zstd = nil
	}
	r.err = io.ErrClosedPipe
	return nil
}
