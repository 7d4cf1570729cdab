package stream

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	events, jobs, matched, filterErrors, errors prometheus.Counter
	duration                                    prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		events:       counter("fc_stream_events_processed_total", "Events fanned out."),
		jobs:         counter("fc_stream_dispatch_jobs_created_total", "Dispatch jobs created from events."),
		matched:      counter("fc_stream_subscriptions_matched_total", "Subscriptions that matched an event."),
		filterErrors: counter("fc_stream_filter_errors_total", "Filters that failed on an event; it did not match."),
		errors:       counter("fc_stream_errors_total", "Fan-outs that failed and were tried again."),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "fc_stream_processing_duration_seconds", Help: "Time to match a batch of events and create its jobs.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.events, m.jobs, m.matched, m.filterErrors, m.errors, m.duration} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
