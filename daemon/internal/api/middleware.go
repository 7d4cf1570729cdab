package api

import (
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/api/coding"
)

const requestIDHeader = "X-Request-Id"

// ServeHTTP gives each request an id, contains panics and counts.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	id := requestID(r.Header.Get(requestIDHeader))
	rec := &recorder{ResponseWriter: w, id: [1]string{id}}
	if r.Method == http.MethodGet {
		// What other methods answer is small, or repeats what they were sent.
		rec.press.Init(w, coding.Choose(r.Header["Accept-Encoding"]))
		rec.ResponseWriter = &rec.press
	}
	w.Header()[requestIDHeader] = rec.id[:]
	defer func() {
		if cause := recover(); cause != nil {
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			s.log.Error("request panicked", "request_id", id, "method", r.Method, "route", r.Pattern, "panic", cause, "stack", string(debug.Stack()))
			if rec.status != 0 {
				// The answer is out in part: cutting it off is the only way
				// to say that it is not whole.
				s.metrics.count(r, http.StatusInternalServerError, time.Since(began))
				panic(http.ErrAbortHandler)
			}
			s.fail(rec, r, newProblem(http.StatusInternalServerError, "INTERNAL_ERROR", "something went wrong here; the log has the cause under this request id"))
		}
		if err := rec.press.Close(); err != nil {
			s.log.Debug("answer not sent", "request_id", id, "route", r.Pattern, "error", err)
		}
		s.metrics.count(r, rec.status, time.Since(began))
	}()
	if s.oauthOrigins(rec, r) || s.o.CORS.Answer(rec, r) {
		return
	}
	if err := s.nameClients(r); err != nil {
		s.fail(rec, r, err)
		return
	}
	if s.asksOnce(r) {
		s.once(rec, r, id)
		return
	}
	s.router.ServeHTTP(rec, r)
}

// clientParameters are what names a tenant in the query of a request.
var clientParameters = []string{"clientId", "client_id"}

// nameClients puts the ids of clients where a query calls them by their
// identifiers, so that every list takes both. Who may see what is decided
// after it.
func (s *server) nameClients(r *http.Request) error {
	if !strings.Contains(r.URL.RawQuery, "lient") || !strings.HasPrefix(r.URL.Path, "/api/") {
		return nil
	}
	q := r.URL.Query()
	changed := false
	for _, parameter := range clientParameters {
		for i, name := range q[parameter] {
			id, err := s.p.ClientID(r.Context(), name)
			if err != nil {
				return err
			}
			changed = changed || id != name
			q[parameter][i] = id
		}
	}
	if changed {
		r.URL.RawQuery = q.Encode()
	}
	return nil
}

// requestID is the caller's id if it is harmless, or a new one.
func requestID(asked string) string {
	if asked == "" || len(asked) > 128 {
		return newRequestID()
	}
	for i := range len(asked) {
		c := asked[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.:/+=@", rune(c)) {
			return newRequestID()
		}
	}
	return asked
}

// newRequestID is 128 random bits in base32. It finds a request in a log and
// guards nothing, so it need not come from the system's generator.
func newRequestID() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var id [26]byte
	x, y := rand.Uint64(), rand.Uint64()
	for i := range 13 {
		id[i], id[13+i] = alphabet[x&31], alphabet[y&31]
		x, y = x>>5, y>>5
	}
	return string(id[:])
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	press  coding.Writer // of a GET; in the same piece of memory
	status int
	id     [1]string // the header's value
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	if status == statusGone {
		status = http.StatusServiceUnavailable // nobody reads it
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	routes   map[string]*routeSeries // by pattern; it does not change while requests are served
}

// routeSeries are the series of a route, as far as they have been needed:
// looking them up by their labels takes longer than counting.
type routeSeries struct {
	requests [len(classes)]atomic.Pointer[prometheus.Counter]
	duration atomic.Pointer[prometheus.Observer]
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		routes: make(map[string]*routeSeries),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fc_platform_http_requests_total", Help: "Requests to the platform's API, by route, method and class of status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fc_platform_http_request_duration_seconds", Help: "How long requests to the platform's API took.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method"}),
	}
	if reg == nil {
		return m, nil
	}
	if err := reg.Register(m.requests); err != nil {
		return nil, err
	}
	return m, reg.Register(m.duration)
}

var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

// know makes room for the series of a route.
func (m *metrics) know(rt route) { m.routes[rt.method+" "+rt.path] = new(routeSeries) }

// count files a request under its route as it is declared, never under its
// path, so that strangers can not make labels.
func (m *metrics) count(r *http.Request, status int, took time.Duration) {
	if status == 0 {
		status = http.StatusOK
	}
	class := status / 100
	if class >= len(classes) {
		class = 0
	}
	known := m.routes[r.Pattern]
	if known != nil {
		if requests, duration := known.requests[class].Load(), known.duration.Load(); requests != nil && duration != nil {
			(*requests).Inc()
			(*duration).Observe(took.Seconds())
			return
		}
	}
	method, path, ok := strings.Cut(r.Pattern, " ")
	if !ok {
		method, path = "other", "unmatched"
	}
	requests, duration := m.requests.WithLabelValues(path, method, classes[class]), m.duration.WithLabelValues(path, method)
	requests.Inc()
	duration.Observe(took.Seconds())
	if known != nil {
		known.requests[class].Store(&requests)
		known.duration.Store(&duration)
	}
}
