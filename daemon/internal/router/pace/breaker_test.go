package pace

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// run makes n exchanges of one outcome, a millisecond each.
func run(b *Breaker, o Outcome, n int, now time.Time) time.Time {
	for range n {
		b.Begin()
		began := now
		now = now.Add(time.Millisecond)
		b.Observe(o, began, now)
	}
	return now
}

func TestABreakerOpensAtHalfOfTenCalls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ok, bad int
		want    State
	}{
		"nine failures are too few":         {0, 9, Closed},
		"ten failures open":                 {0, 10, Open},
		"five of ten open":                  {5, 5, Open},
		"four of ten do not":                {6, 4, Closed},
		"nine after many good ones do not":  {1000, 9, Closed},
		"ten in a row after many good open": {1000, 10, Open},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b Breaker
			now := run(&b, Success, c.ok, start)
			run(&b, Failure, c.bad, now)
			if b.State() != c.want {
				t.Errorf("it is %s, want %s", b.State(), c.want)
			}
		})
	}
}

func TestOldCallsAreForgotten(t *testing.T) {
	t.Parallel()
	var b Breaker
	now := run(&b, Failure, 9, start)
	now = run(&b, Success, 1, now.Add(time.Minute))
	if ok, bad := b.Counts(now); ok != 1 || bad != 0 || b.State() != Closed {
		t.Errorf("%d and %d are counted, it is %s", ok, bad, b.State())
	}
}

func TestABreakerProbesAndBacksOff(t *testing.T) {
	t.Parallel()
	var b Breaker
	now := run(&b, Failure, 10, start)
	for i, want := range []time.Duration{5, 10, 20, 40, 60, 60} {
		if got := b.Until().Sub(now); got != want*time.Second || b.Window() != 1 || b.Trips() != i+1 {
			t.Fatalf("opening %d is for %s, window %d", b.Trips(), got, b.Window())
		}
		if ok, at := b.Ready(0, b.Until().Add(-1)); ok || at != b.Until() {
			t.Fatal("something begins while it is open")
		}
		now = b.Until()
		if ok, _ := b.Ready(0, now); !ok || b.State() != HalfOpen {
			t.Fatalf("no probe goes; it is %s", b.State())
		}
		if ok, _ := b.Ready(1, now); ok {
			t.Fatal("two probes go at once")
		}
		now = run(&b, Success, 2, now)
		now = run(&b, Ignored, 5, now)
		if b.State() != HalfOpen {
			t.Fatalf("after two successes it is %s", b.State())
		}
		now = run(&b, Failure, 1, now)
	}
	now = b.Until()
	b.Advance(now)
	run(&b, Success, 3, now)
	if b.State() != Closing || b.Window() != 1 {
		t.Errorf("after three successes it is %s, window %d", b.State(), b.Window())
	}
}

func TestAClosingBreakerDoublesEachSecond(t *testing.T) {
	t.Parallel()
	b := closing()
	began := b.Since()
	for second := range 7 {
		now := began.Add(time.Duration(second) * time.Second)
		n := 0
		for ok, _ := b.Ready(n, now); ok && n < 1000; ok, _ = b.Ready(n, now) {
			b.Begin()
			b.Observe(Success, now, now)
			n++
		}
		if n != 1<<second || b.State() != Closing {
			t.Fatalf("second %d: %d begin, it is %s", second, n, b.State())
		}
		if _, at := b.Ready(0, now); at != now.Add(time.Second) {
			t.Errorf("the next may go at %s", at)
		}
	}
	// Then there is less to do than it allows.
	if !b.Advance(began.Add(7*time.Second)) || b.State() != Closing {
		t.Fatalf("it is %s", b.State())
	}
	if !b.Advance(began.Add(8*time.Second)) || b.State() != Closed || b.Trips() != 0 || b.Window() != 0 {
		t.Errorf("it is %s, window %d", b.State(), b.Window())
	}
}

func TestASecondIsNotSkipped(t *testing.T) {
	t.Parallel()
	b := closing()
	now := b.Since().Add(time.Hour)
	if b.Advance(now); b.Window() != 2 || b.State() != Closing {
		t.Errorf("after an hour the window is %d", b.Window())
	}
	if b.Advance(now.Add(time.Second - 1)) {
		t.Error("the second second is shorter than one")
	}
}

func closing() *Breaker {
	var b Breaker
	run(&b, Failure, 10, start)
	now := b.Until()
	b.Advance(now)
	run(&b, Success, 3, now)
	return &b
}

func TestWhatBeganBeforeCountsNoMore(t *testing.T) {
	t.Parallel()
	var b Breaker
	now := run(&b, Failure, 10, start)
	probe := b.Until()
	b.Advance(probe)
	for range 20 { // timeouts that were on their way
		b.Observe(Failure, now, probe.Add(time.Second))
		b.Observe(Success, now, probe.Add(time.Second))
	}
	if b.State() != HalfOpen || b.Trips() != 1 {
		t.Errorf("it is %s", b.State())
	}
}

