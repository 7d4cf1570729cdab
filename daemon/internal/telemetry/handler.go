package telemetry

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Admin is the handler of the admin listener:
//
//	/metrics       for Prometheus
//	/health        every component, as JSON; 503 when one is down
//	/q/live        200 as long as the process answers at all
//	/q/ready       200 while the process can do its work, else 503
//	/debug/pprof/  Go's profiles
//
// It asks for no token. The profiles show what is in memory and cost time to
// take, so the admin address belongs on a network of operators; nothing of it
// is on the other listeners.
func Admin(h *Health, g prometheus.Gatherer) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /health", h.ServeHealth)
	mux.HandleFunc("GET /q/live", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "UP"})
	})
	mux.HandleFunc("GET /q/ready", h.ServeReady)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// ServeHealth answers with the report.
func (h *Health) ServeHealth(w http.ResponseWriter, r *http.Request) {
	report := h.Report(r.Context())
	answer(w, statusOf(report.Status == "UP"), report)
}

// ServeReady answers whether work should be sent here, and if not, why.
func (h *Health) ServeReady(w http.ResponseWriter, r *http.Request) {
	report := h.Report(r.Context())
	body := struct {
		Ready bool        `json:"ready"`
		Phase Phase       `json:"phase"`
		Down  []Component `json:"down,omitempty"`
	}{Ready: report.Ready, Phase: report.Phase}
	for _, c := range report.Components {
		if c.Status != "UP" {
			body.Down = append(body.Down, c)
		}
	}
	answer(w, statusOf(report.Ready), body)
}

func statusOf(good bool) int {
	if good {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who asked has gone
}
