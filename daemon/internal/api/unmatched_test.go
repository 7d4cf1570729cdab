package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOtherListenersRefuseAsTheAPIDoes(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fine")) })
	h := Unmatched(mux)
	for _, c := range []struct {
		method, path, code, allow string
		status                    int
	}{
		{"GET", "/nowhere", "NOT_FOUND", "", 404},
		{"POST", "/nowhere", "NOT_FOUND", "", 404},
		{"POST", "/health", "METHOD_NOT_ALLOWED", "GET, HEAD", 405},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatalf("%s %s: %v in %q", c.method, c.path, err, w.Body)
		}
		if w.Code != c.status || p.Status != c.status || p.Code != c.code || w.Header().Get("Content-Type") != problemJSON ||
			w.Header().Get("Allow") != c.allow || p.RequestID == "" || p.RequestID != w.Header().Get(requestIDHeader) {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, w.Code, w.Header(), w.Body)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/health", nil))
	if w.Code != 200 || w.Body.String() != "fine" {
		t.Errorf("what is there: %d %s", w.Code, w.Body)
	}
}
