package pace

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestARampBeginsWithEight(t *testing.T) {
	t.Parallel()
	var r Ramp
	if r.Level(start) != 8 || r.Sound(start) {
		t.Fatalf("it begins with %d", r.Level(start))
	}
	now := start
	for range 100 {
		r.Observe(Success, 50, now)
	}
	if r.Level(now) != 50 || !r.Sound(now) {
		t.Errorf("after 100 successes it is %d", r.Level(now))
	}
	for i, want := range []int{25, 12, 6, 3, 1, 1} {
		r.Observe(Failure, 50, now)
		if r.Level(now) != want || r.Sound(now) != (i < 2) {
			t.Errorf("after %d failures it is %d, sound %v", i+1, r.Level(now), r.Sound(now))
		}
	}
	r.Observe(Ignored, 50, now)
	if r.Level(now) != 1 {
		t.Errorf("what says nothing moves it to %d", r.Level(now))
	}
	r.Observe(Success, 50, now)
	if r.Level(now) != 2 || !r.Sound(now) {
		t.Errorf("a success moves it to %d", r.Level(now))
	}
	if now = now.Add(idle + 1); r.Level(now) != 8 || r.Sound(now) {
		t.Errorf("after an idle minute it is %d", r.Level(now))
	}
	r.Touch(now)
	r.Observe(Failure, 50, now)
	if r.Level(now) != 4 {
		t.Errorf("a failure after an idle minute moves it to %d", r.Level(now))
	}
}

func TestAClaimIsJudged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claim Claim
		want  bool
	}{
		"the only endpoint may have all":               {Claim{Slots: 50, Taken: 49, Mine: 49, Known: 1, Asking: 1, Suspect: 49}, true},
		"nobody gets what is not there":                {Claim{Slots: 50, Taken: 50, Known: 1, Asking: 1}, false},
		"a sound one gets its share to the last":       {Claim{Slots: 50, Taken: 49, Mine: 9, Known: 5, Asking: 5, Sound: true}, true},
		"a sound one borrows":                          {Claim{Slots: 50, Taken: 43, Mine: 10, Known: 5, Asking: 5, Sound: true}, true},
		"but leaves the reserve":                       {Claim{Slots: 50, Taken: 44, Mine: 10, Known: 5, Asking: 5, Sound: true}, false},
		"also where the others are idle":               {Claim{Slots: 50, Taken: 44, Mine: 44, Known: 2, Asking: 1, Sound: true}, false},
		"a new one gets its first":                     {Claim{Slots: 50, Taken: 40, Known: 100, Asking: 100}, true},
		"but not from the reserve":                     {Claim{Slots: 50, Taken: 44, Known: 100, Asking: 100}, false},
		"a second only if suspects have little":        {Claim{Slots: 50, Taken: 5, Mine: 1, Known: 100, Asking: 5, Suspect: 5}, true},
		"and not if they have enough":                  {Claim{Slots: 50, Taken: 6, Mine: 1, Known: 100, Asking: 5, Suspect: 6}, false},
		"a stuck one gets more of an idle pool":        {Claim{Slots: 50, Taken: 20, Mine: 20, Known: 2, Asking: 1, Sound: true, Stuck: true}, true},
		"and nothing of a busy one":                    {Claim{Slots: 50, Taken: 25, Mine: 2, Known: 9, Asking: 9, Sound: true, Stuck: true}, false},
		"small pools keep nothing back":                {Claim{Slots: 2, Taken: 1, Known: 3, Asking: 3, Sound: true}, true},
		"nor do they from who is new":                  {Claim{Slots: 2, Taken: 1, Known: 3, Asking: 3}, true},
		"a share is one at least":                      {Claim{Slots: 50, Taken: 49, Known: 100, Asking: 100, Sound: true}, true},
		"who is sound and has none is never kept back": {Claim{Slots: 8, Taken: 7, Known: 100, Asking: 2, Sound: true, Stuck: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.claim.Granted(); got != c.want {
				t.Errorf("%+v: granted %v, share %d", c.claim, got, c.claim.Share())
			}
		})
	}
}

func TestWhoShowsNothingIsStuck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		running int
		for_    time.Duration
		usual   time.Duration
		want    bool
	}{
		{0, time.Hour, 0, false},
		{1, 250 * time.Millisecond, 0, false},
		{1, 251 * time.Millisecond, 0, true},
		{1, 5 * time.Second, time.Second, false},
		{1, 5*time.Second + 1, time.Second, true},
	} {
		if got := Stuck(c.running, start, c.usual, start.Add(c.for_)); got != c.want {
			t.Errorf("%d running for %s where %s is usual: stuck %v", c.running, c.for_, c.usual, got)
		}
	}
}

// Endpoints that never answer take what they can get in any order, among
// others that are sound: they never get what is kept for those.
func TestTheDeadNeverGetTheReserve(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(8, 200).Draw(t, "slots")
		dead := rapid.IntRange(1, 100).Draw(t, "dead")
		known := dead + rapid.IntRange(1, 100).Draw(t, "sound")
		mine := make([]int, dead)
		taken := 0
		for range 4 * slots {
			i := rapid.IntRange(0, dead-1).Draw(t, "who")
			c := Claim{Slots: slots, Taken: taken, Mine: mine[i], Known: known, Asking: dead, Suspect: taken}
			if c.Granted() {
				mine[i]++
				taken++
			}
		}
		if taken > dead-1+slots/8 || taken > slots-slots/8 {
			t.Fatalf("%d dead endpoints hold %d of %d slots", dead, taken, slots)
		}
		c := Claim{Slots: slots, Taken: taken, Known: known, Asking: dead + 1, Suspect: taken, Sound: true}
		if !c.Granted() {
			t.Fatalf("a sound endpoint gets nothing beside %d of %d slots", taken, slots)
		}
	})
}