func TestABreakerLearnsFromOthers(t *testing.T) {
	t.Parallel()
	var b Breaker
	until := start.Add(20 * time.Second)
	if !b.Adopt(until, 3, start) || b.State() != Open || b.Trips() != 3 || b.Adopt(until, 3, start) {
		t.Fatalf("it is %s", b.State())
	}
	b.Advance(until)
	if b.Adopt(until, 3, until) || b.State() != HalfOpen {
		t.Errorf("its own hold is news to it")
	}
	run(&b, Failure, 1, until)
	if got := b.Until().Sub(until); got < 40*time.Second {
		t.Errorf("it opens for %s, and not for longer than before", got)
	}
	var c Breaker
	if !c.Adopt(start.Add(-time.Second), 2, start) || c.State() != HalfOpen {
		t.Errorf("a router that comes late is %s and does not probe", c.State())
	}
	if !c.Reset(start) || c.State() != Closed || c.Reset(start) {
		t.Errorf("after the reset it is %s", c.State())
	}
}

// Whatever happens in whatever order, an endpoint that always fails gets few
// exchanges, one that is well again gets all it wants, and no bound is broken.
func TestABreakerHoldsItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var (
			b       Breaker
			now     = start
			running []time.Time // when each began
			begun   []time.Time
		)
		act := func(o Outcome) {
			if len(running) == 0 {
				return
			}
			i := rapid.IntRange(0, len(running)-1).Draw(t, "which")
			b.Observe(o, running[i], now)
			running = append(running[:i], running[i+1:]...)
		}
		t.Repeat(map[string]func(*rapid.T){
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 8000).Draw(t, "ms")) * time.Millisecond)
			},
			"begin": func(t *rapid.T) {
				since, was := b.Since(), b.State()
				ok, at := b.Ready(len(running), now)
				if !ok {
					if !at.IsZero() && !at.After(now) {
						t.Fatalf("it is not ready and says that it was since %s", at)
					}
					return
				}
				switch {
				case b.State() == Open:
					t.Fatal("something begins while it is open")
				case b.State() == HalfOpen && len(running) > 0:
					t.Fatal("two begin while it is half open")
				case was == Closing && b.State() == Closing && since == b.Since() && b.begun >= b.Window():
					t.Fatal("more begin than the window")
				}
				b.Begin()
				running, begun = append(running, now), append(begun, now)
			},
			"succeed": func(*rapid.T) { act(Success) },
			"fail":    func(*rapid.T) { act(Failure) },
			"ignore":  func(*rapid.T) { act(Ignored) },
			"": func(t *rapid.T) {
				if b.State() == Open && (b.Until().Sub(b.Since()) > maxOpen || b.Trips() == 0) {
					t.Fatalf("open for %s, trips %d", b.Until().Sub(b.Since()), b.Trips())
				}
				if (b.Window() == 0) != (b.State() == Closed) {
					t.Fatalf("%s with window %d", b.State(), b.Window())
				}
			},
		})
		// The endpoint dies for ten minutes: few exchanges a minute.
		for range len(running) {
			b.Observe(Failure, running[0], now)
			running = running[1:]
		}
		var down []time.Time
		for end := now.Add(10 * time.Minute); now.Before(end); now = now.Add(20 * time.Millisecond) {
			if ok, _ := b.Ready(0, now); ok {
				b.Begin()
				down = append(down, now)
				b.Observe(Failure, now, now.Add(10*time.Millisecond))
			}
		}
		from := 0
		for i, at := range down {
			for at.Sub(down[from]) >= time.Minute {
				from++
			}
			// ten and ten: it may have been closing, and then opens twice
			if i-from+1 > 20 {
				t.Fatalf("%d exchanges in a minute while it was down", i-from+1)
			}
		}
		// And is back: in three minutes it is as if nothing had been.
		for end := now.Add(3 * time.Minute); now.Before(end) && b.State() != Closed; now = now.Add(20 * time.Millisecond) {
			if ok, _ := b.Ready(0, now); ok {
				b.Begin()
				b.Observe(Success, now, now.Add(10*time.Millisecond))
			}
		}
		if b.State() != Closed {
			t.Fatalf("after three good minutes it is %s", b.State())
		}
	})
}

// A store keeps milliseconds, rounded up: what this router wrote itself is no
// news when it is read again.
func TestABreakerKnowsItsOwnWordAgain(t *testing.T) {
	t.Parallel()
	var b Breaker
	now := run(&b, Failure, 10, start.Add(123*time.Nanosecond))
	stored := b.Until().Add(time.Millisecond - time.Nanosecond).Truncate(time.Millisecond)
	if b.Adopt(stored, b.Trips(), now) {
		t.Error("its own word was taken for another router's")
	}
}
