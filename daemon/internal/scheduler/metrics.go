package scheduler

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	polled, queued, failed, stale prometheus.Counter
	pending                       prometheus.Gauge
	poll, queue                   prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9)})
	}
	m := &metrics{
		polled:  counter("fc_scheduler_jobs_polled_total", "Jobs that the store offered for handing out."),
		queued:  counter("fc_scheduler_jobs_queued_total", "Jobs handed to the queue."),
		failed:  counter("fc_scheduler_jobs_failed_total", "Rounds of handing out that failed and were tried again."),
		stale:   counter("fc_scheduler_stale_jobs_recovered_total", "Jobs whose message was lost and that went with a new ticket."),
		pending: prometheus.NewGauge(prometheus.GaugeOpts{Name: "fc_scheduler_pending_jobs", Help: "Jobs that are not final."}),
		poll:    seconds("fc_scheduler_poll_duration_seconds", "Time of a round over the lanes that changed."),
		queue:   seconds("fc_scheduler_queue_duration_seconds", "Time to publish a batch of tickets and mark its jobs."),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.polled, m.queued, m.failed, m.stale, m.pending, m.poll, m.queue} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
