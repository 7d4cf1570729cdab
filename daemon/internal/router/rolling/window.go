package rolling

import (
	"sync"
	"time"
)

// Outcome is what became of an exchange, as far as it is counted here.
type Outcome uint8

// The outcomes.
const (
	Success  Outcome = iota
	Failure          // neither delivered nor put off by the receiver
	Deferred         // the receiver wants it later
	Limited          // the receiver answered 429
	outcomes
)

// spans are how many a window is made of, and how long each is in the two.
const (
	spans = 10
	short = 30 * time.Second
	long  = 3 * time.Minute
)

// Window counts for one pool or endpoint. It is safe for use by many
// goroutines, and an observation is one short lock. Time is an argument and
// may step back a little: what is late is counted in the newest span.
type Window struct {
	mu    sync.Mutex
	since time.Time // of the first observation
	last  time.Time // of the newest
	total tally
	sum   counts // of the total, whose own histogram could overflow
	five  ring
	half  ring
}

// tally is what one span counts.
type tally struct {
	n    [outcomes]uint64
	took time.Duration // all together
	low  time.Duration
	high time.Duration
}

func (t *tally) count(o Outcome, took time.Duration) {
	if all := t.all(); all == 0 || took < t.low {
		t.low = took
	}
	t.n[o]++
	t.took += took
	t.high = max(t.high, took)
}

func (t *tally) all() (n uint64) {
	for _, k := range t.n {
		n += k
	}
	return n
}

func (t *tally) add(o *tally) {
	if o.all() == 0 {
		return
	}
	if t.all() == 0 || o.low < t.low {
		t.low = o.low
	}
	for i, k := range o.n {
		t.n[i] += k
	}
	t.took += o.took
	t.high = max(t.high, o.high)
}

// span is a part of a window.
type span struct {
	number int64 // which one since the epoch
	tally
	histogram
}

// ring is the spans of a window, each at its number's place.
type ring [spans]*span

// at is the span of a number, emptied if its place held an older one.
func (r *ring) at(number int64) *span {
	s := r[number%spans]
	switch {
	case s == nil:
		s = &span{number: number}
		r[number%spans] = s
	case s.number < number:
		*s = span{number: number}
	}
	return s
}

// Observe counts an exchange that ended at a time.
func (w *Window) Observe(o Outcome, took time.Duration, at time.Time) {
	took = max(took, 0)
	b := bucketOf(took)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since.IsZero() {
		w.since = at
	}
	if at.Before(w.last) {
		at = w.last
	}
	w.last = at
	w.total.count(o, took)
	w.sum[b]++
	for _, s := range [...]*span{w.five.at(numberOf(at, short)), w.half.at(numberOf(at, long))} {
		s.count(o, took)
		s.histogram[b]++
	}
}

func numberOf(at time.Time, each time.Duration) int64 { return max(at.UnixNano(), 0) / int64(each) }

// Last is when something was observed last; zero is never.
func (w *Window) Last() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// Figures are what a window says of one period.
type Figures struct {
	Success, Failure, Deferred, Limited uint64
	// PerSecond is how many exchanges ended in a second, over the part of
	// the period that has been.
	PerSecond float64
	Latency   Latency
}

// Latency is how long exchanges took.
type Latency struct {
	Avg, Min, Max, P50, P95, P99 time.Duration
	Samples                      uint64
}

// SuccessRate is the part, from 0 to 1, of exchanges that delivered among those
// that delivered or failed; 1 when there were none.
func (f *Figures) SuccessRate() float64 {
	if f.Success+f.Failure == 0 {
		return 1
	}
	return float64(f.Success) / float64(f.Success+f.Failure)
}

// Report is a window at one moment.
type Report struct {
	Total, Last5Min, Last30Min Figures
}

// Report adds up. A period covers its length less at most a tenth, since its
// oldest span goes as a whole.
func (w *Window) Report(now time.Time) Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since.IsZero() {
		return Report{}
	}
	if now.Before(w.last) {
		now = w.last
	}
	return Report{
		Total:     figures(&w.total, &w.sum, now.Sub(w.since)),
		Last5Min:  w.period(&w.five, short, now),
		Last30Min: w.period(&w.half, long, now),
	}
}

func (w *Window) period(r *ring, each time.Duration, now time.Time) Figures {
	var (
		t tally
		c counts
	)
	newest := numberOf(now, each)
	oldest := newest - spans + 1
	for _, s := range r {
		if s != nil && s.number >= oldest && s.number <= newest {
			t.add(&s.tally)
			c.add(&s.histogram)
		}
	}
	begin := time.Unix(0, oldest*int64(each))
	if w.since.After(begin) {
		begin = w.since
	}
	return figures(&t, &c, now.Sub(begin))
}

// figures of a period that lasted so long; one of less than a second counts as
// a second, since a first exchange alone is no rate.
func figures(t *tally, c *counts, lasted time.Duration) Figures {
	n := t.all()
	f := Figures{Success: t.n[Success], Failure: t.n[Failure], Deferred: t.n[Deferred], Limited: t.n[Limited]}
	if n == 0 {
		return f
	}
	f.PerSecond = float64(n) / max(lasted, time.Second).Seconds()
	f.Latency = Latency{
		Avg: t.took / time.Duration(n), Min: t.low, Max: t.high, Samples: n,
		P50: c.quantile(.5, n, t.low, t.high), P95: c.quantile(.95, n, t.low, t.high), P99: c.quantile(.99, n, t.low, t.high),
	}
	return f
}
