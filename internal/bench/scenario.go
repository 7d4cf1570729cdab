package main

import (
	"fmt"
	"strings"
	"time"
)

// A scenario is one way of publishing, and what is asked of it.
type scenario struct {
	name, title   string
	events        int     // to publish
	publishers    int     // at once
	batch         int     // events per request; 1 is the single route
	rate          float64 // events per second in all; 0 is as fast as they are taken
	subscriptions int     // that match every event, each with a connection of its own
	groups        int     // message groups in BLOCK_ON_ERROR; 0 is no order
	spread        bool    // each event is for one subscription only, in turn

	// Targets of -check; zero is none.
	ratio    float64 // of the raw line, at least
	p50, p99 time.Duration
}

// maxMemory is what fcd may take in any scenario.
const maxMemory = 200 << 20

// scenarios are the questions that the bench asks, in this order.
var scenarios = []scenario{
	{name: "single", title: "32 publishers of single events, 1 subscription", events: 30000, publishers: 32, batch: 1, subscriptions: 1, ratio: 0.20},
	{name: "batch", title: "batches of 100, 1 subscription", events: 50000, publishers: 8, batch: 100, subscriptions: 1, ratio: 0.35},
	{name: "fanout", title: "1 event to 10 subscriptions", events: 5000, publishers: 32, batch: 1, subscriptions: 10, ratio: 0.40},
	{name: "paced", title: "200 events/s", events: 2000, publishers: 8, batch: 1, rate: 200, subscriptions: 1, p50: 5 * time.Millisecond, p99: 25 * time.Millisecond},
	{name: "ordered", title: "64 message groups in BLOCK_ON_ERROR", events: 24000, publishers: 32, batch: 1, subscriptions: 1, groups: 64},
}

// expectation is what the receiver has to know.
func (sc scenario) expectation() expectation {
	return expectation{Paths: sc.subscriptions, Events: sc.events, Groups: max(sc.groups, sc.publishers), Signed: true, Spread: sc.spread}
}

// choose returns the scenarios and trials of a comma-separated list of names.
// None is all scenarios and no trial; allTrials is each trial of the engine.
func choose(names string) (chosen []scenario, tried []trial, err error) {
	if names == "" {
		return scenarios, nil, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		found := false
		for _, sc := range scenarios {
			if sc.name == name {
				chosen, found = append(chosen, sc), true
			}
		}
		for _, tr := range trials {
			if tr.name == name || name == allTrials && tr.ofEngine() {
				tried, found = append(tried, tr), true
			}
		}
		if !found {
			var known []string
			for _, sc := range scenarios {
				known = append(known, sc.name)
			}
			for _, tr := range trials {
				known = append(known, tr.name)
			}
			known = append(known, allTrials)
			return nil, nil, fmt.Errorf("no scenario is called %q. Try: %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, tried, nil
}
