package daemon

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// scrapeTimeout bounds what a scrape may ask of a store or a broker.
const scrapeTimeout = 2 * time.Second

var (
	storeBacklog    = prometheus.NewDesc("fc_store_unfanned_positions", "Accepted events and tasks that were not fanned out yet.", nil, nil)
	storeOpen       = prometheus.NewDesc("fc_store_open_jobs", "Jobs that are not final.", nil, nil)
	storeBlocked    = prometheus.NewDesc("fc_store_blocked_keys", "Order keys that a dead letter blocks until somebody acts.", nil, nil)
	storeBlockedAge = prometheus.NewDesc("fc_store_oldest_blocked_key_seconds", "For how long the longest blocked order key is blocked; 0 when none is.", nil, nil)
	storeLetters    = prometheus.NewDesc("fc_store_dead_letters", "Jobs that ended FAILED or EXPIRED and wait for somebody to retry or discard them.", nil, nil)
	storeLetterAge  = prometheus.NewDesc("fc_store_oldest_dead_letter_seconds", "How long ago the oldest dead letter became one; 0 when there is none.", nil, nil)
	storeBytes      = prometheus.NewDesc("fc_store_bytes", "Size of the store on disk.", nil, nil)
	storeCommits    = prometheus.NewDesc("fc_store_commits_total", "Commits to the store.", nil, nil)
	storeVerbs      = prometheus.NewDesc("fc_store_verbs_total", "Verbs that shared those commits.", nil, nil)

	queuePending  = prometheus.NewDesc("fc_queue_pending_messages", "Messages that wait for a router.", []string{"queue"}, nil)
	queueInFlight = prometheus.NewDesc("fc_queue_in_flight_messages", "Messages in the hands of a router.", []string{"queue"}, nil)
	queueDead     = prometheus.NewDesc("fc_queue_dead_letters", "Messages nobody could use.", []string{"queue"}, nil)
	queueOldest   = prometheus.NewDesc("fc_queue_oldest_message_seconds", "Age of the oldest message.", []string{"queue"}, nil)
)

// storeCollector shows the state of the store. While the store is away its
// figures are absent, which an alert can tell from zero.
type storeCollector struct{ st store.Store }

// Describe implements prometheus.Collector.
func (c storeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{storeBacklog, storeOpen, storeBlocked, storeBlockedAge, storeLetters, storeLetterAge, storeBytes, storeCommits, storeVerbs} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c storeCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	s, err := c.st.Stats(ctx)
	if err != nil {
		return
	}
	gauge(ch, storeBacklog, float64(s.Backlog))
	gauge(ch, storeOpen, float64(s.OpenJobs))
	gauge(ch, storeBlocked, float64(s.BlockedKeys))
	gauge(ch, storeBlockedAge, since(s.OldestBlocked))
	gauge(ch, storeLetters, float64(s.DeadLetters))
	gauge(ch, storeLetterAge, since(s.OldestLetter))
	gauge(ch, storeBytes, float64(s.Bytes))
	counter(ch, storeCommits, float64(s.Commits))
	counter(ch, storeVerbs, float64(s.Verbs))
}

// since is how long ago something was, in seconds; 0 if it never was.
func since(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(time.Since(t).Seconds(), 0)
}

// queueCollector is the same for a queue.
type queueCollector struct {
	q    queue.Queue
	name string
}

// Describe implements prometheus.Collector.
func (c queueCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{queuePending, queueInFlight, queueDead, queueOldest} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c queueCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	s, err := c.q.Stats(ctx)
	if err != nil {
		return
	}
	gauge(ch, queuePending, float64(s.Pending), c.name)
	gauge(ch, queueInFlight, float64(s.InFlight), c.name)
	gauge(ch, queueDead, float64(s.DeadLetters), c.name)
	gauge(ch, queueOldest, s.OldestAge.Seconds(), c.name)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v)
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
