package pace

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// most is the largest number of times within any second, its ends included.
func most(at []time.Time) (n int) {
	slices.SortFunc(at, time.Time.Compare)
	from := 0
	for i, t := range at {
		for t.Sub(at[from]) > time.Second {
			from++
		}
		n = max(n, i-from+1)
	}
	return n
}

// A starter with a backlog wakes when the limiter says, or later, and its
// exchanges arrive after a delay. The receiver must never see more than
// rate+1 in a second, whatever the jitter, and nothing may be lost by jitter
// that the slack covers.
func TestAReceiverSeesTheRateInEverySecond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom([]int{1, 2, 7, 10, 50, 99, 100}).Draw(t, "rate")
		late := rapid.IntRange(0, 60_000).Draw(t, "wakes late by up to µs")
		network := rapid.IntRange(0, 20_000).Draw(t, "arrives late by up to µs")
		stall := rapid.IntRange(0, 400_000).Draw(t, "one wake in fifty is late by up to µs")
		seed := rapid.Uint64().Draw(t, "seed")
		roll := func(n int) time.Duration { // cheaper than drawing thousands of numbers
			seed = seed*6364136223846793005 + 1442695040888963407
			return time.Duration(seed>>33%uint64(n+1)) * time.Microsecond
		}
		var l Limiter
		l.Set(float64(rate), start)
		now := start
		var arrived []time.Time
		for now.Sub(start) < 5*time.Second {
			if wait := l.Wait(0, now); wait > 0 {
				now = now.Add(wait + roll(late))
				if roll(49) == 0 {
					now = now.Add(roll(stall))
				}
				continue
			}
			l.Take(now)
			arrived = append(arrived, now.Add(roll(network)))
		}
		if n := most(arrived); n > rate+1 {
			t.Fatalf("%d in a second at %d/s", n, rate)
		}
		// What is late in one second is made up for in the next, unless each wake
		// is late by more than the distance of two.
		want := 5 * float64(rate) * 100 / (grains + 1)
		if late <= min(20_000, 1_000_000/rate) && stall == 0 && float64(len(arrived)) < math.Floor(want*0.99) {
			t.Fatalf("%d in 5 s at %d/s, want %.1f", len(arrived), rate, want)
		}
	})
}

func TestAtAHundredASecondHardlyASecondIsShort(t *testing.T) {
	t.Parallel()
	var l Limiter
	l.Set(100, start)
	now := start
	seconds := make([]int, 60)
	for i := 0; now.Sub(start) < time.Minute; i++ {
		if wait := l.Wait(0, now); wait > 0 {
			now = now.Add(wait + time.Duration(i%15)*time.Millisecond)
			if i%70 == 0 {
				now = now.Add(80 * time.Millisecond) // a machine that is busy
			}
			continue
		}
		l.Take(now)
		seconds[int(now.Sub(start)/time.Second)]++
	}
	short := 0
	for _, n := range seconds {
		if n < 95 {
			short++
		}
	}
	if short > 3 {
		t.Errorf("%d seconds have fewer than 95: %v", short, seconds)
	}
}

func TestAChangeOfRateNeitherGainsNorLosesCredit(t *testing.T) {
	t.Parallel()
	for _, to := range []float64{1, 100, 1000} {
		t.Run(fmt.Sprintf("from 10/s to %v/s", to), func(t *testing.T) {
			t.Parallel()
			var l Limiter
			l.Set(10, start)
			for range 5 {
				l.Take(start)
			}
			for range 3 { // to and fro is the same as once
				l.Set(to, start)
				l.Set(10, start)
			}
			l.Set(to, start)
			// Five were taken, one of them on credit.
			want := time.Duration(4 * float64(time.Second) / to)
			if got := l.Wait(0, start); (got - want).Abs() > time.Microsecond {
				t.Errorf("waits %s, want %s", got, want)
			}
			if l.Wait(0, start.Add(time.Hour)) != 0 {
				t.Error("an hour later it still waits")
			}
		})
	}
	t.Run("a flood of changes lets nothing through", func(t *testing.T) {
		t.Parallel()
		var l Limiter
		var went []time.Time
		for i := range 60_000 {
			now := start.Add(time.Duration(i) * time.Millisecond)
			l.Set(float64(90+i%11), now)
			if l.Wait(0, now) == 0 {
				l.Take(now)
				went = append(went, now)
			}
		}
		if n := most(went); n > 101 || len(went) < 88*59 {
			t.Errorf("%d in a second, %d in a minute", n, len(went))
		}
	})
}

func TestWithoutARateNothingWaits(t *testing.T) {
	t.Parallel()
	var l Limiter
	for range 1000 {
		if l.Wait(10, start) != 0 {
			t.Fatal("it waits")
		}
		l.Take(start)
	}
	l.Set(1, start)
	l.Take(start)
	if l.Set(0, start); l.Wait(100, start) != 0 || l.PerSecond() != 0 {
		t.Error("it waits after the limit was taken away")
	}
}

func TestThoseBehindWaitTheirTurn(t *testing.T) {
	t.Parallel()
	var l Limiter
	l.Set(10, start)
	l.Take(start.Add(-50 * time.Millisecond))
	for n, want := range map[int]time.Duration{0: 0, 1: 50 * time.Millisecond, 20: 1950 * time.Millisecond} {
		if got := l.Wait(n, start); got != want {
			t.Errorf("the one behind %d waits %s, want %s", n, got, want)
		}
	}
}

// What is made up for comes at half the even distance, not all at once.
func TestMakingUpForLostTimeIsNoBurst(t *testing.T) {
	t.Parallel()
	var l Limiter
	l.Set(100, start)
	var went []time.Time
	for us := range 3_000_000 {
		if us/1000 >= 1000 && us/1000 < 1200 { // stands still
			continue
		}
		if now := start.Add(time.Duration(us) * time.Microsecond); us%100 == 0 && l.Wait(0, now) == 0 {
			l.Take(now)
			went = append(went, now)
		}
	}
	for i := 3; i < len(went); i++ {
		if d := went[i].Sub(went[i-3]); d < 12*time.Millisecond {
			t.Fatalf("four within %s", d)
		}
	}
	if n := most(went); n > 100 || len(went) < 280 {
		t.Errorf("%d went, %d in a second", len(went), n)
	}
}
