package retention

import (
	"testing"
	"time"
)

func TestStepsAreAsLongAsOthersMayWait(t *testing.T) {
	k := &Keeper{o: Options{Step: 100}}
	const slow, right, fast = 4 * stepTime, stepTime * 3 / 4, stepTime / 10
	rows := 100
	for i, c := range []struct {
		took time.Duration
		want int
	}{{slow, 50}, {slow, 25}, {right, 25}, {slow, 12}, {slow, leastStep}, {slow, leastStep}, {fast, 20}, {fast, 40}, {fast, 80}, {fast, 100}, {fast, 100}} {
		if rows = k.size(rows, c.took); rows != c.want {
			t.Errorf("step %d took %s: the next has %d rows, want %d", i, c.took, rows, c.want)
		}
	}
	few := &Keeper{o: Options{Step: 3}}
	if rows := few.size(3, slow); rows != 3 {
		t.Errorf("a step of 3 rows became one of %d", rows)
	}
}
