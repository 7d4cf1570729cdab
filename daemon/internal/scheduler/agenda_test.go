package scheduler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestWhatIsTouchedComesOnceInTheOrderOfTheirTouch(t *testing.T) {
	t.Parallel()
	l := newAgenda()
	for _, name := range []string{"b", "a", "b", "c", "a"} {
		l.touch(name)
	}
	if got := l.take(); !slices.Equal(got, []string{"b", "a", "c"}) {
		t.Errorf("took %v", got)
	}
	if l.hot() || len(l.take()) != 0 {
		t.Error("there is more to take")
	}
	l.touch("a")
	if got := l.take(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("took %v after a new touch", got)
	}
}

func TestAPlanRipensAtTheEarliestTime(t *testing.T) {
	t.Parallel()
	l := newAgenda()
	l.at("a", noon.Add(10*time.Second))
	l.at("a", noon.Add(5*time.Second))
	l.at("a", noon.Add(20*time.Second)) // later than planned: no news
	l.at("b", noon.Add(7*time.Second))
	if w := l.wait(noon); w != 5*time.Second {
		t.Errorf("waits %s", w)
	}
	l.ripen(noon.Add(5*time.Second - 1))
	if l.hot() {
		t.Error("ripe too early")
	}
	l.ripen(noon.Add(6 * time.Second))
	if got := l.take(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("took %v", got)
	}
	l.ripen(noon.Add(time.Minute)) // what the earlier plan replaced is nothing any more
	if got := l.take(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("took %v", got)
	}
	if w := l.wait(noon); w < time.Minute {
		t.Errorf("waits %s for nothing", w)
	}
}

func TestNoPlanIsLostAndPlansDoNotPileUp(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	l, planned := newAgenda(), map[string]time.Time{}
	now := noon
	for range 20_000 {
		name := fmt.Sprint("lane ", r.IntN(20))
		at := now.Add(time.Duration(1+r.IntN(100_000)) * time.Millisecond)
		l.at(name, at)
		if was, ok := planned[name]; !ok || at.Before(was) {
			planned[name] = at
		}
		if r.IntN(3) > 0 {
			continue
		}
		now = now.Add(time.Duration(r.IntN(500)) * time.Millisecond)
		l.ripen(now)
		ripe := l.take()
		slices.Sort(ripe)
		var want []string
		for name, at := range planned {
			if !at.After(now) {
				want = append(want, name)
				delete(planned, name)
			}
		}
		slices.Sort(want)
		if !slices.Equal(ripe, want) {
			t.Fatalf("ripe: %v, want %v", ripe, want)
		}
		if len(l.later) > 2*20+65 {
			t.Fatalf("%d plans for 20 lanes", len(l.later))
		}
	}
}
