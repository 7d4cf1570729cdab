package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// maxStreams is how many may watch at once.
	maxStreams = 64
	// streamEvery is how often a snapshot goes out, unless the client asks for
	// another pace.
	streamEvery = time.Second
	// streamFor is how long one stream lasts at most; a client connects again
	// and goes on, with a token that is new by then.
	streamFor = time.Hour
	// heartbeat is how often something is written at least, so that what
	// stands in between keeps the connection.
	heartbeat = 15 * time.Second
	// stuck is how long a client may take nothing.
	stuck = 10 * time.Second
)

// streams counts who watches.
type streams struct{ open atomic.Int32 }

// stream sends a snapshot at once and then one each second:
//
//	id: 1803600000000
//	event: snapshot
//	data: {"at":…}
//
// A snapshot is whole, so a client that comes again after a lost connection has
// missed nothing that the next one does not say. Its id is its time in
// milliseconds.
func (s *server) stream(w http.ResponseWriter, r *http.Request, c *caller) error {
	m := s.o.Monitor
	if m == nil {
		return errNoRouter()
	}
	every := streamEvery
	if text := r.URL.Query().Get("interval"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || seconds < 0.5 || seconds > 60 {
			return badField("interval", "must be a number of seconds from 0.5 to 60", "1")
		}
		every = time.Duration(seconds * float64(time.Second))
	}
	defer s.streams.open.Add(-1)
	if s.streams.open.Add(1) > maxStreams {
		return newProblem(http.StatusServiceUnavailable, "BUSY", fmt.Sprintf("%d others watch already; try again later, or ask /monitoring now and then", maxStreams)).after(30 * time.Second)
	}
	until := time.Now().Add(streamFor)
	if !c.expires.IsZero() && c.expires.Before(until) {
		until = c.expires
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)

	out := http.NewResponseController(w)
	send := func(b []byte) bool {
		// Some writers have no deadline; then the client's absence ends it.
		_ = out.SetWriteDeadline(time.Now().Add(stuck))
		_, err := w.Write(b)
		return err == nil && out.Flush() == nil
	}
	// The deadline for reading the request must not end the answer.
	_ = out.SetReadDeadline(time.Time{})
	tick := time.NewTicker(every)
	defer tick.Stop()
	beat := time.NewTicker(s.beat)
	defer beat.Stop()
	end := time.NewTimer(time.Until(until))
	defer end.Stop()
	var b bytes.Buffer
	may := s.may(c)
	snapshot := func() bool {
		now := m.Look(r.Context())
		v := viewSnapshot(&now, m.Warnings().List(), c.Scope, may)
		b.Reset()
		fmt.Fprintf(&b, "id: %d\nevent: snapshot\ndata: ", now.At.UnixMilli())
		enc := json.NewEncoder(&b) // it writes no line break within, and one after
		if err := enc.Encode(v); err != nil {
			s.log.Error("snapshot can not be written", "error", err)
			return false
		}
		b.WriteByte('\n')
		return send(b.Bytes())
	}
	if !send([]byte("retry: 1000\n\n")) || !snapshot() {
		return nil
	}
	for {
		alive := true
		select {
		case <-tick.C:
			alive = snapshot()
		case <-beat.C:
			if c.principal != nil { // who lost the right to look sees no more
				now, refused := s.admit(r, c.RequestID, seeStats)
				if refused != nil {
					send([]byte("event: end\ndata: {}\n\n"))
					return nil
				}
				*c = now
				may = s.may(c)
			}
			alive = every < heartbeat || send([]byte(": still here\n\n"))
		case <-end.C:
			send([]byte("event: end\ndata: {}\n\n"))
			return nil
		case <-r.Context().Done():
			return nil
		case <-s.o.Closing:
			send([]byte("event: end\ndata: {}\n\n"))
			return nil
		}
		if !alive {
			return nil
		}
	}
}
