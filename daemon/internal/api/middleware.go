package api

import (
	"crypto/rand"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const requestIDHeader = "X-Request-Id"

// ServeHTTP gives each request an id, contains panics and counts.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	id := requestID(r.Header.Get(requestIDHeader))
	w.Header()[requestIDHeader] = []string{id}
	rec := &recorder{ResponseWriter: w}
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
		s.metrics.count(r, rec.status, time.Since(began))
	}()
	s.router.ServeHTTP(rec, r)
}

// requestID is the caller's id if it is harmless, or a new one.
func requestID(asked string) string {
	if asked == "" || len(asked) > 128 {
		return rand.Text()
	}
	for i := range len(asked) {
		c := asked[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.:/+=@", rune(c)) {
			return rand.Text()
		}
	}
	return asked
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
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
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
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

// count files a request under its route as it is declared, never under its
// path, so that strangers can not make labels.
func (m *metrics) count(r *http.Request, status int, took time.Duration) {
	method, route, ok := strings.Cut(r.Pattern, " ")
	if !ok {
		method, route = "other", "unmatched"
	}
	if status == 0 {
		status = http.StatusOK
	}
	class := classes[0]
	if n := status / 100; n < len(classes) {
		class = classes[n]
	}
	m.requests.WithLabelValues(route, method, class).Inc()
	m.duration.WithLabelValues(route, method).Observe(took.Seconds())
}
