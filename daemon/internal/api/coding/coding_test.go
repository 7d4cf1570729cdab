package coding_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/flowcatalyst/fc/daemon/internal/api/coding"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		accept string
		want   coding.Coding
	}{
		{"gzip", coding.Gzip},
		{"gzip, deflate, br, zstd", coding.Zstd},
		{"zstd;q=0.5, gzip", coding.Gzip},
		{"GZIP;Q=0.1", coding.Gzip},
		{"gzip;q=0", coding.Identity},
		{"*", coding.Zstd},
		{"*;q=0.2, zstd;q=0", coding.Gzip},
		{"identity, gzip;q=0.5", coding.Identity},
		{"br", coding.Identity},
		{"gzip;q=2, zstd;q=x", coding.Identity},
		{"gzip;level=3", coding.Identity},
	} {
		if got := coding.Choose([]string{c.accept}); got != c.want {
			t.Errorf("Choose(%q) = %s, want %s", c.accept, got, c.want)
		}
	}
	if got := coding.Choose([]string{"br", "gzip"}); got != coding.Gzip {
		t.Errorf("two headers: %s", got)
	}
}

var long = strings.Repeat(`{"shipment":"shipped"},`, 200)

// answer runs a handler behind a writer of a coding.
func answer(t *testing.T, c coding.Coding, h http.HandlerFunc) *http.Response {
	t.Helper()
	rec := httptest.NewRecorder()
	var w coding.Writer
	w.Init(rec, c)
	h(&w, httptest.NewRequest("GET", "/", nil))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return rec.Result()
}

// plainOf is a body without its coding.
func plainOf(t *testing.T, r *http.Response) string {
	t.Helper()
	var from io.Reader = r.Body
	switch r.Header.Get("Content-Encoding") {
	case "gzip":
		from = coding.NewReader(r.Body, coding.Gzip)
	case "zstd":
		from = coding.NewReader(r.Body, coding.Zstd)
	}
	b, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWriter(t *testing.T) {
	t.Parallel()
	with := func(body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for i := 0; i+1 < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(http.StatusCreated)
			for _, piece := range []string{body[:len(body)/3], body[len(body)/3:]} {
				if _, err := io.WriteString(w, piece); err != nil {
					t.Error(err)
				}
			}
		}
	}
	for _, c := range []struct {
		name    string
		coding  coding.Coding
		h       http.HandlerFunc
		encoded string
		vary    string
		body    string
	}{
		{"gzip", coding.Gzip, with(long), "gzip", "Accept-Encoding", long},
		{"zstd", coding.Zstd, with(long), "zstd", "Accept-Encoding", long},
		{"with a length", coding.Gzip, with(long, "Content-Length", "4600"), "gzip", "Accept-Encoding", long},
		{"beside another Vary", coding.Gzip, with(long, "Vary", "Origin"), "gzip", "Origin,Accept-Encoding", long},
		{"who did not ask", coding.Identity, with(long), "", "Accept-Encoding", long},
		{"small", coding.Gzip, with(long[:1000]), "", "Accept-Encoding", long[:1000]},
		{"small with a length", coding.Gzip, with(long[:1000], "Content-Length", "1000"), "", "", long[:1000]},
		{"a strong ETag", coding.Gzip, with(long, "ETag", `"3"`), "", "", long},
		{"a weak ETag", coding.Gzip, with(long, "ETag", `W/"3"`), "gzip", "Accept-Encoding", long},
		{"secrets", coding.Gzip, with(long, "Cache-Control", "no-store"), "", "", long},
		{"pictures", coding.Gzip, with(long, "Content-Type", "image/png"), "", "", long},
		{"a stream of events", coding.Gzip, with(long, "Content-Type", "text/event-stream"), "", "", long},
		{"coded already", coding.Gzip, with(long, "Content-Encoding", "br"), "br", "", long},
		{"a problem", coding.Zstd, with(long, "Content-Type", "application/problem+json"), "zstd", "Accept-Encoding", long},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := answer(t, c.coding, c.h)
			if got := r.Header.Get("Content-Encoding"); r.StatusCode != http.StatusCreated || got != c.encoded {
				t.Errorf("status %d, coding %q", r.StatusCode, got)
			}
			if got := strings.Join(r.Header["Vary"], ","); got != c.vary {
				t.Errorf("Vary %q, want %q", got, c.vary)
			}
			if c.encoded == "gzip" && r.Header.Get("Content-Length") != "" {
				t.Error("the length of the plain text is announced")
			}
			if got := plainOf(t, r); got != c.body {
				t.Errorf("body of %d bytes, want %d", len(got), len(c.body))
			}
		})
	}
}

