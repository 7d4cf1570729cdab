package api

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const (
	idempotencyKey = "Idempotency-Key"
	// keptFor is how long an answer is there for repeats.
	keptFor = 24 * time.Hour
	// underWay is how long a request may be under way before its key is free
	// again: longer than any takes, and the end of what a crash left.
	underWay = 3 * time.Minute
	// maxKept bounds an answer that is kept.
	maxKept = 1 << 20
)

// ownKeys are the paths whose calls have an Idempotency-Key of their own,
// which they keep with what they make and so for ever.
var ownKeys = map[string]bool{
	"/api/dispatch-jobs":        true,
	"/api/events/expunge":       true,
	"/api/replays":              true,
	"/api/dead-letters/retry":   true,
	"/api/dead-letters/discard": true,
}

// asksOnce says whether a request is to be carried out once for its key.
func (s *server) asksOnce(r *http.Request) bool {
	return len(r.Header[idempotencyKey]) > 0 && r.Method == http.MethodPost && s.o.Entries != nil &&
		strings.HasPrefix(r.URL.Path, "/api/") && !ownKeys[r.URL.Path]
}

// kept is what the entry of a key holds.
type kept struct {
	// Salt is the key of the fingerprint, so that who reads the store can not
	// look up what a short request was: it may have had a password in it.
	Salt        []byte      `json:"salt"`
	Fingerprint string      `json:"fingerprint"`
	Needs       string      `json:"needs,omitempty"`  // the permission of the route
	Status      int         `json:"status,omitempty"` // 0 while it is under way
	Header      http.Header `json:"header,omitempty"`
	Body        []byte      `json:"body,omitempty"`
	Withheld    bool        `json:"withheld,omitempty"` // it was done, and the answer is not kept
}

// once carries out a request with an Idempotency-Key, or answers as before.
//
//	free ──put──▶ under way ──2xx──▶ answered ──24 h──▶ free
//	                 │  ╰──anything else──▶ free
//	                 ╰──three minutes──▶ free
//
// The key belongs to the principal: nobody meets the keys of others.
func (s *server) once(w http.ResponseWriter, r *http.Request, id string) {
	c, err := s.admit(r, id, anyToken)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	key, print, err := s.readOnce(w, r, &c)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	k := kept{Salt: []byte(rand.Text())}
	k.Fingerprint = print(k.Salt)
	e := store.Entry{Space: key.Space, Key: key.Key, Owner: c.PrincipalID, ExpiresAt: time.Now().Add(underWay)}
	if e.Body, err = json.Marshal(k); err == nil {
		err = s.o.Entries.SwapEntries(r.Context(), []store.Entry{e}, nil, time.Now())
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		if err := s.again(w, r, &c, key, print); err != nil {
			s.fail(w, r, err)
		}
		return
	case err != nil:
		s.fail(w, r, fmt.Errorf("note an idempotency key: %w", err))
		return
	}

	held := &heldAnswer{header: w.Header()}
	e.Revision = 1
	whole := false
	defer func() {
		if !whole {
			held.status = 0 // it panicked, and ServeHTTP answers
		}
		// It must be noted whether or not the client is still there.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
		defer cancel()
		k.Needs = s.needs[r.Pattern]
		if err := s.keep(ctx, e, k, held); err != nil {
			s.log.Warn("idempotency key not settled; it is free again after a while", "request_id", id, "error", err)
		}
		if held.status != 0 {
			w.WriteHeader(held.status)
			_, _ = w.Write(held.body.Bytes()) // whoever is gone is gone
		}
	}()
	s.router.ServeHTTP(held, r)
	if held.status == 0 {
		held.status = http.StatusOK
	}
	whole = true
}

