package router

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// meters are the router's metrics. Their only free label is the pool's code,
// and there are as many as operators declared.
type meters struct {
	processed, failed, limited *prometheus.CounterVec
	duration                   *prometheus.HistogramVec
	parked                     *prometheus.CounterVec
	adopted, dead, conflicts   prometheus.Counter
	panics, warnings           prometheus.Counter
	opened                     prometheus.Counter
	unwritten                  prometheus.Gauge
	depth, active, inFlight    *prometheus.Desc

	mu    sync.Mutex
	byKey map[string]poolMeters
	board *board
	seen  figures
}

// poolMeters are one pool's, looked up once.
type poolMeters struct {
	processed [flow.Lost + 1]prometheus.Counter
	failed    prometheus.Counter
	limited   tally
	duration  prometheus.Observer
}

// tally is a counter that can also be read.
type tally struct {
	prometheus.Counter
	n *atomic.Uint64
}

func (t tally) Inc() {
	t.Counter.Inc()
	t.n.Add(1)
}

func newMeters() *meters {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &meters{
		processed: vec("fc_router_messages_processed_total", "Exchanges made, by pool and verdict.", "pool", "verdict"),
		failed:    vec("fc_router_messages_failed_total", "Exchanges that did not deliver, by pool.", "pool"),
		limited:   vec("fc_router_rate_limit_rejections_total", "Messages given back because a rate limit would have kept them for more than a second, by pool.", "pool"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fc_router_dispatch_duration_seconds", Help: "Time from request to judged answer, by pool.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"pool"}),
		parked:    vec("fc_router_messages_parked_total", "Tickets given back to wait in the store, by reason.", "reason"),
		adopted:   counter("fc_router_messages_adopted_total", "Messages of foreign producers that became jobs."),
		dead:      counter("fc_router_messages_dead_lettered_total", "Messages nobody could use."),
		conflicts: counter("fc_router_outcomes_late_total", "Outcomes that came after another router had taken the job over."),
		panics:    counter("fc_router_panics_total", "Panics contained in one delivery."),
		warnings:  counter("fc_router_warnings_total", "Attempts that a person should look at."),
		opened:    counter("fc_router_breakers_opened_total", "How often a circuit breaker opened here."),
		unwritten: prometheus.NewGauge(prometheus.GaugeOpts{Name: "fc_router_unwritten_outcomes", Help: "Outcomes that the store did not take yet. Above 0 nothing new starts."}),
		depth:     prometheus.NewDesc("fc_router_pool_queue_depth", "Messages in memory that wait for a slot, by pool.", []string{"pool"}, nil),
		active:    prometheus.NewDesc("fc_router_pool_active_workers", "Slots in use, by pool.", []string{"pool"}, nil),
		inFlight:  prometheus.NewDesc("fc_router_in_flight_messages", "Messages in the router's hands.", nil, nil),
		byKey:     map[string]poolMeters{},
	}
}

func (m *meters) collectors() []prometheus.Collector {
	return []prometheus.Collector{
		m.processed, m.failed, m.limited, m.duration, m.parked, m.adopted, m.dead,
		m.conflicts, m.panics, m.warnings, m.opened, m.unwritten, m,
	}
}

// register makes the metrics visible; undo takes them away again.
func (m *meters) register(r prometheus.Registerer) (undo func(), err error) {
	if r == nil {
		return func() {}, nil
	}
	var done []prometheus.Collector
	undo = func() {
		for _, c := range done {
			r.Unregister(c)
		}
	}
	for _, c := range m.collectors() {
		if e := r.Register(c); e != nil {
			undo()
			return nil, errors.Join(err, e)
		}
		done = append(done, c)
	}
	return undo, nil
}

func (m *meters) pool(code string) poolMeters {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.byKey[code]
	if ok {
		return p
	}
	for v := range p.processed {
		p.processed[v] = m.processed.WithLabelValues(code, flow.Verdict(v).String())
	}
	p.failed = m.failed.WithLabelValues(code)
	p.limited = tally{m.limited.WithLabelValues(code), new(atomic.Uint64)}
	p.duration = m.duration.WithLabelValues(code)
	m.byKey[code] = p
	return p
}

func (p *poolMeters) count(v flow.Verdict, took time.Duration) {
	p.processed[v].Inc()
	if v != flow.Delivered {
		p.failed.Inc()
	}
	p.duration.Observe(took.Seconds())
}

// Describe implements prometheus.Collector.
func (m *meters) Describe(c chan<- *prometheus.Desc) { c <- m.depth; c <- m.active; c <- m.inFlight }

// Collect implements prometheus.Collector.
func (m *meters) Collect(c chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	type sum struct{ depth, active int }
	sums := map[string]sum{} // several tenants may have a pool of one code
	m.board.mu.Lock()
	all := len(m.board.all)
	for _, p := range m.board.turn {
		s := sums[p.code]
		sums[p.code] = sum{s.depth + p.wait, s.active + p.running}
	}
	m.board.mu.Unlock()
	gauge(m.inFlight, all)
	for code, s := range sums {
		gauge(m.depth, s.depth, code)
		gauge(m.active, s.active, code)
	}
}