func TestWhatIsFlushedIsOut(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"short", long} {
		rec := httptest.NewRecorder()
		var w coding.Writer
		w.Init(rec, coding.Gzip)
		w.Header().Set("Content-Type", "text/plain")
		if _, err := io.WriteString(&w, first); err != nil {
			t.Fatal(err)
		}
		if err := http.NewResponseController(&w).Flush(); err != nil || !rec.Flushed {
			t.Fatalf("flushed: %t, %v", rec.Flushed, err)
		}
		soFar := bytes.NewReader(rec.Body.Bytes())
		var from io.Reader = soFar
		if rec.Header().Get("Content-Encoding") != "" {
			from = coding.NewReader(soFar, coding.Gzip)
		}
		got := make([]byte, len(first))
		if _, err := io.ReadFull(from, got); err != nil || string(got) != first {
			t.Errorf("%d bytes were written and flushed: %v", len(first), err)
		}
	}
}

func packed(t *testing.T, c coding.Coding, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if c == coding.Zstd {
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReader(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for _, c := range []coding.Coding{coding.Gzip, coding.Zstd} {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			for _, text := range []string{long, string(noise), ""} {
				whole := packed(t, c, text)
				r := coding.NewReader(iotest.HalfReader(bytes.NewReader(whole)), c)
				if b, err := io.ReadAll(r); err != nil || string(b) != text {
					t.Fatalf("%d of %d bytes: %v", len(b), len(text), err)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				if _, err := r.Read(make([]byte, 1)); err == nil {
					t.Error("it reads after it was closed")
				}
				if text == "" {
					continue
				}
				if _, err := io.ReadAll(coding.NewReader(bytes.NewReader(whole[:len(whole)-5]), c)); !errors.Is(err, coding.ErrBroken) {
					t.Errorf("cut off: %v", err)
				}
				lost := errors.New("the line is cut")
				if _, err := io.ReadAll(coding.NewReader(io.MultiReader(bytes.NewReader(whole[:20]), iotest.ErrReader(lost)), c)); !errors.Is(err, lost) {
					t.Errorf("lost on the way: %v", err)
				}
			}
			if _, err := io.ReadAll(coding.NewReader(strings.NewReader(`{"type":"a"}`), c)); !errors.Is(err, coding.ErrBroken) {
				t.Errorf("plain text: %v", err)
			}
		})
	}
}

// A frame that asks for a window of a gigabyte is refused before anything is
// allocated for it.
func TestAGreatWindowIsRefused(t *testing.T) {
	t.Parallel()
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 0x0b, 0x00, 0x00, 'a'}
	if _, err := io.ReadAll(coding.NewReader(bytes.NewReader(frame), coding.Zstd)); !errors.Is(err, coding.ErrBroken) {
		t.Errorf("read: %v", err)
	}
	frame[5] = 13 << 3 // 8 MiB
	if b, err := io.ReadAll(coding.NewReader(bytes.NewReader(frame), coding.Zstd)); err != nil || string(b) != "a" {
		t.Errorf("read %q: %v", b, err)
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		want   coding.Coding
		ok     bool
	}{
		{"gzip", coding.Gzip, true}, {"X-GZIP", coding.Gzip, true}, {"zstd", coding.Zstd, true},
		{"identity", coding.Identity, true}, {"identity, gzip", coding.Gzip, true},
		{"gzip, gzip", 0, false}, {"br", 0, false}, {"gzip\r\nX: y", 0, false},
	} {
		got, err := coding.Of([]string{c.header})
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("Of(%q) = %s, %v", c.header, got, err)
		}
	}
}
