package bulk

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	jobs, letters, expunged, erased, errors prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		jobs:     counter("fc_bulk_replay_jobs_created_total", "Dispatch jobs made by replays."),
		letters:  counter("fc_bulk_letters_total", "Dead letters that tasks retried or discarded."),
		expunged: counter("fc_bulk_expunged_events_total", "Events that a replay passed over because their data is gone."),
		erased:   counter("fc_bulk_erased_total", "Events and tasks from which expunges removed something."),
		errors:   counter("fc_bulk_errors_total", "Steps of replays, dead-letter tasks and expunges that failed and were tried again."),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.jobs, m.letters, m.expunged, m.erased, m.errors} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
