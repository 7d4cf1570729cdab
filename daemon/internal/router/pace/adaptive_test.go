package pace

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// site is a model of receivers behind one pool: an endpoint answers in its
// base time while no more than capacity exchanges are under way at it, and
// beyond that in proportion.
type site struct {
	rng      *rand.Rand
	now      time.Time
	a        *Adaptive
	ends     []*modelEnd
	running  int
	pending  exchanges
	demand   int // exchanges that are there to be made at once
	answered int
}

type modelEnd struct {
	base     time.Duration
	capacity int
	spread   float64 // of the logarithm
	norm     Norm
	running  int
}

type exchange struct {
	at, began time.Time
	end       *modelEnd
	inFlight  int
}

type exchanges []exchange

func (e exchanges) Len() int           { return len(e) }
func (e exchanges) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e exchanges) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *exchanges) Push(x any)        { *e = append(*e, x.(exchange)) }
func (e *exchanges) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newSite(seed uint64, a *Adaptive, ends ...*modelEnd) *site {
	return &site{rng: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1e9, 0), a: a, ends: ends, demand: math.MaxInt}
}

// run lets time go by and returns the limit's mean in the second half of it.
func (s *site) run(d time.Duration) float64 {
	end := s.now.Add(d)
	half := s.now.Add(d / 2)
	var sum, n float64
	for s.now.Before(end) {
		for s.running < min(s.a.Limit(), s.demand) {
			e := s.ends[s.rng.IntN(len(s.ends))]
			s.running++
			e.running++
			took := float64(e.base) * max(1, float64(e.running)/float64(e.capacity)) * math.Exp(e.spread*s.rng.NormFloat64())
			heap.Push(&s.pending, exchange{s.now.Add(time.Duration(took)), s.now, e, s.running})
		}
		x := heap.Pop(&s.pending).(exchange)
		s.now = x.at
		s.running--
		x.end.running--
		s.answered++
		s.a.Observe(&x.end.norm, x.at.Sub(x.began), Success, x.inFlight, s.now)
		if s.now.After(half) {
			sum += s.a.limit
			n++
		}
	}
	return sum / n
}

func between(t interface{ Fatalf(string, ...any) }, what string, got, low, high float64) {
	if got < low || got > high {
		t.Fatalf("%s: the limit is %.1f, not between %.1f and %.1f", what, got, low, high)
	}
}

func TestTheLimitSettlesNearWhatTheReceiverCanDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(10, 80).Draw(t, "capacity")
		base := time.Duration(rapid.IntRange(2, 200).Draw(t, "base ms")) * time.Millisecond
		spread := rapid.Float64Range(0, 0.25).Draw(t, "spread")
		seed := rapid.Uint64().Draw(t, "seed")
		c := float64(capacity)
		e := &modelEnd{base: base, capacity: capacity, spread: spread}
		s := newSite(seed, NewAdaptive(2, 400), e)

		between(t, "at first", s.run(400*base), 0.5*c, 2*c)
		e.capacity = max(capacity/2, 5)
		between(t, "with half of it", s.run(400*base), 0.4*c, 1.3*c)
		e.capacity = capacity
		between(t, "with all of it again", s.run(400*base), 0.5*c, 2*c)
	})
}

func TestTheLimitDoesNotCreepUpInTime(t *testing.T) {
	t.Parallel()
	s := newSite(5, NewAdaptive(2, 400), &modelEnd{base: 50 * time.Millisecond, capacity: 20, spread: 0.2})
	for range 4 {
		between(t, "left on", s.run(10*time.Minute), 18, 40)
	}
}

func TestTheLimitStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		least := rapid.IntRange(1, 20).Draw(t, "min")
		most := rapid.IntRange(least, 60).Draw(t, "max")
		a := NewAdaptive(least, most)
		norms := make([]Norm, 3)
		now := time.Unix(1e9, 0)
		for range rapid.IntRange(1, 2000).Draw(t, "answers") {
			took := time.Duration(rapid.Int64Range(-1, int64(5*time.Minute)).Draw(t, "took"))
			now = now.Add(took / 10)
			a.Observe(&norms[rapid.IntRange(0, 2).Draw(t, "endpoint")], took, Outcome(rapid.IntRange(0, 2).Draw(t, "outcome")), rapid.IntRange(0, 100).Draw(t, "in flight"), now)
			if l := a.Limit(); l < least || l > most {
				t.Fatalf("limit %d outside of %d to %d", l, least, most)
			}
			if s := a.State(); s.Gradient < steepest || s.Gradient > 1 {
				t.Fatalf("gradient %v", s.Gradient)
			}
		}
		if got := NewAdaptive(least, most).From(1000).Limit(); got != most {
			t.Fatalf("from 1000 it begins at %d, and its bound is %d", got, most)
		}
		a.Bounds(100, 200)
		if a.Limit() != 100 {
			t.Fatalf("limit %d after its bounds were raised to 100", a.Limit())
		}
	})
}

