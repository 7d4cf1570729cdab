package daemon_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A fault is what an endpoint does with one request.
type fault string

// The faults. Those that the breaker counts are few in a script, since a
// breaker that opens costs five seconds.
const (
	takes     fault = "takes it"
	dawdles   fault = "takes it after 20 ms"
	fails     fault = "500"
	away      fault = "503"
	absent    fault = "404"
	refuses   fault = "422"
	gone      fault = "410"
	throttles fault = "429"
	holds     fault = "429, Retry-After: 1"
	defers    fault = "ack:false for 1 s"
	resets    fault = "reset"
	hangs     fault = "hangs"
)

// endpoints are receivers on loopback, one for each path, that do what their
// script says and remember every exchange.
type endpoints struct {
	*httptest.Server

	mu        sync.Mutex
	healthy   bool
	scripts   map[string][]fault // by path; it begins again at its end
	next      map[string]int
	exchanges []*exchange // in the order of arrival
	restarts  []span
	fresh     chan struct{} // one token: something arrived
}

// exchange is one request as the receiver saw it.
type exchange struct {
	path, job, event, subscription string
	replay                         string // "" for live traffic
	number                         int    // of its event, in the order of acceptance
	attempt                        int
	fault                          fault
	arrived                        time.Time
	ended                          time.Time // before the answer left; zero if nobody waited for one
}

// taken says that the receiver took the delivery and that its answer was
// under way.
func (x *exchange) taken() bool {
	return (x.fault == takes || x.fault == dawdles) && !x.ended.IsZero()
}

// span is a stretch of time.
type span struct{ from, to time.Time }

func newEndpoints(t *testing.T, scripts map[string][]fault) *endpoints {
	e := &endpoints{scripts: scripts, next: map[string]int{}, fresh: make(chan struct{}, 1)}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.close)
	return e
}

func (e *endpoints) close() {
	e.CloseClientConnections()
	e.Close()
}

// heal lets every endpoint take everything from now on.
func (e *endpoints) heal() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.healthy = true
}

// during notes that a router stopped and another started while f ran.
func (e *endpoints) during(f func()) {
	from := time.Now()
	f()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.restarts = append(e.restarts, span{from, time.Now()})
}

// await returns when n more requests have arrived, or after a while.
func (e *endpoints) await(n int, most time.Duration) {
	over := time.NewTimer(most)
	defer over.Stop()
	for range n {
		select {
		case <-e.fresh:
		case <-over.C:
			return
		}
	}
}

// ServeHTTP implements http.Handler.
func (e *endpoints) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if _, err := io.Copy(io.Discard, q.Body); err != nil {
		return // the request never came as a whole
	}
	x := &exchange{
		path: q.URL.Path, job: q.Header.Get("X-FlowCatalyst-Dispatch-Job-Id"), event: q.Header.Get("X-FlowCatalyst-Event-Id"),
		subscription: q.Header.Get("X-FlowCatalyst-Subscription-Id"), replay: q.Header.Get("X-FlowCatalyst-Replay"),
		arrived: time.Now(),
	}
	x.number, _ = strconv.Atoi(strings.TrimPrefix(q.Header.Get("X-FlowCatalyst-Correlation-Id"), "n"))
	x.attempt, _ = strconv.Atoi(q.Header.Get("X-FlowCatalyst-Attempt"))
	e.mu.Lock()
	x.fault = takes
	if script := e.scripts[x.path]; !e.healthy && len(script) > 0 {
		x.fault = script[e.next[x.path]%len(script)]
		e.next[x.path]++
	}
	e.exchanges = append(e.exchanges, x)
	e.mu.Unlock()
	select {
	case e.fresh <- struct{}{}:
	default:
	}
	e.act(w, q, x)
}

func (e *endpoints) act(w http.ResponseWriter, q *http.Request, x *exchange) {
	switch x.fault {
	case hangs:
		<-q.Context().Done()
		return
	case dawdles:
		work := time.NewTimer(20 * time.Millisecond)
		defer work.Stop()
		select {
		case <-work.C:
		case <-q.Context().Done():
			return
		}
	}
	e.mu.Lock()
	x.ended = time.Now()
	e.mu.Unlock()
	switch x.fault {
	case fails:
		w.WriteHeader(http.StatusInternalServerError)
	case away:
		w.WriteHeader(http.StatusServiceUnavailable)
	case absent:
		w.WriteHeader(http.StatusNotFound)
	case refuses:
		w.WriteHeader(http.StatusUnprocessableEntity)
	case gone:
		w.WriteHeader(http.StatusGone)
	case throttles:
		w.WriteHeader(http.StatusTooManyRequests)
	case holds:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case defers:
		_, _ = io.WriteString(w, `{"ack":false,"delaySeconds":1}`)
	case resets:
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = c.Close()
		}
	}
}
