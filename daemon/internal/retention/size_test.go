package retention

import (
	"testing"
	"time"
)

func TestStepsAreAsLongAsOthersMayWait(t *testing.T) {
	k := &Keeper{o: Options{Step: 400}}
	const slow, right, fast = 4 * stepTime, stepTime * 3 / 4, stepTime / 10
	rows := 400
	for i, c := range []struct {
		took time.Duration
		want int
	}{{slow, 200}, {slow, 100}, {right, 100}, {slow, leastStep}, {slow, leastStep}, {fast, 100}, {fast, 200}, {fast, 400}, {fast, 400}} {
		if rows = k.size(rows, c.took); rows != c.want {
			t.Errorf("step %d took %s: the next has %d rows, want %d", i, c.took, rows, c.want)
		}
	}
	few := &Keeper{o: Options{Step: 3}}
	if rows := few.size(3, slow); rows != 3 {
		t.Errorf("a step of 3 rows became one of %d", rows)
	}
}