// readOnce reads the key and what the request is, whose fingerprint print
// makes, and puts the body back.
func (s *server) readOnce(w http.ResponseWriter, r *http.Request, c *caller) (key store.EntryKey, print func(salt []byte) string, err error) {
	name := r.Header[idempotencyKey]
	text := name[0]
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' {
		text = text[1 : n-1] // a string, as structured fields write it
	}
	if len(name) != 1 || text == "" || len(text) > 255 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) {
		return key, nil, badField(idempotencyKey, "must be one key of 1 to 255 printable ASCII characters", "a UUID")
	}
	if r.ContentLength > s.o.MaxBatch {
		return key, nil, tooLarge(s.o.MaxBatch)
	}
	m := metered{from: r.Body, b: &s.bodies}
	defer m.end() // from here on whoever works with the body counts it
	body, err := io.ReadAll(http.MaxBytesReader(w, &m, s.o.MaxBatch))
	if err != nil {
		return key, nil, bodyProblem(err, s.o.MaxBatch)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	about := []string{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"), r.Header.Get("If-Match")}
	print = func(salt []byte) string {
		h := hmac.New(sha256.New, salt)
		for _, part := range about {
			fmt.Fprintf(h, "%d:%s", len(part), part)
		}
		h.Write(body)
		return hex.EncodeToString(h.Sum(nil))
	}
	owned := sha256.Sum256([]byte(c.PrincipalID + "\x00" + text))
	return store.EntryKey{Space: "idempotency", Key: hex.EncodeToString(owned[:])}, print, nil
}

// again answers a request whose key is taken. Who may not do it any more does
// not get the answer either.
func (s *server) again(w http.ResponseWriter, r *http.Request, c *caller, key store.EntryKey, print func(salt []byte) string) error {
	busy := newProblem(http.StatusConflict, string(platform.CodeConflict), "a request with this Idempotency-Key is under way; ask again for its answer").after(time.Second)
	e, err := s.o.Entries.Entry(r.Context(), key, time.Now())
	if errors.Is(err, store.ErrNotFound) {
		return busy // it has just become free
	}
	if err != nil {
		return fmt.Errorf("read an idempotency key: %w", err)
	}
	var k kept
	if err := json.Unmarshal(e.Body, &k); err != nil {
		return fmt.Errorf("read an idempotency key: %w", err)
	}
	switch {
	case !hmac.Equal([]byte(k.Fingerprint), []byte(print(k.Salt))):
		return newProblem(http.StatusConflict, "IDEMPOTENCY_KEY_REUSED", "this Idempotency-Key was used for another request; choose another key")
	case k.Withheld:
		return newProblem(http.StatusConflict, "IDEMPOTENCY_ANSWER_WITHHELD", "this was done already, and its answer is not kept, since it is secret or very large; look up what was made")
	case k.Status == 0:
		return busy
	case k.Needs != "" && k.Needs != anyToken && !c.actor.May(k.Needs):
		return newProblem(http.StatusForbidden, "FORBIDDEN", "this needs the permission "+k.Needs)
	}
	h := w.Header()
	for name, values := range k.Header {
		h[name] = values
	}
	h.Set("Idempotency-Replayed", "true")
	w.WriteHeader(k.Status)
	_, _ = w.Write(k.Body) // whoever is gone is gone
	return nil
}

// keep settles a key: what was done stays for repeats, and what was not may be
// tried again.
func (s *server) keep(ctx context.Context, e store.Entry, k kept, a *heldAnswer) error {
	now := time.Now()
	if a.status < 200 || a.status > 299 {
		return s.o.Entries.SwapEntries(ctx, nil, []store.EntryKey{{Space: e.Space, Key: e.Key}}, now)
	}
	k.Status = a.status
	if a.body.Len() > maxKept || strings.Contains(a.header.Get("Cache-Control"), "no-store") {
		k.Withheld = true
	} else {
		k.Body, k.Header = a.body.Bytes(), http.Header{}
		for _, name := range []string{"Content-Type", "Etag", "Location", "X-Flowcatalyst-Warning"} {
			if values := a.header[name]; len(values) > 0 {
				k.Header[name] = values
			}
		}
	}
	var err error
	if e.Body, err = json.Marshal(k); err != nil {
		return err
	}
	e.ExpiresAt = now.Add(keptFor)
	return s.o.Entries.SwapEntries(ctx, []store.Entry{e}, nil, now)
}

// heldAnswer holds an answer back until its key is settled.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *heldAnswer) Header() http.Header { return a.header }

func (a *heldAnswer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

func (a *heldAnswer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}
