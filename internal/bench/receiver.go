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
	live    atomic.Pointer[tally]
	replay  atomic.Pointer[tally] // of deliveries that say that they are a replay's
	manners atomic.Pointer[manners]
	buffers sync.Pool
}

func newReceiver() *receiver {
	rc := &receiver{buffers: sync.Pool{New: func() any { b := make([]byte, 4096); return &b }}}
	rc.live.Store(newTally(expectation{}))
	rc.replay.Store(newTally(expectation{}))
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
		rc.book(r).Store(newTally(want))
		w.WriteHeader(http.StatusNoContent)
	case "GET /verdict":
		answer(w, rc.book(r).Load().verdict())
	case "GET /log":
		answer(w, rc.book(r).Load().arrivals())
	case "POST /behave":
		m := &manners{changed: make(chan struct{})}
		if err := json.NewDecoder(r.Body).Decode(&m.list); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if was := rc.manners.Swap(m); was != nil {
			close(was.changed)
		}
		w.WriteHeader(http.StatusNoContent)
	case "GET /wait":
		patience, err := time.ParseDuration(r.URL.Query().Get("patience"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		t := rc.book(r).Load()
		wait(r, t, patience)
		answer(w, t.verdict())
	default:
		http.NotFound(w, r)
	}
}

// book is the one that a request of the control side names.
func (rc *receiver) book(r *http.Request) *atomic.Pointer[tally] {
	if r.URL.Query().Has("replay") {
		return &rc.replay
	}
	return &rc.live
}

func answer(w http.ResponseWriter, v any) {
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
	d.begun = first(r.Header, "X-Flowcatalyst-Timestamp")
	d.signed = first(r.Header, "Webhook-Id") != "" && first(r.Header, "Webhook-Signature") != ""
	m, status := rc.manners.Load(), http.StatusOK
	b := m.of(d.path)
	if b != nil {
		status = b.status()
		d.refused = b.Hang || status != http.StatusOK
	}
	if first(r.Header, "X-Flowcatalyst-Replay") != "" {
		rc.replay.Load().add(d)
	} else {
		rc.live.Load().add(d)
	}
	if b != nil {
		m.dwell(r, b)
	}
	w.WriteHeader(status)
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
