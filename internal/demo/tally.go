package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// want is one delivery that must come: to which subscription, and which fact.
type want struct {
	subscription string
	fact         string // "order 1001 placed"
	group        string
	failures     int // how often the receiver fails it first
}

func (w want) String() string { return w.fact + " for " + w.subscription }

// expected is what examples/quickstart's events become. The newsletter is
// missing: no subscription wants it.
var expected = []want{
	{"orders", "order 1001 placed, total 40", "", 0},
	{"orders", "order 1002 placed, total 249.9", "", 0},
	{"big-orders", "order 1002 placed, total 249.9", "", 0},
	{"orders", "order 1002 paid", "", 0},
	{"parcels", "parcel 7 packed", "parcel-7", 2},
	{"parcels", "parcel 8 packed", "parcel-8", 0},
	{"parcels", "parcel 7 shipped", "parcel-7", 0},
	{"parcels", "parcel 7 delivered", "parcel-7", 0},
}

// tally compares what arrives with what must. It is safe for concurrent use.
type tally struct {
	mu       sync.Mutex
	wants    []want
	attempts []int // by want
	taken    []bool
	wrong    []string
	complete chan struct{} // closed when every want was taken
}

func newTally(wants []want) *tally {
	return &tally{wants: wants, attempts: make([]int, len(wants)), taken: make([]bool, len(wants)), complete: make(chan struct{})}
}

// arrive notes an attempt and says whether the receiver takes it.
func (t *tally) arrive(subscription, fact string) (accept bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.wants, func(w want) bool { return w.subscription == subscription && w.fact == fact })
	if i < 0 {
		t.wrong = append(t.wrong, fmt.Sprintf("unexpected: %s for %q", fact, subscription))
		return true
	}
	w := t.wants[i]
	t.attempts[i]++
	if t.taken[i] {
		t.wrong = append(t.wrong, fmt.Sprintf("twice: %s", w))
		return true
	}
	for before := range i {
		if o := t.wants[before]; w.group != "" && o.group == w.group && o.subscription == w.subscription && !t.taken[before] {
			t.wrong = append(t.wrong, fmt.Sprintf("out of order: %s came before %s", w, o.fact))
		}
	}
	if t.attempts[i] <= w.failures {
		return false
	}
	t.taken[i] = true
	if !slices.Contains(t.taken, false) {
		close(t.complete)
	}
	return true
}

// refuse notes a request that could not be trusted.
func (t *tally) refuse(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrong = append(t.wrong, "not verified: "+why)
}

// verdict is nil if everything came, in order, and nothing else.
func (t *tally) verdict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	wrong := slices.Clone(t.wrong)
	for i, w := range t.wants {
		if !t.taken[i] {
			wrong = append(wrong, fmt.Sprintf("missing: %s (%d attempts seen)", w, t.attempts[i]))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(wrong, "\n  "))
}
