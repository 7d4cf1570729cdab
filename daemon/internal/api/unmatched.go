package api

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// What is said where nothing is, or nothing that takes the method.
const (
	nothingHere  = "there is nothing at this path"
	noSuchMethod = "this path has no such method; the Allow header lists those it has"
)

// Unmatched serves a mux of another listener and answers what no pattern of
// it matches as the API does, with a problem instead of plain text.
func Unmatched(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		// The mux knows which methods the path has, if any.
		said := &unsaid{header: w.Header()}
		refuse.ServeHTTP(said, r)
		p := newProblem(http.StatusNotFound, "NOT_FOUND", nothingHere)
		if said.status == http.StatusMethodNotAllowed {
			p = newProblem(said.status, "METHOD_NOT_ALLOWED", noSuchMethod)
		}
		id := requestID(r.Header.Get(requestIDHeader))
		body, err := json.Marshal(p.with(id))
		if err != nil {
			body = nil // a problem of texts always encodes
		}
		h := w.Header()
		h[requestIDHeader] = []string{id}
		h.Set("Content-Type", problemJSON)
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(p.Status)
		_, _ = w.Write(body) // whoever is gone is gone
	})
}

// unsaid takes an answer's headers and status, and drops its body.
type unsaid struct {
	header http.Header
	status int
}

func (u *unsaid) Header() http.Header         { return u.header }
func (u *unsaid) WriteHeader(status int)      { u.status = status }
func (u *unsaid) Write(b []byte) (int, error) { return len(b), nil }
