package coding

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// MinSize is the least size of an answer that is worth compressing, in bytes:
// a smaller one fits into a packet anyway.
const MinSize = 1400

// window bounds what an encoder of zstd remembers, and with it the memory of
// both sides.
const window = 256 << 10

// encoder is what gzip and zstd have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

var encoders = [...]sync.Pool{
	Gzip: {New: func() any {
		e, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			panic(err) // only another level could be wrong
		}
		return e
	}},
	Zstd: {New: func() any {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err) // only other options could be wrong
		}
		return e
	}},
}

// state is where an answer stands.
type state uint8

const (
	begun    state = iota // no header was written
	waiting               // the header is held back until the size is known
	plain                 // it goes out as it is
	pressing              // it goes out compressed
)

// Writer is an http.ResponseWriter that compresses. Init makes a zero value
// usable; Close of a zero value does nothing. Close ends the answer; one that is given up instead is not
// closed, so that its client sees that it is not whole.
type Writer struct {
	w      http.ResponseWriter
	coding Coding
	state  state
	status int
	held   []byte
	enc    encoder
}

// Init makes w write to out, in the given coding if the answer is fit for it.
func (w *Writer) Init(out http.ResponseWriter, c Coding) { *w = Writer{w: out, coding: c} }

// Header is the answer's.
func (w *Writer) Header() http.Header { return w.w.Header() }

// Unwrap lets http.ResponseController reach the connection.
func (w *Writer) Unwrap() http.ResponseWriter { return w.w }

// WriteHeader decides, as far as the headers can, how the answer goes out.
func (w *Writer) WriteHeader(status int) {
	if w.state != begun || status < 200 {
		w.w.WriteHeader(status)
		return
	}
	w.status = status
	h := w.w.Header()
	size := -1
	if length := h["Content-Length"]; len(length) > 0 {
		size, _ = strconv.Atoi(length[0])
	}
	switch {
	case size >= 0 && size < MinSize, !fit(status, h):
		w.begin(plain)
	case w.coding == Identity:
		vary(h)
		w.begin(plain)
	case size < 0:
		w.state = waiting
	default:
		w.begin(pressing)
	}
}

// begin writes the header, for good.
func (w *Writer) begin(s state) {
	w.state = s
	if s == pressing {
		h := w.w.Header()
		h.Del("Content-Length")
		h.Set("Content-Encoding", w.coding.String())
		vary(h)
		w.enc = encoders[w.coding].Get().(encoder)
		w.enc.Reset(w.w)
	}
	w.w.WriteHeader(w.status)
}

// Write takes some of the body.
func (w *Writer) Write(b []byte) (int, error) {
	if w.state == begun {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == waiting {
		if len(w.held)+len(b) < MinSize {
			w.held = append(w.held, b...)
			return len(b), nil
		}
		w.begin(pressing)
		if _, err := w.enc.Write(w.held); err != nil {
			return 0, err
		}
		w.held = nil
	}
	if w.state == pressing {
		return w.enc.Write(b)
	}
	return w.w.Write(b)
}

// FlushError sends what was written so far.
func (w *Writer) FlushError() error {
	switch w.state {
	case begun:
		w.WriteHeader(http.StatusOK)
		return w.FlushError()
	case waiting:
		// Whoever flushes wants it out now, so it is not worth waiting for
		// more; what follows stays as it is, too.
		if err := w.letGo(); err != nil {
			return err
		}
	case pressing:
		if err := w.enc.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.w).Flush()
}

// letGo sends what was held back as it is.
func (w *Writer) letGo() error {
	vary(w.w.Header())
	w.begin(plain)
	_, err := w.w.Write(w.held)
	w.held = nil
	return err
}

// Close ends the answer.
func (w *Writer) Close() error {
	switch w.state {
	case waiting:
		w.w.Header().Set("Content-Length", strconv.Itoa(len(w.held)))
		return w.letGo()
	case pressing:
		err := w.enc.Close()
		w.enc.Reset(nil) // it must not keep the connection
		encoders[w.coding].Put(w.enc)
		w.enc, w.state = nil, plain
		return err
	}
	return nil
}

// fit says whether an answer may be compressed at all.
func fit(status int, h http.Header) bool {
	if status == http.StatusNoContent || status == http.StatusPartialContent || status == http.StatusNotModified ||
		len(h["Content-Encoding"]) > 0 || !text(h.Get("Content-Type")) {
		return false
	}
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return false
	}
	for _, v := range h["Cache-Control"] {
		if strings.Contains(v, "no-store") {
			return false
		}
	}
	return true
}

// text says whether a type is of what compresses well and is not a stream.
func text(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch media {
	case "application/json", "application/javascript", "application/xml", "image/svg+xml":
		return true
	case "text/event-stream":
		return false
	}
	return strings.HasPrefix(media, "text/") || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// vary says that the answer depends on what its client accepts.
func vary(h http.Header) {
	const name = "Accept-Encoding"
	for _, v := range h["Vary"] {
		if strings.Contains(v, name) {
			return
		}
	}
	h.Add("Vary", name)
}
