package daemon

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// latencies measures how long an event takes to its first attempt, and where.
// It stands between the router and the store, since Start is where an event, a
// job and the moment of its first request meet; no service has to know.
//
//	accepted ──stream──▶ job ──scheduler──▶ handed over ──router──▶ request
//	   └────────────────────────── total ─────────────────────────────┘
type latencies struct {
	store.Jobs
	stream, scheduler, router, total prometheus.Observer
}

func (d *Daemon) measured(st store.Jobs) (store.Jobs, error) {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "fc_event_delivery_latency_seconds",
		Help:    "Time from the acceptance of an event to its first attempt, by stage; waiting that was asked for is part of it.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600, 3600},
	}, []string{"stage"})
	if err := d.register(h); err != nil {
		return nil, err
	}
	stage := h.WithLabelValues
	return &latencies{st, stage("stream"), stage("scheduler"), stage("router"), stage("total")}, nil
}

// Start implements store.Jobs.
func (l *latencies) Start(ctx context.Context, starts []store.Start, now time.Time) ([]store.Started, error) {
	answers, err := l.Jobs.Start(ctx, starts, now)
	at := time.Now()
	for i := range answers {
		a := &answers[i]
		if a.Result != store.StartOK || a.Event == nil || a.Job.Attempts != 1 {
			continue
		}
		observe(l.total, a.Event.CreatedAt, at)
		observe(l.stream, a.Event.CreatedAt, a.Job.CreatedAt)
		handed := a.Job.QueuedAt
		if handed.IsZero() {
			// The router was faster than the scheduler's note of it.
			handed = at
		}
		observe(l.scheduler, a.Job.CreatedAt, handed)
		observe(l.router, handed, at)
	}
	return answers, err
}

// observe counts a stage. Clocks jump; a stage never takes less than nothing.
func observe(o prometheus.Observer, from, to time.Time) {
	if !from.IsZero() && !to.IsZero() {
		o.Observe(max(to.Sub(from), 0).Seconds())
	}
}