func TestOneSlowEndpointAmongManyMovesNothing(t *testing.T) {
	t.Parallel()
	ends := make([]*modelEnd, 20)
	for i := range ends {
		ends[i] = &modelEnd{base: time.Duration(5+i) * time.Millisecond, capacity: 10, spread: 0.2}
	}
	s := newSite(1, NewAdaptive(5, 100), ends...)
	before := s.run(20 * time.Second)
	for _, e := range ends[:4] {
		e.base *= 50
	}
	if after := s.run(20 * time.Second); after < 0.7*before {
		t.Errorf("the limit went from %.1f to %.1f because 4 of 20 endpoints became slow", before, after)
	}
}

func TestAReceiverThatIsSlowFromNowOnIsNotStarved(t *testing.T) {
	t.Parallel()
	e := &modelEnd{base: 10 * time.Millisecond, capacity: 40, spread: 0.2}
	s := newSite(2, NewAdaptive(1, 100), e)
	s.run(10 * time.Second)
	e.base *= 3 // however few there are at once
	if low := s.run(30 * time.Second); low < 3 {
		t.Errorf("the limit collapsed to %.1f", low)
	}
	// After some minutes that is what is usual.
	between(t, "later", s.run(10*time.Minute), 36, 80)
}

func TestTheLimitDoesNotGrowWhileItIsNotUsed(t *testing.T) {
	t.Parallel()
	s := newSite(3, NewAdaptive(1, 100), &modelEnd{base: 10 * time.Millisecond, capacity: 1000, spread: 0.2})
	s.demand = 4
	if got := s.run(time.Minute); got > 9 {
		t.Errorf("the limit grew to %.1f with 4 exchanges at once", got)
	}
	s.demand = math.MaxInt
	if got := s.run(time.Minute); got < 99 {
		t.Errorf("the limit is %.1f though the receiver bears more than its bound", got)
	}
}

func TestQuickFailuresDoNotCountAsQuickAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(6, NewAdaptive(1, 100), &modelEnd{base: 10 * time.Millisecond, capacity: 20})
	s.run(20 * time.Second)
	before := s.a.limit
	n := &s.ends[0].norm
	for range 1000 {
		s.now = s.now.Add(time.Millisecond)
		s.a.Observe(n, 100*time.Microsecond, Failure, 20, s.now)
		s.a.Observe(n, 0, Ignored, 20, s.now)
	}
	if s.a.limit != before || n.usual() < 9*time.Millisecond {
		t.Errorf("the limit went from %.1f to %.1f, and %v is usual", before, s.a.limit, n.usual())
	}
	for range 1000 { // timeouts
		s.now = s.now.Add(time.Millisecond)
		s.a.Observe(n, time.Second, Failure, 20, s.now)
	}
	if s.a.limit > before/2 {
		t.Errorf("the limit is %.1f though nothing is answered in time", s.a.limit)
	}
}

func TestTheStateTellsWhyTheLimitIsWhatItIs(t *testing.T) {
	t.Parallel()
	e := &modelEnd{base: 10 * time.Millisecond, capacity: 20}
	s := newSite(4, NewAdaptive(1, 200), e)
	s.run(20 * time.Second)
	st := s.a.State()
	if st.Min != 1 || st.Max != 200 || st.Steps == 0 || st.Gradient >= 1 || st.Took < st.Usual || st.Usual < 9*time.Millisecond || st.Usual > 12*time.Millisecond {
		t.Errorf("state of a receiver at its capacity: %+v", st)
	}
}

func BenchmarkAdaptive(b *testing.B) {
	a := NewAdaptive(2, 100)
	var n Norm
	now := time.Unix(1e9, 0)
	b.ReportAllocs()
	for i := range b.N {
		now = now.Add(time.Millisecond)
		a.Observe(&n, time.Duration(5+i%7)*time.Millisecond, Success, 10, now)
	}
}
