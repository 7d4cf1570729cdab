package retention

import (
	"testing"
	"time"
)

// At its first pace a walk removes some 2,500 rows a second. One that would
// take longer than others can wait for must become faster, however long it is.
func TestAWalkThatTakesLongRestsLess(t *testing.T) {
	for _, c := range []struct{ walked, want time.Duration }{
		{0, restTime}, {hurryAfter - 1, restTime}, {hurryAfter, restTime / 2}, {3 * hurryAfter, restTime / 4}, {1000 * hurryAfter, restTime / 1001},
	} {
		if got := rest(c.walked); got != c.want {
			t.Errorf("after %s a walk rests for %s, want %s", c.walked, got, c.want)
		}
	}
}
