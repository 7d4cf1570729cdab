package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/flowcatalyst/fc/daemon/internal/api/coding"
)

// gzipped compresses a body.
func gzipped(t testing.TB, body string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstded(t testing.TB, body string) string {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return string(z.EncodeAll([]byte(body), nil))
}

const smallEvent = `{"type":"orders:fulfillment:shipment:shipped","source":"/shop","clientId":"acme","data":{"total":120}}`

func TestCompressedRequestsAreRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	pool := `{"code":"bulk","name":"Bulk","clientId":"acme"}`
	w.do("POST", "/api/events", w.admin(), gzipped(t, smallEvent), "Content-Encoding", "gzip").is(201)
	w.do("POST", "/api/events", w.admin(), zstded(t, smallEvent), "Content-Encoding", "zstd").is(201)
	w.do("POST", "/api/events/batch", w.admin(), zstded(t, "["+smallEvent+","+smallEvent+"]"), "Content-Encoding", "zstd").is(200)
	w.do("POST", "/api/dispatch-pools", w.admin(), gzipped(t, pool), "Content-Encoding", "gzip").is(201)
	var list struct {
		Events []struct{ Data map[string]int }
	}
	w.do("GET", "/api/events?limit=50&includePayload=true", w.admin(), "").is(200).into(&list)
	if len(list.Events) != 4 {
		t.Errorf("%d events were stored, want 4", len(list.Events))
	}
	if left := w.api.bodies.taken.Load(); left != 0 {
		t.Errorf("%d bytes of the budget are still taken", left)
	}
}

func TestABombIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	bomb := strings.Repeat(" ", 64<<20)
	for name, packed := range map[string]string{"gzip": gzipped(t, bomb), "zstd": zstded(t, bomb)} {
		if len(packed) > 1<<20 {
			t.Fatalf("the bomb has %d bytes", len(packed))
		}
		for _, path := range []string{"/api/events", "/api/events/batch", "/api/dispatch-pools", "/api/apply"} {
			w.do("POST", path, w.admin(), packed, "Content-Encoding", name).problem(413, "TOO_LARGE", "larger than")
		}
	}
	if left := w.api.bodies.taken.Load(); left != 0 {
		t.Errorf("%d bytes of the budget are still taken", left)
	}
}

func TestCompressedRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, path := range []string{"/api/events", "/api/dispatch-pools"} {
		w.do("POST", path, w.admin(), smallEvent, "Content-Encoding", "gzip").problem(400, "INVALID", "decompressed as gzip")
		w.do("POST", path, w.admin(), gzipped(t, smallEvent)[:40], "Content-Encoding", "gzip").problem(400, "INVALID", "decompressed as gzip")
		a := w.do("POST", path, w.admin(), smallEvent, "Content-Encoding", "br")
		a.problem(415, "UNSUPPORTED_MEDIA_TYPE", "gzip, zstd")
		if got := a.header.Get("Accept-Encoding"); got != coding.Supported {
			t.Errorf("Accept-Encoding: %q", got)
		}
		// Decoders are for those who are known.
		w.do("POST", path, "", gzipped(t, smallEvent), "Content-Encoding", "gzip").problem(401, "UNAUTHENTICATED")
	}
	w.do("POST", "/auth/login", "", gzipped(t, `{}`), "Content-Encoding", "gzip").problem(415, "UNSUPPORTED_MEDIA_TYPE", "must not be compressed")
}

// A body whose length nobody announced takes of the budget what it has, not
// what it might have.
func TestABodyOfUnknownLengthTakesWhatItHas(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.api.bodies.take(w.api.bodies.limit - 1000)
	r := httptest.NewRequest("POST", "/api/events", io.MultiReader(strings.NewReader(smallEvent)))
	r.Header.Set("Authorization", "Bearer "+w.admin())
	if r.ContentLength >= 0 {
		t.Fatal("the length is known")
	}
	w.send(r).is(201)
	w.api.bodies.take(900)
	r = httptest.NewRequest("POST", "/api/events", io.MultiReader(strings.NewReader(smallEvent), strings.NewReader(strings.Repeat(" ", 1000))))
	r.Header.Set("Authorization", "Bearer "+w.admin())
	w.send(r).problem(429, "TOO_MANY_REQUESTS")
}

func TestAnswersAreCompressedForThoseWhoAsk(t *testing.T) {
	t.Parallel()
	w := setup(t)
	plain := w.do("GET", "/openapi.json", "", "").is(200)
	if plain.header.Get("Content-Encoding") != "" || plain.header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("headers: %v", plain.header)
	}
	for name, c := range map[string]coding.Coding{"gzip": coding.Gzip, "zstd": coding.Zstd} {
		a := w.do("GET", "/openapi.json", "", "", "Accept-Encoding", name).is(200)
		if a.header.Get("Content-Encoding") != name || len(a.body)*4 > len(plain.body) {
			t.Fatalf("%s: headers %v, %d of %d bytes", name, a.header, len(a.body), len(plain.body))
		}
		b, err := io.ReadAll(coding.NewReader(bytes.NewReader(a.body), c))
		if err != nil || !bytes.Equal(b, plain.body) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A list through huma, whose length is not known before.
	for range 40 {
		w.do("POST", "/api/events", w.admin(), smallEvent).is(201)
	}
	a := w.do("GET", "/api/events?limit=50", w.admin(), "", "Accept-Encoding", "gzip").is(200)
	if a.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("headers: %v", a.header)
	}
	b, err := io.ReadAll(coding.NewReader(bytes.NewReader(a.body), coding.Gzip))
	if err != nil || !json.Valid(b) {
		t.Errorf("list: %v", err)
	}
	// What is small, or has a revision, stays as it is.
	w.do("POST", "/api/dispatch-pools", w.admin(), `{"code":"bulk","name":"`+strings.Repeat("b", 200)+`","description":"`+strings.Repeat("d", 1600)+`"}`).is(201)
	for _, path := range []string{"/health", "/api/dispatch-pools/bulk"} {
		a := w.do("GET", path, w.admin(), "", "Accept-Encoding", "gzip").is(200)
		if a.header.Get("Content-Encoding") != "" || !json.Valid(a.body) {
			t.Errorf("%s: %v", path, a.header)
		}
	}
}
