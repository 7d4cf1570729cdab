package pace

import (
	"math"
	"slices"
	"time"
)

// Adaptive finds how many exchanges a pool can have at once before its
// receivers only queue what comes on top. It is a gradient controller: as long
// as answers take as long as they do at rest the limit grows, and when they
// take longer it shrinks in that proportion, but for the root of the limit,
// which is the queue it bears. So it settles a little above the point from
// which on more at once no longer means more per second.
//
// It is made to be left on. Receivers differ, so each answer is held against
// what is usual for its own endpoint (Norm); of these proportions the median
// of a window decides, so that one slow endpoint among many moves nothing; an
// endpoint that has become slow for good is usual again after some minutes.
// The limit grows only while it is used, and never leaves its bounds. What an
// endpoint's failures mean is for its breaker.
//
// A limit that bears a small queue would in time take the queue for what is
// usual, and grow without end. So once a minute, if answers have queued since,
// it halves itself for some dozens of answers, to see what they take at rest.
//
// Adaptive is a value without a clock or a lock; its owner has both.
type Adaptive struct {
	min, max int
	limit    float64
	gradient float64

	ratios [window]float64 // of the answers since the last step
	n      int
	busy   int // of those, how many left while the limit was in use
	since  time.Time
	steps  int64

	queued  bool // since the last look
	looked  time.Time
	looking int // answers that are left of a look; 0 is none

	usual time.Duration // what is usual of late, over all endpoints
	took  time.Duration // what answers take of late
}

const (
	// window bounds the answers of one step; a step is made when as many
	// have come, or a round of the limit and stepEvery are over.
	window    = 64
	leastOf   = 8
	stepEvery = 100 * time.Millisecond
	// tolerance is what answers may take, as a multiple of what is usual,
	// before it counts as queueing: they are never all alike.
	tolerance = 1.2
	// steepest is the smallest gradient: one bad window halves the limit, and
	// no more.
	steepest = 0.5
	// smooth is the weight of the new limit in a step.
	smooth = 0.3
	// lookEvery is how often the limit is halved to see what answers take at
	// rest, lookAnswers and lookFor for how long at most.
	lookEvery   = time.Minute
	lookAnswers = 2 / normWeight
	lookFor     = 5 * time.Second
	// inUse is which part of the limit must be taken for it to grow.
	inUse = 0.8
)

// NewAdaptive makes a controller between two bounds. It begins at the lower
// one, or at 8 where the bounds allow.
func NewAdaptive(least, most int) *Adaptive {
	a := &Adaptive{gradient: 1}
	a.limit = 8
	a.Bounds(least, most)
	return a
}

// From sets the limit that the controller goes on from, within its bounds.
func (a *Adaptive) From(limit int) *Adaptive {
	a.limit = a.within(float64(limit))
	return a
}

// Bounds changes the bounds; the limit moves only if it is outside of them.
func (a *Adaptive) Bounds(least, most int) {
	a.min = max(least, 1)
	a.max = max(most, a.min)
	a.limit = a.within(a.limit)
}

func (a *Adaptive) within(limit float64) float64 {
	return min(max(limit, float64(a.min)), float64(a.max))
}

// Limit is how many exchanges may be under way at once.
func (a *Adaptive) Limit() int {
	if a.looking > 0 {
		return max(int(a.limit/2), a.min)
	}
	return int(a.limit)
}

// Observe implements Controller. What is looked at is how long it takes until
// an answer comes that says something: a success, or a failure that was slow in
// coming. A connection that is refused at once says nothing about queues.
func (a *Adaptive) Observe(n *Norm, took time.Duration, o Outcome, running int, now time.Time) {
	took = max(took, time.Microsecond)
	if o == Ignored || o == Failure && took < n.usual() {
		return
	}
	usual := n.observe(took, now)
	if a.looking > 0 {
		if a.looking--; now.Sub(a.looked) > lookFor {
			a.looking = 0
		}
		return
	}
	if a.n == 0 {
		a.since = now
	}
	a.ratios[a.n] = float64(took) / float64(usual)
	a.n++
	if float64(running) >= inUse*a.limit {
		a.busy++
	}
	a.usual = ease(a.usual, usual)
	a.took = ease(a.took, took)
	enough := a.n >= leastOf && a.n >= int(a.limit) && now.Sub(a.since) >= stepEvery
	if a.n == window || enough {
		a.step(now)
	}
}

// ease is an average that forgets.
func ease(before, now time.Duration) time.Duration {
	if before == 0 {
		return now
	}
	return before + (now-before)/16
}

func (a *Adaptive) step(now time.Time) {
	r := a.ratios[:a.n]
	slices.Sort(r)
	median := r[len(r)/2]
	used := 2*a.busy >= a.n
	a.n, a.busy = 0, 0
	a.steps++
	a.gradient = max(steepest, min(1, tolerance/median))
	a.queued = a.queued || a.gradient < 1
	switch {
	case a.looked.IsZero() || !a.queued:
		a.looked = now
	case now.Sub(a.looked) >= lookEvery:
		a.looked, a.queued, a.looking = now, false, lookAnswers
	}
	// The root is the queue that is borne: without it the limit could not
	// grow, and one that has become small would stay so.
	next := a.limit*a.gradient + math.Sqrt(a.limit)
	if next > a.limit && !used {
		return
	}
	a.limit = a.within(a.limit + smooth*(next-a.limit))
}

// AdaptiveState is a controller for people to look at.
type AdaptiveState struct {
	Limit, Min, Max int
	// Gradient is below 1 while answers take longer than usual.
	Gradient float64
	// Usual is what answers take at rest, Took what they take of late, both
	// over all endpoints of the pool.
	Usual, Took time.Duration
	// Steps counts the decisions.
	Steps int64
}

// State is how the controller is now.
func (a *Adaptive) State() AdaptiveState {
	return AdaptiveState{Limit: a.Limit(), Min: a.min, Max: a.max, Gradient: a.gradient, Usual: a.usual, Took: a.took, Steps: a.steps}
}

// Norm is what is usual for one endpoint: the least that its answers took on
// a short average, within some minutes. The zero Norm knows nothing yet. Keep
// one for each endpoint of a pool.
type Norm struct {
	recent    float64 // a short average, of the logarithm: one stall weighs little
	low       float64 // the least of recent in this span, and
	lowBefore float64 // in the one before
	since     time.Time
	n         int
}

const (
	// normWeight is that of a new answer in the short average, once there are
	// enough for one.
	normWeight = 1.0 / 32
	// normSpan is after how long a low begins to be forgotten; it is gone
	// after two.
	normSpan = 2 * time.Minute
)

// observe takes an answer in and returns what is usual.
func (n *Norm) observe(took time.Duration, now time.Time) time.Duration {
	x := math.Log(float64(took))
	n.n++
	// At first an average of all: a first answer that opened a connection
	// must not count for long.
	n.recent += (x - n.recent) * max(1/float64(n.n), normWeight)
	switch {
	case n.n <= leastOf:
		n.low, n.lowBefore, n.since = n.recent, n.recent, now
	case now.Sub(n.since) >= normSpan:
		n.lowBefore, n.low, n.since = n.low, n.recent, now
	default:
		n.low = min(n.low, n.recent)
	}
	return n.usual()
}

func (n *Norm) usual() time.Duration { return time.Duration(math.Exp(min(n.low, n.lowBefore))) }
