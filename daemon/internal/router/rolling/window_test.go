package rolling

import (
	"math"
	"slices"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"
)

var start = time.Unix(1_800_000_000, 0) // at the edge of a span

func TestEveryDurationIsInTheBucketBetweenItsEdges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(10*time.Minute)).Draw(t, "d"))
		b := bucketOf(d)
		if d < edge(b) || b+1 < buckets && d >= edge(b+1) {
			t.Fatalf("%v is in bucket %d from %v to %v", d, b, edge(b), edge(min(b+1, buckets-1)))
		}
	})
	for b := range buckets {
		if got := bucketOf(edge(b)); got != b {
			t.Errorf("the edge %v of bucket %d is in bucket %d", edge(b), b, got)
		}
	}
}

func TestPercentilesAreRightWithinATenth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		took := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(math.Exp(rapid.Float64Range(math.Log(1e5), math.Log(1e11)).Draw(t, "log"))) // 100 µs to 100 s
		}), 1, 300).Draw(t, "took")
		var w Window
		for _, d := range took {
			w.Observe(Success, d, start)
		}
		slices.Sort(took)
		l := w.Report(start).Total.Latency
		if l.Min != took[0] || l.Max != took[len(took)-1] || l.Samples != uint64(len(took)) {
			t.Fatalf("%+v of %v", l, took)
		}
		for q, got := range map[float64]time.Duration{.5: l.P50, .95: l.P95, .99: l.P99} {
			// The exact one is any between two neighbours.
			i := int(math.Ceil(q*float64(len(took)))) - 1
			low, high := took[max(i, 0)], took[min(i+1, len(took)-1)]
			if float64(got) < float64(low)/1.25 || float64(got) > float64(high)*1.25 {
				t.Fatalf("quantile %v is %v, not near %v to %v", q, got, low, high)
			}
		}
		if l.P50 > l.P95 || l.P95 > l.P99 || l.P99 > l.Max || l.P50 < l.Min {
			t.Fatalf("out of order: %+v", l)
		}
	})
}

func TestWhatIsOldLeavesThePeriods(t *testing.T) {
	t.Parallel()
	var w Window
	w.Observe(Failure, time.Second, start)
	w.Observe(Success, 10*time.Millisecond, start)
	for _, c := range []struct {
		after        time.Duration
		five, thirty uint64
	}{
		{0, 2, 2}, {4*time.Minute + 29*time.Second, 2, 2}, {5 * time.Minute, 0, 2},
		{26 * time.Minute, 0, 2}, {30 * time.Minute, 0, 0}, {24 * time.Hour, 0, 0},
	} {
		r := w.Report(start.Add(c.after))
		if got := r.Last5Min.Latency.Samples; got != c.five {
			t.Errorf("after %v the last 5 minutes have %d", c.after, got)
		}
		if got := r.Last30Min.Latency.Samples; got != c.thirty {
			t.Errorf("after %v the last 30 minutes have %d", c.after, got)
		}
		if r.Total.Success != 1 || r.Total.Failure != 1 || r.Total.SuccessRate() != 0.5 {
			t.Errorf("after %v in all: %+v", c.after, r.Total)
		}
	}
	// A span that is used again starts from nothing.
	w.Observe(Success, time.Millisecond, start.Add(24*time.Hour))
	if f := w.Report(start.Add(24 * time.Hour)).Last30Min; f.Success != 1 || f.Failure != 0 || f.Latency.Max != time.Millisecond {
		t.Errorf("a day later: %+v", f)
	}
}

func TestTheRateIsOverThePartOfThePeriodThatHasBeen(t *testing.T) {
	t.Parallel()
	var w Window
	at := start
	for range 60 * 100 { // 100 a second for a minute
		at = at.Add(10 * time.Millisecond)
		w.Observe(Success, time.Millisecond, at)
	}
	for name, f := range map[string]Figures{"5 minutes": w.Report(at).Last5Min, "30 minutes": w.Report(at).Last30Min, "all": w.Report(at).Total} {
		if f.PerSecond < 99 || f.PerSecond > 101 {
			t.Errorf("%s: %v a second", name, f.PerSecond)
		}
	}
	quiet := w.Report(at.Add(2 * time.Minute)).Last5Min
	if quiet.PerSecond < 33 || quiet.PerSecond > 34 {
		t.Errorf("two minutes later: %v a second", quiet.PerSecond)
	}
}

func TestAClockThatStepsBackLosesNothing(t *testing.T) {
	t.Parallel()
	var w Window
	w.Observe(Success, time.Millisecond, start)
	w.Observe(Success, time.Millisecond, start.Add(-time.Hour))
	if r := w.Report(start.Add(-time.Hour)); r.Last5Min.Success != 2 || r.Last30Min.Success != 2 || r.Total.Success != 2 {
		t.Errorf("%+v", r)
	}
}

func TestOnlyDeliveriesAndFailuresMakeTheSuccessRate(t *testing.T) {
	t.Parallel()
	var w Window
	if f := w.Report(start).Total; f.SuccessRate() != 1 {
		t.Errorf("of nothing: %v", f.SuccessRate())
	}
	for range 3 {
		w.Observe(Success, 0, start)
		w.Observe(Deferred, 0, start)
		w.Observe(Limited, 0, start)
	}
	w.Observe(Failure, 0, start)
	if f := w.Report(start).Total; f.SuccessRate() != 0.75 || f.Deferred != 3 || f.Limited != 3 {
		t.Errorf("%+v: %v", f, f.SuccessRate())
	}
}

func TestAWindowHasABoundOnItsMemory(t *testing.T) {
	most := unsafe.Sizeof(Window{}) + 2*spans*unsafe.Sizeof(span{})
	if most > 12<<10 {
		t.Errorf("a window can take %d bytes", most)
	}
	var w Window
	at := start
	for range 40 {
		at = at.Add(time.Minute)
		w.Observe(Success, 0, at)
	}
	if n := testing.AllocsPerRun(1000, func() {
		at = at.Add(time.Second)
		w.Observe(Success, time.Millisecond, at)
	}); n != 0 {
		t.Errorf("%v allocations for an observation in a window that has all its spans", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	var w Window
	at := start
	b.ReportAllocs()
	for i := range b.N {
		w.Observe(Success, time.Duration(i%1000)*time.Microsecond, at.Add(time.Duration(i)*time.Microsecond))
	}
}

func BenchmarkReport(b *testing.B) {
	var w Window
	for i := range 10000 {
		w.Observe(Success, time.Duration(i)*time.Millisecond, start.Add(time.Duration(i)*200*time.Millisecond))
	}
	b.ReportAllocs()
	for range b.N {
		w.Report(start.Add(2000 * time.Second))
	}
}
