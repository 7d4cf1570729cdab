package rolling

import (
	"math/bits"
	"time"
)

// The buckets of a histogram. Each doubling of the time has four, of equal
// width; the first holds what took less than least, the last what took more
// than two minutes.
const (
	least    = 64 * time.Microsecond
	perTwice = 4
	buckets  = 1 + 21*perTwice
)

// histogram counts durations.
type histogram [buckets]uint32

// bucketOf is the bucket of a duration.
func bucketOf(d time.Duration) int {
	n := uint64(max(d, 0) / least)
	if n == 0 {
		return 0
	}
	twice := bits.Len64(n) - 1
	part := int(uint64(d)*perTwice>>twice/uint64(least)) - perTwice
	return min(1+twice*perTwice+part, buckets-1)
}

// edge is where a bucket begins.
func edge(i int) time.Duration {
	if i == 0 {
		return 0
	}
	twice, part := (i-1)/perTwice, (i-1)%perTwice
	return least << twice * time.Duration(perTwice+part) / perTwice
}

// counts is a histogram that several were added up in.
type counts [buckets]uint64

func (c *counts) add(h *histogram) {
	for i, n := range h {
		c[i] += uint64(n)
	}
}

// quantile is the duration below which a part q of those counted lies, within
// the bounds that are known.
func (c *counts) quantile(q float64, all uint64, low, high time.Duration) time.Duration {
	if all == 0 {
		return 0
	}
	rank := q * float64(all)
	var seen float64
	for i, n := range c {
		if n == 0 {
			continue
		}
		if seen += float64(n); seen < rank {
			continue
		}
		from, to := edge(i), high
		if i+1 < buckets {
			to = edge(i + 1)
		}
		part := 1 - (seen-rank)/float64(n)
		return min(max(from+time.Duration(part*float64(to-from)), low), high)
	}
	return high
}
