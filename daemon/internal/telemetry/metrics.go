package telemetry

import (
	"fmt"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// RegisterProcess adds what every process shows: fc_build_info, and the
// figures of the Go runtime and of the process.
func RegisterProcess(r prometheus.Registerer, version string) error {
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fc_build_info", Help: "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	}, func() float64 { return 1 })
	for _, c := range []prometheus.Collector{
		build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register metrics of the process: %w", err)
		}
	}
	return nil
}
