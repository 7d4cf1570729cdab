// Package sse writes server-sent events (the HTML standard, 9.2) to clients
// that may be slow, gone or many.
package sse

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Stuck is how long a client may take nothing before its stream ends.
const Stuck = 10 * time.Second

// Stream is one open answer. It is for one goroutine.
type Stream struct {
	w   http.ResponseWriter
	out *http.ResponseController
	b   []byte
}

// Open begins an answer of events. The client comes again after a second when
// it is cut off.
func Open(w http.ResponseWriter) (*Stream, error) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s := &Stream{w: w, out: http.NewResponseController(w)}
	// The deadline for reading the request must not end the answer.
	_ = s.out.SetReadDeadline(time.Time{})
	s.b = append(s.b, "retry: 1000\n\n"...)
	return s, s.Flush()
}

// Send writes one event, which goes out with the next Flush, or before that when
// much has gathered. A client that connects again names the last id that it
// has seen. Data is JSON: line breaks within it are nothing but space there,
// and would end the event here.
func (s *Stream) Send(id, event string, data []byte) error {
	s.field("id", id)
	s.field("event", event)
	s.b = append(s.b, "data: "...)
	for _, c := range data {
		if c == '\n' || c == '\r' {
			c = ' '
		}
		s.b = append(s.b, c)
	}
	s.b = append(s.b, "\n\n"...)
	if len(s.b) < gathered {
		return nil
	}
	return s.Flush()
}

// Keep says that the stream is alive and where it stands: a client takes the
// id, and sees no event.
func (s *Stream) Keep(id string) error {
	s.b = append(s.b, ": still here\n"...)
	s.field("id", id)
	s.b = append(s.b, '\n')
	return s.Flush()
}

// End says that the stream ends in good order, and that the client should come
// again.
func (s *Stream) End() error {
	return errors.Join(s.Send("", "end", []byte("{}")), s.Flush())
}

// breaks are what would let a value begin a line of its own.
var breaks = strings.NewReplacer("\n", "", "\r", "", "\x00", "")

func (s *Stream) field(name, value string) {
	if value != "" {
		s.b = append(append(append(append(s.b, name...), ": "...), breaks.Replace(value)...), '\n')
	}
}

// gathered is how much goes out at once, and kept the largest buffer that stays.
const (
	gathered = 32 << 10
	kept     = 64 << 10
)

// Flush sends what was written.
func (s *Stream) Flush() error {
	if len(s.b) == 0 {
		return nil
	}
	// Some writers have no deadline; then the client's absence ends it.
	_ = s.out.SetWriteDeadline(time.Now().Add(Stuck))
	_, err := s.w.Write(s.b)
	if cap(s.b) > kept {
		s.b = nil
	}
	s.b = s.b[:0]
	return errors.Join(err, s.out.Flush())
}

// Seats bounds how many streams there are at once, in all and for each owner,
// so that nobody takes all of them. The zero Seats has none.
type Seats struct {
	All, Each int

	mu    sync.Mutex
	taken map[string]int
	n     int
}

// Take asks for a seat. Whoever gets one gives it back.
func (s *Seats) Take(owner string) (give func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n >= s.All || s.taken[owner] >= s.Each {
		return nil, false
	}
	if s.taken == nil {
		s.taken = map[string]int{}
	}
	s.n++
	s.taken[owner]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.n--
		if s.taken[owner]--; s.taken[owner] == 0 {
			delete(s.taken, owner)
		}
	}, true
}

// Taken is how many seats are taken.
func (s *Seats) Taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}
