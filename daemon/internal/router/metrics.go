package router

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
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
	stalled, overdue           prometheus.Gauge
	unwritten                  prometheus.Gauge
	depth, active, inFlight    *prometheus.Desc
	slots, breakers            *prometheus.Desc
	gradient, rest, took       *prometheus.Desc

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
		stalled:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "fc_router_stalled_pools", Help: "Pools in which something could start and nothing has for 10 s."}),
		overdue:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "fc_router_overdue_exchanges", Help: "Exchanges that are past the end of their lease and have not ended."}),
		unwritten: prometheus.NewGauge(prometheus.GaugeOpts{Name: "fc_router_unwritten_outcomes", Help: "Outcomes that the store did not take yet. Above 0 nothing new starts."}),
		depth:     prometheus.NewDesc("fc_router_pool_queue_depth", "Messages in memory that wait for a slot, by pool.", []string{"pool"}, nil),
		active:    prometheus.NewDesc("fc_router_pool_active_workers", "Slots in use, by pool.", []string{"pool"}, nil),
		inFlight:  prometheus.NewDesc("fc_router_in_flight_messages", "Messages in the router's hands.", nil, nil),
		slots:     prometheus.NewDesc("fc_router_pool_slots", "Exchanges that a pool may have at once, by pool.", []string{"pool"}, nil),
		breakers:  prometheus.NewDesc("fc_router_circuit_breaker_state", "Endpoints by the state of their circuit breaker.", []string{"state"}, nil),
		gradient:  prometheus.NewDesc("fc_router_adaptive_gradient", "Of a pool that finds its slots by itself: below 1 while answers take longer than usual.", []string{"pool"}, nil),
		rest:      prometheus.NewDesc("fc_router_adaptive_usual_seconds", "What answers take at rest, by pool that finds its slots by itself.", []string{"pool"}, nil),
		took:      prometheus.NewDesc("fc_router_adaptive_took_seconds", "What answers take of late, by pool that finds its slots by itself.", []string{"pool"}, nil),
		byKey:     map[string]poolMeters{},
	}
}

func (m *meters) collectors() []prometheus.Collector {
	return []prometheus.Collector{
		m.processed, m.failed, m.limited, m.duration, m.parked, m.adopted, m.dead,
		m.conflicts, m.panics, m.warnings, m.opened, m.stalled, m.overdue, m.unwritten, m,
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

// drop takes the series of pools away that are not in use.
func (m *meters) drop(inUse func(code string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for code := range m.byKey {
		if inUse(code) {
			continue
		}
		delete(m.byKey, code)
		of := prometheus.Labels{"pool": code}
		for _, v := range []*prometheus.CounterVec{m.processed, m.failed, m.limited} {
			v.DeletePartialMatch(of)
		}
		m.duration.DeletePartialMatch(of)
	}
}

func (p *poolMeters) count(v flow.Verdict, took time.Duration) {
	p.processed[v].Inc()
	if v != flow.Delivered {
		p.failed.Inc()
	}
	p.duration.Observe(took.Seconds())
}

// Describe implements prometheus.Collector.
func (m *meters) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.depth, m.active, m.inFlight, m.slots, m.breakers, m.gradient, m.rest, m.took} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (m *meters) Collect(c chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	type sum struct {
		depth, active, slots int
		adaptive             *pace.AdaptiveState
	}
	sums := map[string]sum{} // several tenants may have a pool of one code
	var breakers [pace.States]int
	m.board.mu.Lock()
	all := len(m.board.all)
	for _, p := range m.board.turn {
		s := sums[p.code]
		s.depth, s.active, s.slots = s.depth+p.wait, s.active+p.running, s.slots+p.slots()
		if a, ok := p.adapt.(*pace.Adaptive); ok {
			// Of several with one code the one in most trouble is shown.
			if state := a.State(); s.adaptive == nil || state.Gradient < s.adaptive.Gradient {
				s.adaptive = &state
			}
		}
		sums[p.code] = s
	}
	breakers[pace.Closed] = len(m.board.ends) - len(m.board.troubled)
	for e := range m.board.troubled {
		breakers[e.breaker.State()]++
	}
	m.board.mu.Unlock()
	gauge(m.inFlight, float64(all))
	for state, n := range breakers {
		gauge(m.breakers, float64(n), pace.State(state).String())
	}
	for code, s := range sums {
		gauge(m.depth, float64(s.depth), code)
		gauge(m.active, float64(s.active), code)
		gauge(m.slots, float64(s.slots), code)
		if a := s.adaptive; a != nil {
			gauge(m.gradient, a.Gradient, code)
			gauge(m.rest, a.Usual.Seconds(), code)
			gauge(m.took, a.Took.Seconds(), code)
		}
	}
}
