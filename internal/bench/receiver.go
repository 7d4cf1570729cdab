package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// deliverPath is where deliveries go; the number of a path follows it.
const deliverPath = "/d/"

// A receiver is the endpoint that webhooks go to. What it does for a delivery
// is the least that a receiver which keeps books can do.
type receiver struct {
	tally   atomic.Pointer[tally]
	buffers sync.Pool
}

func newReceiver() *receiver {
	rc := &receiver{buffers: sync.Pool{New: func() any { b := make([]byte, 4096); return &b }}}
	rc.tally.Store(newTally(expectation{}))
	return rc
}

// receive is the receiver as a process: it prints its address and serves until
// its standard input ends, so that it never outlives the bench.
func receive(stdin io.Reader, stdout io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for deliveries: %w", err)
	}
	srv := &http.Server{Handler: newReceiver(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		_ = srv.Close()
	}()
	fmt.Fprintln(stdout, l.Addr())
	if err := srv.Serve(l); err != http.ErrServerClosed {
		return fmt.Errorf("serve deliveries: %w", err)
	}
	return nil
}

// ServeHTTP implements http.Handler. A delivery is told apart first: all else
// is rare.
func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if number, ok := strings.CutPrefix(r.URL.Path, deliverPath); ok {
		rc.deliver(w, r, number)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /expect":
		var want expectation
		if err := json.NewDecoder(r.Body).Decode(&want); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		rc.tally.Store(newTally(want))
		w.WriteHeader(http.StatusNoContent)
	case "GET /verdict":
		rc.answer(w, rc.tally.Load().verdict())
	case "GET /wait":
		patience, err := time.ParseDuration(r.URL.Query().Get("patience"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		t := rc.tally.Load()
		wait(r, t, patience)
		rc.answer(w, t.verdict())
	default:
		http.NotFound(w, r)
	}
}

func (rc *receiver) answer(w http.ResponseWriter, v verdict) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (rc *receiver) deliver(w http.ResponseWriter, r *http.Request, number string) {
	d := delivery{at: time.Now(), path: -1}
	if n, err := strconv.Atoi(number); err == nil {
		d.path = n
	}
	buf := rc.buffers.Get().(*[]byte)
	defer rc.buffers.Put(buf)
	if n := r.ContentLength; n >= 0 && n <= int64(len(*buf)) {
		body := (*buf)[:n]
		if _, err := io.ReadFull(r.Body, body); err == nil {
			d.item, d.ok = scan(body)
		}
	}
	d.job = first(r.Header, "X-Flowcatalyst-Dispatch-Job-Id", "Webhook-Id")
	d.attempt = first(r.Header, "X-Flowcatalyst-Attempt")
	d.signed = first(r.Header, "Webhook-Id") != "" && first(r.Header, "Webhook-Signature") != ""
	rc.tally.Load().add(d)
	w.WriteHeader(http.StatusOK)
}

// first returns the first of some headers, given in canonical form, that is
// there.
func first(h http.Header, canonical ...string) string {
	for _, name := range canonical {
		if v := h[name]; len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

// wait returns when everything has arrived, when nothing has for as long as
// patience, or when the asker is gone.
func wait(r *http.Request, t *tally, patience time.Duration) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-t.done:
			return
		case <-r.Context().Done():
			return
		case now := <-tick.C:
			if t.quiet(now) >= patience {
				return
			}
		}
	}
}
