package store

import (
	"testing"
	"time"
)

// look looks at rows, of which every n-th fits, until the end.
func look(s *Search, n int) (rows int) {
	for ; !s.Over(); rows++ {
		if rows%n != 0 {
			s.Miss()
		}
	}
	return rows
}

func TestSearchEnds(t *testing.T) {
	for _, c := range []struct {
		patience time.Duration
		fits     int
		want     int
	}{
		{0, MaxExamined * 2, MaxExamined},
		{time.Hour, MaxExamined * 2, MaxExamined},
		{time.Nanosecond, MaxExamined * 2, MinExamined + 1},
		{time.Nanosecond, 2, MinExamined * 2},
		{time.Nanosecond, 1, MaxExamined}, // nothing is in vain
	} {
		s := &Search{Patience: c.patience}
		if n := look(s, c.fits); n != c.want {
			t.Errorf("with a patience of %s, where each %d. fits: %d rows, want %d", c.patience, c.fits, n, c.want)
		}
		if n := look(s, c.fits); n != 0 {
			t.Errorf("with a patience of %s, where each %d. fits: %d rows after the end", c.patience, c.fits, n)
		}
	}
}
