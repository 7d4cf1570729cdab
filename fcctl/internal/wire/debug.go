package wire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// maxShown is how much of a body is shown.
	maxShown = 4 << 10
	// maxRead is the largest body that is read to find its secrets; a larger
	// one is not shown.
	maxRead = 4 << 20
)

// shownHeaders are those that say something and hold no secret.
var shownHeaders = []string{"Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "ETag", "Location", "Retry-After"}

// debugger shows each request and each answer.
type debugger struct {
	next http.RoundTripper
	mu   sync.Mutex
	out  io.Writer
}

// RoundTrip implements http.RoundTripper.
func (d *debugger) RoundTrip(r *http.Request) (*http.Response, error) {
	m := newMask(r)
	var b strings.Builder
	fmt.Fprintf(&b, "> %s %s\n", r.Method, m.url(r.URL))
	if kind, _, has := strings.Cut(r.Header.Get("Authorization"), " "); has {
		fmt.Fprintf(&b, "> Authorization: %s %s\n", kind, hidden)
	}
	headers(&b, ">", r.Header, m)
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			text, _ := io.ReadAll(io.LimitReader(body, maxRead+1))
			_ = body.Close() // it is a copy in memory
			m.learn(text, r.Header.Get("Content-Type"))
			lines(&b, ">", show(text, r.Header.Get("Content-Type"), m))
		}
	}
	d.write(b.String())
	began := time.Now()
	res, err := d.next.RoundTrip(r)
	took := time.Since(began).Round(time.Millisecond)
	if err != nil {
		d.write(fmt.Sprintf("< no answer after %s: %s\n", took, m.text(err.Error())))
		return nil, err
	}
	b.Reset()
	fmt.Fprintf(&b, "< %s to %s %s after %s", res.Status, r.Method, r.URL.Path, took)
	if id := res.Header.Get("X-Request-Id"); id != "" {
		fmt.Fprintf(&b, ", request %s", id)
	}
	b.WriteByte('\n')
	headers(&b, "<", res.Header, m)
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		b.WriteString("< (a stream, which is not shown)\n")
		d.write(b.String())
		return res, nil
	}
	res.Body = &watched{ReadCloser: res.Body, done: func(text []byte) {
		lines(&b, "<", show(text, res.Header.Get("Content-Type"), m))
		d.write(b.String())
	}}
	return res, nil
}

func (d *debugger) write(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = io.WriteString(d.out, s) // there is nobody else to tell
}

func headers(b *strings.Builder, mark string, h http.Header, m *mask) {
	for _, name := range shownHeaders {
		if v := h.Get(name); v != "" {
			fmt.Fprintf(b, "%s %s: %s\n", mark, name, m.text(v))
		}
	}
}

// lines writes a text with a mark before each of its lines.
func lines(b *strings.Builder, mark, text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if line != "" {
			fmt.Fprintf(b, "%s %s\n", mark, line)
		}
	}
}

// show is a body without its secrets, and cut.
func show(body []byte, kind string, m *mask) string {
	if len(body) == 0 {
		return ""
	}
	text, ok := m.body(body, kind)
	if len(body) > maxRead || !ok {
		return fmt.Sprintf("(%d bytes of %s, which are not shown)", len(body), kind)
	}
	if len(text) <= maxShown {
		return text
	}
	cut := text[:maxShown]
	for !utf8.ValidString(cut) {
		cut = cut[:len(cut)-1]
	}
	return cut + fmt.Sprintf("… (%d bytes more)", len(text)-len(cut))
}

// watched is the body of an answer, of which a copy is kept until it is closed.
type watched struct {
	io.ReadCloser
	kept bytes.Buffer
	once sync.Once
	done func([]byte)
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if w.kept.Len() <= maxRead {
		w.kept.Write(p[:n])
	}
	return n, err
}

// Close implements io.Closer.
func (w *watched) Close() error {
	w.once.Do(func() { w.done(w.kept.Bytes()) })
	return w.ReadCloser.Close()
}
