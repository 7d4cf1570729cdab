package main

import (
	"slices"
	"time"
)

// mostIn returns the most of the sorted times that lie in any stretch of the
// length, its end not included.
func mostIn(sorted []int64, length time.Duration) int {
	most, from := 0, 0
	for i, at := range sorted {
		for at-sorted[from] >= int64(length) {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// perSlot counts the times in each of n stretches of the length that follow
// each other from start on.
func perSlot(times []int64, start int64, length time.Duration, n int) []int {
	counts := make([]int, n)
	for _, at := range times {
		if slot := (at - start) / int64(length); at >= start && slot < int64(n) {
			counts[slot]++
		}
	}
	return counts
}

// timesOf returns when the arrivals that fit came, sorted.
func timesOf(as []arrival, fits func(arrival) bool) []int64 {
	var times []int64
	for _, a := range as {
		if fits(a) {
			times = append(times, a.At)
		}
	}
	slices.Sort(times)
	return times
}

// begunOf returns when the requests were made by the sender's account, sorted.
func begunOf(as []arrival) []int64 {
	var times []int64
	for _, a := range as {
		if at, err := time.Parse(time.RFC3339, a.Begun); err == nil {
			times = append(times, at.UnixNano())
		}
	}
	slices.Sort(times)
	return times
}
