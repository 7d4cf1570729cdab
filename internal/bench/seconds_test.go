package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// at makes times of milliseconds.
func at(ms ...int) (times []int64) {
	for _, m := range ms {
		times = append(times, int64(m)*int64(time.Millisecond))
	}
	return times
}

func TestMostInAnySecond(t *testing.T) {
	for name, c := range map[string]struct {
		times []int64
		want  int
	}{
		"none":                          {nil, 0},
		"one":                           {at(5), 1},
		"the end is not part of it":     {at(0, 1000), 1},
		"just before the end is":        {at(0, 999), 2},
		"across the edge of two":        {at(900, 950, 999, 1000, 1050, 1899, 1900), 6},
		"all at once":                   {at(7, 7, 7), 3},
		"the last stretch is the worst": {at(0, 5000, 9000, 9100, 9200), 3},
	} {
		if got := mostIn(c.times, time.Second); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// The quick way and the plain one agree.
func TestMostInAgreesWithCounting(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var times []int64
		for range r.IntN(60) {
			times = append(times, r.Int64N(5000))
		}
		slices.Sort(times)
		most := 0
		for _, from := range times {
			n := 0
			for _, x := range times {
				if from <= x && x < from+1000 {
					n++
				}
			}
			most = max(most, n)
		}
		if got := mostIn(times, 1000); got != most {
			t.Fatalf("%v: %d, want %d", times, got, most)
		}
	}
}

func TestPerSlot(t *testing.T) {
	got := perSlot(at(99, 100, 1099, 1100, 3099, 3100, 9000), at(100)[0], time.Second, 3)
	if want := []int{2, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestBegunOf(t *testing.T) {
	got := begunOf([]arrival{{Begun: "2026-01-02T15:04:05.678Z"}, {}, {Begun: "2026-01-02T15:04:05.001Z"}, {Begun: "soon"}})
	if len(got) != 2 || got[1]-got[0] != int64(677*time.Millisecond) {
		t.Errorf("%v, want two times, 677 ms apart", got)
	}
}
